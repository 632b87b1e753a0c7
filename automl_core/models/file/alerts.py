"""``alerts:`` of a model's file: who is told of what."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from automl_core.spec.alerts import Alerts

Occasion: TypeAlias = Literal["failure", "asked", "in_use", "taken_back", "waiting", "loss", "drift", "tests"]


def _usual() -> list[Occasion]:
    return ["failure", "asked", "taken_back"]


class ModelAlerts(Alerts):
    """What is told, and through which of Airflow's notifiers."""

    on: list[Occasion] = Field(  # type: ignore[assignment]  # a model has occasions of its own
        default_factory=_usual,
        min_length=1,
        description="`failure`: a task failed for good; `asked`: a version waits for an answer; `in_use`: another "
        "version is in use than before; `taken_back`: a rollout has ended without it, by its safeguard or by a person; "
        "`waiting`: a rollout is held, waits for another, or is looked at by nobody; `loss`: the champion does "
        "worse than when it was accepted, by labels or as estimated; `drift`: its table has drifted; `tests`: its live "
        "server fails a regression test.",
    )
