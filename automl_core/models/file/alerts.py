"""``alerts:`` of a model's file: who is told of what."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from automl_core.spec.alerts import Alerts

Occasion: TypeAlias = Literal["failure", "asked", "in_use", "loss"]


def _usual() -> list[Occasion]:
    return ["failure", "asked"]


class ModelAlerts(Alerts):
    """What is told, and through which of Airflow's notifiers."""

    on: list[Occasion] = Field(  # type: ignore[assignment]  # a model has occasions of its own
        default_factory=_usual,
        min_length=1,
        description="`failure`: a task failed for good; `asked`: a version waits for an answer; `in_use`: another "
        "version is in use than before; `loss`: the champion does worse than when it was accepted.",
    )
