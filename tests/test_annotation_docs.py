"""docs/annotation-file.md has every key of an annotation project's file, with its default."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from automl_core.annotation.file import AnnotationFile, parse_annotation_document
from automl_core.annotation.file.ahead import ahead, least_for_promise
from automl_core.annotation.file.alerts import AnnotationAlerts
from automl_core.annotation.file.annotation import Output
from automl_core.annotation.file.forecast import forecast
from automl_core.annotation.file.items import Items
from automl_core.annotation.file.label_studio import LabelStudio
from automl_core.annotation.file.labellers import Labeller
from automl_core.annotation.file.labels import Labels
from automl_core.annotation.file.people import People, Suspects
from automl_core.annotation.file.select import Select
from automl_core.annotation.file.stop import Agree, Stop
from automl_core.spec.models import Schedule
from automl_core.spec.placement import Placement
from automl_core.spec.shapes import fields_of
from automl_core.spec.values import Data
from tests.test_docs import PAGES, named, rows_after
from tests.test_model_docs import shown

PAGE = PAGES["annotation-file.md"]

TABLES: dict[str, type[BaseModel]] = {
    "## Project": AnnotationFile,
    "## Where the project lies": Output,
    "## items": Items,
    "## labels": Labels,
    "## who predicts": Labeller,
    "## select": Select,
    "## agree": Agree,
    "## people": People,
    "## label_studio": LabelStudio,
    "## when it ends": Stop,
    "## suspects": Suspects,
    "## what people are told": AnnotationAlerts,
}
"""Where a table begins → the model whose keys it has."""

ON_OTHER_PAGES = {Placement, Schedule, Data}


@pytest.mark.parametrize("start", TABLES)
def test_every_key_is_there_with_its_default(start: str) -> None:
    rows = {next(iter(named(row[0]))): row for row in rows_after(PAGE, start)}
    fields = fields_of(TABLES[start])
    assert set(rows) == set(fields)
    assert {name: row[2] for name, row in rows.items() if not shown(row[2], fields[name])} == {}


def test_every_group_of_the_file_has_its_table() -> None:
    def below(model: type[BaseModel]) -> set[type[BaseModel]]:
        found = {model}
        for field in model.model_fields.values():
            for part in parts(field.annotation):
                found |= below(part) if part not in found else set()
        return found

    def parts(annotation: Any) -> set[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return {annotation}
        return {part for argument in getattr(annotation, "__args__", ()) for part in parts(argument)}

    assert below(AnnotationFile) == {*TABLES.values(), *ON_OTHER_PAGES}


def test_the_numbers_of_the_page_are_those_of_the_defaults() -> None:
    file, _ = parse_annotation_document(PAGE.split("```yaml\n")[1].split("```")[0], "f")
    each, found = ahead(file), forecast(file)
    assert f"{least_for_promise(0.97, 0.95)} of the random stratum where models are to take half" in PAGE
    assert f"The defaults bring {each.random} a\nround" in PAGE
    assert found.promise is not None
    assert (
        f"can be shown after round {found.promise.rounds}, and after round {found.promise.advised_rounds} with" in PAGE
    )
