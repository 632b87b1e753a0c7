"""docs/models-file.md has every key of a model's file, with its default."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from automl_core.models.evaluation.tests import RegressionTest
from automl_core.models.file import ModelFile
from automl_core.models.file.accept import Accept
from automl_core.models.file.alerts import ModelAlerts
from automl_core.models.file.deploy import Batch, KubernetesBatch, LocalBatch, MaxComputeBatch
from automl_core.models.file.evaluate import Evaluate, Program
from automl_core.models.file.feedback import Feedback
from automl_core.models.file.kubernetes import (
    Cache,
    Gateway,
    KubernetesServers,
    Options,
    Reaching,
    Replicas,
    ServersTls,
)
from automl_core.models.file.model import Candidate, Candidates, Output, Registry
from automl_core.models.file.serve import Ab, Metric, Rolling, Safeguard, SafeguardMetric, Servers, Shadow
from automl_core.models.file.values import Data
from automl_core.models.file.watch import Endpoint, Retrain, Tls, Watch, When
from automl_core.spec.environment import Environment
from automl_core.spec.kubernetes import Gpus, PodResources, StorageMount
from automl_core.spec.models import Schedule
from automl_core.spec.placement import Placement
from automl_core.spec.shapes import fields_of, shape_of
from automl_core.spec.units import parse_duration
from tests.test_docs import PAGES, named, rows_after, shown_default

PAGE = PAGES["models-file.md"]

TABLES: dict[str, tuple[type[BaseModel], frozenset[str]]] = {
    "## Model": (ModelFile, frozenset()),
    "## Where the model lies": (Output, frozenset()),
    "## candidates": (Candidates, frozenset()),
    "### a candidate elsewhere": (Candidate, frozenset()),
    "## evaluate": (Evaluate, frozenset()),
    "### a place with its connection": (Data, frozenset()),
    "### a program of your own": (Program, frozenset()),
    "## accept": (Accept, frozenset()),
    "### batch": (LocalBatch, frozenset()),
    "With `backend: kubernetes`": (KubernetesBatch, frozenset({"backend", *Batch.model_fields})),
    "With `backend: maxcompute`": (MaxComputeBatch, frozenset({"backend", *Batch.model_fields})),
    "### servers": (Servers, frozenset()),
    "### safeguard": (Safeguard, frozenset()),
    "### a metric of what came true": (SafeguardMetric, frozenset()),
    "### ab": (Ab, frozenset()),
    "### shadow": (Shadow, frozenset()),
    "### kubernetes": (KubernetesServers, frozenset({"to", *Rolling.model_fields})),
    "### replicas": (Replicas, frozenset()),
    "### certificates of the servers": (ServersTls, frozenset()),
    "### how pods reach the storage": (Reaching, frozenset()),
    "### options of the servers": (Options, frozenset()),
    "### cache": (Cache, frozenset()),
    "### gateway": (Gateway, frozenset()),
    "## feedback": (Feedback, frozenset()),
    "## watch": (Watch, frozenset()),
    "### endpoint": (Endpoint, frozenset()),
    "### tls of an end point": (Tls, frozenset()),
    "### retrain": (Retrain, frozenset()),
    "### when": (When, frozenset()),
    "## the registered model": (Registry, frozenset()),
    "## who is told": (ModelAlerts, frozenset()),
}
"""Where a table begins → the model whose keys it has, and those that another table has for it."""

ON_OTHER_PAGES = {Placement, Schedule, Environment, PodResources, Gpus, StorageMount}
IN_OTHER_TABLES = {Metric}
"""Groups whose keys are those of another."""


def shown(cell: str, field: FieldInfo) -> bool:
    """Whether a cell shows a field's default; a duration or a share as files write it."""
    if cell in shown_default(field):
        return True
    value: Any = None if field.is_required() else field.get_default(call_default_factory=True)
    text = cell.strip("`")
    if not isinstance(value, float) or text == cell:
        return False
    return float(text[:-1]) / 100 == value if text.endswith("%") else parse_duration(text) == value


@pytest.mark.parametrize("start", TABLES)
def test_every_key_is_there_with_its_default(start: str) -> None:
    model, elsewhere = TABLES[start]
    rows = {next(iter(named(row[0]))): row for row in rows_after(PAGE, start)}
    fields = {name: field for name, field in fields_of(model).items() if name not in elsewhere}
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

    tests = {part for part in below(ModelFile) if part.__module__.endswith("evaluation.tests")}
    assert below(ModelFile) - tests == {model for model, _ in TABLES.values()} | ON_OTHER_PAGES | IN_OTHER_TABLES


def test_every_regression_test_is_named_with_its_keys() -> None:
    rows = {next(iter(named(row[0]))): named(row[2]) for row in rows_after(PAGE, "### regression tests")}
    known = {each.model: each.model.model_fields for each in shape_of(RegressionTest).members if each.model}
    assert set(rows) == {fields["test"].annotation.__args__[0] for fields in known.values()}  # type: ignore[union-attr]
    for fields in known.values():
        own = set(fields) - {"test", "name", "severity"}
        assert own <= rows[fields["test"].annotation.__args__[0]]  # type: ignore[union-attr]
