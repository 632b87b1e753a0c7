"""Pods that serve one trial after the other: what an experiment file says of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from automl_core.spec.base import Model
from automl_core.spec.units import Duration


def _check_idle(seconds: float) -> float:
    if not 1 <= seconds <= 3600:
        raise ValueError("a duration from 1s to 1h is wanted here: a pod that waits costs what one that trains does")
    return seconds


class Lane(Model):
    """A pod that trials run in one after the other."""

    idle: Annotated[Duration, AfterValidator(_check_idle)] = Field(
        60.0, description="Time without a trial after which such a pod ends by itself."
    )


def lane_problem(task: Any) -> str | None:
    """What is wrong with a lane of this training task, with its field; None where nothing is.

    Args:
        task: a `KubernetesTask` that has one.
    """
    if task.command is None:
        return "lane: state the command; in a pod of several trials the image's own is not known"
    if task.workers > 1:
        return f"lane: {task.workers} workers train as one and have a pod each; leave out lane, or workers"
    return None
