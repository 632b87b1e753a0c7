"""``alerts:`` of an annotation project's file: who is told of what."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from automl_core.spec.alerts import Alerts

Occasion: TypeAlias = Literal["failure", "labels", "model", "taken_back", "stopped"]


def _usual() -> list[Occasion]:
    return ["failure", "labels", "stopped"]


class AnnotationAlerts(Alerts):
    """What is told, and through which of Airflow's notifiers."""

    on: list[Occasion] = Field(  # type: ignore[assignment]  # a project has occasions of its own
        default_factory=_usual,
        min_length=1,
        description="`failure`: a task failed for good; `labels`: tasks wait for people; `model`: one of two models "
        "was not trained, and the round goes on with the other; `taken_back`: the audit took back what models had "
        "labelled; `stopped`: there are labels enough, or what they may cost is used up.",
    )
