"""What the platform tells ``conclude`` of all trials (AUTOML_TRIALS_FILE), as training programs need it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from automl_core.training.problems import TrainingError, say

ENDED_WELL = "SUCCEEDED"
"""State of trials whose results are taken; others have left nothing, or less than they were asked for."""

NOT_STARTED = "not started: "
"""What the reason of a pipeline begins with that is not tried for want of time or memory; in a training program's error
its learner's name comes before."""

LOSS = "loss"
"""The goal of the templates: the metric turned so that lower is better, whichever it is."""

Result = TypeVar("Result")


class Measure(Protocol):
    """A metric: the part of it that trials are told by."""

    @property
    def name(self) -> str:
        """As trials report it."""
        ...

    def as_loss(self, value: float) -> float:
        """A value turned so that lower is better; its own inverse."""
        ...


def trials_told() -> dict[str, Any]:
    """The file's content.

    Raises:
        TrainingError: there is no such file.
    """
    file = os.environ.get("AUTOML_TRIALS_FILE")
    try:
        told: dict[str, Any] = json.loads(Path(file or "").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"AUTOML_TRIALS_FILE: {file!r} does not tell of the trials: {error}") from None
    return told


def gathered(told: Mapping[str, Any], place: Path, load: Callable[[Path, int], Result]) -> list[Result]:
    """The results of all trials that ended well, in the order of their numbers; their files linked into one folder.

    A trial whose folder can't be read is left out, and said: the others make the model.

    Args:
        told: of `trials_told`.
        place: the folder for the links.
        load: reads the result of a trial from that folder by its number, or raises `TrainingError`.

    Raises:
        TrainingError: no trial has left a result that can be read.
    """
    found = []
    for trial in sorted(told["trials"], key=lambda each: int(each["number"])):
        folder, number = trial.get("model"), int(trial["number"])
        if folder is None or trial.get("state") != ENDED_WELL:
            continue
        for file in Path(folder).glob(f"*_{number}.*"):
            (place / file.name).symlink_to(file.absolute())
        try:
            found.append(load(place, number))
        except TrainingError as error:
            say(f"left out: {error}")
    if not found:
        raise TrainingError("no trial has left a result that can be read")
    return found


@dataclass(frozen=True)
class Untaken:
    """A trial that has left no result to take: it failed, was stopped early, or its experiment ended before it did.

    Attributes:
        number: of the trial.
        params: as the experiment has them.
        state: ``failed``, ``stopped`` (early, by its values so far), ``cancelled``, or ``skipped``: never started.
        value: of the metric where it has one that counts; None otherwise.
        seconds: that it took.
        reason: in words.
    """

    number: int
    params: Mapping[str, Any]
    state: str
    value: float | None
    seconds: float
    reason: str


def untaken(told: Mapping[str, Any], taken: Iterable[int], metric: Measure) -> list[Untaken]:
    """The trials that are not among those taken, for a report that hides none.

    Args:
        told: of `trials_told`.
        taken: numbers of trials whose results were read.
        metric: that pipelines are judged by.
    """
    known, found = set(taken), []
    for trial in sorted(told["trials"], key=lambda each: int(each["number"])):
        number, state = int(trial["number"]), str(trial.get("state") or "")
        if number in known:
            continue
        reason = str(trial.get("reason") or ("its result can't be read" if state == ENDED_WELL else ""))
        line = _first_line(reason)
        found.append(
            Untaken(
                number, dict(trial.get("params") or {}), _word(state, trial, line), _value(told, trial, metric),
                float(trial.get("seconds") or 0.0), line,
            )
        )  # fmt: skip
    return found


def _word(state: str, trial: Mapping[str, Any], reason: str) -> str:
    """How a trial is called that left no result: as a search in one process calls it.

    To the experiment a pipeline that the training program refused has failed, since its search has to learn from that;
    and binding a trial begins an attempt, so that one alone does not say that anything ran.
    """
    if state in ("FAILED", ENDED_WELL):
        return "skipped" if NOT_STARTED in reason else "failed"
    if not any(each.get("began", True) for each in trial.get("attempts") or ()):
        return "skipped"
    return "stopped" if state == "EARLY_STOPPED" else "cancelled"


def _value(told: Mapping[str, Any], trial: Mapping[str, Any], metric: Measure) -> float | None:
    """A trial's value in terms of the metric: of the goal where that is the metric's loss, else as it was reported.

    A file may have a goal of its own in place of the template's.
    """
    value = trial.get("value")
    if value is None:
        return None
    experiment = told.get("experiment") or {}
    if experiment.get("metric", LOSS) == LOSS and "objectives" not in (experiment.get("goal") or {}):
        return metric.as_loss(float(value))
    reported = (trial.get("metrics") or {}).get(metric.name)
    return None if reported is None else float(reported)


def _first_line(reason: str) -> str:
    """Of a recorded reason what stands before the end of the log."""
    return next(iter(reason.strip().splitlines()), "").removesuffix("Its last lines:").strip()[:300]


def time_left(told: Mapping[str, Any]) -> tuple[float, float] | None:
    """When ``stop.deadline`` is over on this process's monotonic clock, and how long it was in all, in seconds."""
    experiment = told.get("experiment") or {}
    ends, started = experiment.get("deadline"), experiment.get("started")
    if ends is None or started is None:
        return None
    end, begin = (datetime.fromisoformat(str(each)).timestamp() for each in (ends, started))
    return time.monotonic() + max(end - time.time(), 1.0), end - begin


def made_by(told: Mapping[str, Any]) -> dict[str, Any]:
    """What made the model, for its folder: nothing that differs between two runs of the same on the same data."""
    experiment = told.get("experiment") or {}
    data = experiment.get("data") or {}
    return {
        "name": experiment.get("name"), "template": experiment.get("template"),
        "data": {name: each.get("digest") for name, each in data.items() if isinstance(each, Mapping)},
    }  # fmt: skip


def name_of(told: Mapping[str, Any]) -> str | None:
    """The experiment's name."""
    name = (told.get("experiment") or {}).get("name")
    return str(name) if name else None
