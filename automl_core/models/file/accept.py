"""``accept:`` of a model's file: who says that a version may be used, and when people are asked at all."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from automl_core.models.file.values import Period
from automl_core.spec.base import Model

ANYBODY = "anybody"
NOBODY = "nobody"


class Accept(Model):
    """What a version's evidence has to say, and whose word it takes after that."""

    when: Literal["better", "not_worse", "passes"] = Field(
        "better",
        description="better: the interval of the difference lies above the margin; not_worse: not below minus the "
        "margin; passes: the regression tests are passed. Else it is rejected without asking.",
    )
    margin: float = Field(0.0, ge=0, description="In the metric's own unit.")
    by: list[str] | Literal["anybody", "nobody"] = Field(
        "anybody",
        description="Names of the users who may accept; anybody: whoever has the right in Airflow; nobody: it is "
        "accepted by itself where `when`, which then has to be stated, holds.",
    )
    within: Period = Field(3 * 86400.0, description="How long people are asked; nobody's silence accepts.")

    @field_validator("by", mode="before")
    @classmethod
    def _a_list_of_people(cls, by: object) -> object:
        if isinstance(by, str) and by not in (ANYBODY, NOBODY):
            raise ValueError(f"{by!r} is neither anybody nor nobody; people are a list: [{by}]")
        return by

    @field_validator("by")
    @classmethod
    def _some_people(cls, by: list[str] | str) -> list[str] | str:
        if isinstance(by, str):
            return by
        if not by:
            raise ValueError("a list without a name lets nobody accept; allowed: names of users, anybody, nobody")
        for index, name in enumerate(by):
            if not name.strip():
                raise ValueError("a user must have a name")
            if name in (ANYBODY, NOBODY):
                raise ValueError(f"{name} stands alone, not among names; write by: {name}")
            if name in by[:index]:
                raise ValueError(f"{name!r} stands there twice")
        return by

    @property
    def people(self) -> tuple[str, ...]:
        """The users who may accept; empty where anybody or nobody does."""
        return () if isinstance(self.by, str) else tuple(self.by)

    @property
    def by_itself(self) -> bool:
        """Whether no person is asked."""
        return self.by == NOBODY
