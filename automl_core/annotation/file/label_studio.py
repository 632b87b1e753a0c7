"""``label_studio:`` of an annotation project's file: the server, and the project in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from automl_core.spec.base import Model
from automl_core.spec.errors import Problem, show

if TYPE_CHECKING:
    from automl_core.annotation.file.annotation import AnnotationFile


class LabelStudio(Model):
    """Where people label, with `people.where: label-studio`."""

    connection: str = Field(
        min_length=1, description="Airflow connection with the server's address; its password is the access token."
    )
    project: int | str | None = Field(
        None, description="Number or title of a project there; made, with this file's name, when left out."
    )
    config: str | None = Field(
        None, min_length=1, description="Labelling configuration: XML in which one Choices gives the class; made for "
        "the kind of item and the classes when left out.",
    )  # fmt: skip
    predictions: bool = Field(
        True, description="Whether people see what a model thinks before they label. Never so with items that models "
        "or people are measured by, such as the random stratum.",
    )  # fmt: skip


def label_studio_problems(file: AnnotationFile) -> Iterator[Problem]:
    """What is wrong with `label_studio.config`, by itself and beside the classes and columns."""
    group = file.label_studio
    if group is None or group.config is None:
        return
    from automl_core.annotation.label_studio.configuration import lacking, read_configuration, unknown_fields
    from automl_core.annotation.label_studio.errors import StudioError

    where = ("label_studio", "config")
    try:
        found = read_configuration(group.config)
    except StudioError as error:
        yield Problem(str(error), where, found=show(group.config))
        return
    for each in lacking(found, file.labels.classes):
        yield Problem(
            f"nobody could choose {each!r} of `labels.classes`", where, allowed=found.choices,
            suggestion=f'Add <Choice value="{each}"/> to <Choices name="{found.control}">',
        )  # fmt: skip
    columns = list(dict.fromkeys([*(file.items.columns or ()), *(file.show or ())]))
    if file.items.columns is not None:
        for each in unknown_fields(found, columns):
            yield Problem(
                f"it shows ${each}, and there is no such column in `items.columns` or `items.show`", where,
                found=f"${each}", allowed=tuple(f"${column}" for column in columns),
            )  # fmt: skip
