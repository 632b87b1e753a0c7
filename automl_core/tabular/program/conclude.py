"""The stage `conclude`: the model of all trials, its one look at the test part, and the report, published together."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.tabular.conclude import Concluded, conclude
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.large.pieces import Pieces
from automl_core.tabular.large.running import at_least_one, fitted_on_all
from automl_core.tabular.large.sampled import Sampled
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.program import preload
from automl_core.tabular.program.predictions import write_predictions
from automl_core.tabular.program.said import OPTIONS, read
from automl_core.tabular.trial import TrialResult
from automl_core.training.problems import say
from automl_core.training.told import Untaken, gathered, made_by, name_of, time_left, trials_told, untaken


def main() -> None:
    """Make the model in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: there are no trials to make it of, or it can't be written.
    """
    said = read("Make the model of a search on a table.")
    prepared = said.with_learners(preload.load(said.prepared))
    told = trials_told()
    with tempfile.TemporaryDirectory(prefix="automl-conclude-") as place:
        results = gathered(
            told, Path(place), lambda home, number: TrialResult.load(home, number, prepared.problem, models=False)
        )
        say(f"{len(results)} trials to choose from")
        left = untaken(told, [each.number for each in results], prepared.problem.metric)
        others = [_other(each, prepared) for each in left]
        drawn = Sampled.load(said.prepared, prepared)
        more: dict[str, Any] = {"made": {"experiment": made_by(told)}}
        if drawn is not None:
            able = streaming(prepared, results)
            taken = {each.number for each in able}
            others += [each for each in results if each.number not in taken]
            results = at_least_one(prepared, able, Path(place), others=others)
            pieces = Pieces.of(said.config.need("train"))
            more["made"]["rows"] = drawn.counts.rows
            more["members"] = drawn.members(pieces, fitted_on_all)
        done = conclude(
            prepared, results, others=others, folder=said.config.model_dir, trials=place, deadline=_deadline(told),
            title=_title(told, prepared), **more,
        )  # fmt: skip
    keep_predictions(done, prepared)
    tell(done)


def _other(trial: Untaken, prepared: Prepared) -> TrialResult:
    """A trial that has left nothing to choose from, for the report."""
    params = {name: value for name, value in trial.params.items() if name not in OPTIONS}
    value = math.nan if trial.value is None else trial.value
    loss = math.inf if trial.value is None else prepared.problem.metric.as_loss(value)
    return TrialResult(
        trial.number, params, state=trial.state, value=value, loss=loss, seconds=trial.seconds, reason=trial.reason
    )


def streaming(prepared: Prepared, results: Sequence[TrialResult]) -> list[TrialResult]:
    """Those of the learners that can be fitted in pieces; the others are named."""
    able = [each for each in results if each.learner in (prepared.options.allowed or ())]
    others = sorted({each.learner for each in results} - {each.learner for each in able})
    if others:
        say(f"left out, since they can't learn from all rows in pieces: {', '.join(others)}")
    return able


def keep_predictions(done: Concluded, prepared: Prepared) -> None:
    """Leave what the model says of the test part, for its details on the run's page; the model counts without them."""
    if not len(prepared.test):
        return
    shape = (prepared.frame.n, prepared.problem.outputs) if prepared.problem.classes else (prepared.frame.n,)
    outputs = np.full(shape, np.nan)
    outputs[prepared.test] = done.scorer.outputs(prepared.frame.take(prepared.test))
    write_predictions(done.folder, prepared, outputs)


def _deadline(told: Mapping[str, Any]) -> Deadline:
    """What is left of `stop.deadline`."""
    left = time_left(told)
    return Deadline(None, None) if left is None else Deadline(*left)


def _title(told: Mapping[str, Any], prepared: Prepared) -> str:
    name = name_of(told)
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
    trusted = own_types(done.folder)
    if trusted:
        named = " --trust ".join(trusted)
        say(f"whoever opens the model has to say that your own code in it is trusted: automl predict --trust {named}")


def own_types(folder: Path) -> list[str]:
    """Types of the user's own that the model in a folder needs, by the names that they are trusted by."""
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    modules = tuple(f"{each['module']}." for each in info.get("code") or ())
    return sorted({name for each in info["estimators"] for name in each["types"] if name.startswith(modules)})
