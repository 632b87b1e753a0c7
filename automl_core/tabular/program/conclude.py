"""The stage `conclude`: the model of all trials, its one look at the test part, and the report, published together."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.tabular.conclude import Concluded, conclude
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.program import preload
from automl_core.tabular.program.predictions import write_predictions
from automl_core.tabular.program.said import read
from automl_core.tabular.trial import TrialResult
from automl_core.training.problems import TrainingError, say

ENDED_WELL = "SUCCEEDED"
"""State of trials whose results are taken; others have left nothing, or less than they were asked for."""


def main() -> None:
    """Make the model in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: there are no trials to make it of, or it can't be written.
    """
    said = read("Make the model of a search on a table.")
    prepared = preload.load(said.prepared)
    told = trials_told()
    with tempfile.TemporaryDirectory(prefix="automl-conclude-") as place:
        results = gathered(told, prepared, Path(place))
        say(f"{len(results)} trials to choose from")
        done = conclude(
            prepared, results, folder=said.config.model_dir, trials=place, deadline=deadline_of(told),
            made={"experiment": _made(told)}, title=_title(told, prepared),
        )  # fmt: skip
    keep_predictions(done, prepared)
    tell(done)


def keep_predictions(done: Concluded, prepared: Prepared) -> None:
    """Leave what the model says of the test part, for its details on the run's page; the model counts without them."""
    if not len(prepared.test):
        return
    shape = (prepared.frame.n, prepared.problem.outputs) if prepared.problem.classes else (prepared.frame.n,)
    outputs = np.full(shape, np.nan)
    outputs[prepared.test] = done.scorer.outputs(prepared.frame.take(prepared.test))
    write_predictions(done.folder, prepared, outputs)


def trials_told() -> dict[str, Any]:
    """What the platform tells of all trials (AUTOML_TRIALS_FILE).

    Raises:
        TrainingError: there is no such file.
    """
    file = os.environ.get("AUTOML_TRIALS_FILE")
    try:
        told: dict[str, Any] = json.loads(Path(file or "").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"AUTOML_TRIALS_FILE: {file!r} does not tell of the trials: {error}") from None
    return told


def gathered(told: Mapping[str, Any], prepared: Prepared, place: Path) -> list[TrialResult]:
    """The results of all trials that ended well, in the order of their numbers; their files linked into one folder.

    A trial whose folder can't be read is left out, and said: the others make the model.
    """
    found = []
    for trial in sorted(told["trials"], key=lambda each: int(each["number"])):
        folder, number = trial.get("model"), int(trial["number"])
        if folder is None or trial.get("state") != ENDED_WELL:
            continue
        for file in Path(folder).glob(f"*_{number}.*"):
            (place / file.name).symlink_to(file.absolute())
        try:
            found.append(TrialResult.load(place, number, prepared.problem, models=False))
        except TrainingError as error:
            say(f"left out: {error}")
    if not found:
        raise TrainingError("no trial has left a result that can be read")
    return found


def deadline_of(told: Mapping[str, Any]) -> Deadline:
    """What is left of `stop.deadline`, on this process's own clock."""
    experiment = told.get("experiment") or {}
    ends, started = experiment.get("deadline"), experiment.get("started")
    if ends is None or started is None:
        return Deadline(None, None)
    end, begin = (datetime.fromisoformat(str(each)).timestamp() for each in (ends, started))
    return Deadline(time.monotonic() + max(end - time.time(), 1.0), end - begin)


def _made(told: Mapping[str, Any]) -> dict[str, Any]:
    """What made the model, for its folder: nothing that differs between two runs of the same on the same data."""
    experiment = told.get("experiment") or {}
    data = experiment.get("data") or {}
    return {
        "name": experiment.get("name"), "template": experiment.get("template"),
        "data": {name: each.get("digest") for name, each in data.items() if isinstance(each, Mapping)},
    }  # fmt: skip


def _title(told: Mapping[str, Any], prepared: Prepared) -> str:
    name = (told.get("experiment") or {}).get("name")
    return f"{name}: predicting {prepared.problem.target}" if name else f"Predicting {prepared.problem.target}"


def tell(done: Concluded) -> None:
    """What the model is and how good, for the log."""
    test = done.report.get("test") or {}
    for name, value in (test.get("metrics") or {}).items():
        low, high = value.get("low"), value.get("high")
        span = f" ({low:.4g} to {high:.4g})" if low is not None and high is not None else ""
        if value.get("value") is not None:
            say(f"{name} {value['value']:.4g}{span} on {test['rows']:,} {test.get('of', 'rows')}")
    for note in done.report.get("notes") or ():
        say(str(note))
