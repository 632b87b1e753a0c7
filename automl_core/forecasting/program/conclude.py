"""The stage `conclude`: the model of all trials, its one look at the end, and the report, published together."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from automl_core.forecasting.conclude import Concluded, conclude
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.program import preload
from automl_core.forecasting.program.said import OPTIONS, read
from automl_core.forecasting.trial import TrialResult
from automl_core.training.problems import say
from automl_core.training.told import Untaken, gathered, made_by, name_of, time_left, trials_told, untaken


def main() -> None:
    """Make the model in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: there are no trials to make it of, or it can't be written.
    """
    said = read("Make the model of a search on series.")
    prepared = preload.load(said.prepared)
    told = trials_told()
    with tempfile.TemporaryDirectory(prefix="automl-conclude-") as place:
        results = gathered(told, Path(place), lambda home, number: TrialResult.load(home, number, prepared))
    say(f"{len(results)} trials to choose from")
    others = untaken(told, [each.number for each in results], prepared.metric)
    results += [_other(each, prepared) for each in others]
    left = time_left(told)
    done = conclude(
        prepared, results, folder=said.config.model_dir, deadline=None if left is None else left[0],
        made={"experiment": made_by(told)}, title=title_of(name_of(told), prepared),
    )  # fmt: skip
    tell(done)


def _other(trial: Untaken, prepared: Prepared) -> TrialResult:
    """A trial that has left nothing to choose from, for the report."""
    params = {name: value for name, value in trial.params.items() if name not in OPTIONS}
    value = math.nan if trial.value is None else trial.value
    loss = math.inf if trial.value is None else prepared.metric.as_loss(value)
    return TrialResult(
        trial.number, params, state=trial.state, value=value, loss=loss, seconds=trial.seconds, reason=trial.reason
    )


def title_of(name: str | None, prepared: Prepared) -> str:
    """Of the report's page."""
    target = prepared.options.target
    return f"{name}: forecasting {target}" if name else f"Forecasting {target}"


def tell(done: Concluded) -> None:
    """What the model is and how good, for the log."""
    test = done.report.get("test") or {}
    where = "the last steps, which no trial has seen" if test.get("untouched") else "the origins"
    for name, value in (test.get("metrics") or {}).items():
        low, high = value.get("low"), value.get("high")
        span = f" ({low:.4g} to {high:.4g})" if low is not None and high is not None else ""
        if value.get("value") is not None:
            say(f"{name} {value['value']:.4g}{span} on {where}")
    for each in done.report.get("coverage") or ():
        held = each["test"] if each.get("test") is not None else each.get("origins")
        if held is not None:
            say(f"{100 * held:.1f} % of what came lies within the {100 * each['level']:g} % interval")
    for note in done.report.get("notes") or ():
        say(str(note))
