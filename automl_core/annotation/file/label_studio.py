"""``label_studio:`` of an annotation project's file: the server, and the project in it."""

from __future__ import annotations

from pydantic import Field

from automl_core.spec.base import Model


class LabelStudio(Model):
    """Where people label, with `people.where: label-studio`."""

    connection: str = Field(
        min_length=1, description="Airflow connection with the server's address; its password is the access token."
    )
    project: int | str | None = Field(
        None, description="Number or title of a project there; made, with this file's name, when left out."
    )
    config: str | None = Field(
        None, min_length=1, description="Labelling configuration: an XML file beside this one; made for the kind of "
        "item when left out.",
    )  # fmt: skip
    webhook: bool = Field(
        False, description="Whether the server tells of new labels, so that they are fetched at once; they are asked "
        "for all the same.",
    )  # fmt: skip
