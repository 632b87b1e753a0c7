"""A trial: one learner, origin by origin; each origin is a step of its curve."""

from __future__ import annotations

import math
import os

from automl_core.forecasting.learners import registry
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.program import preload
from automl_core.forecasting.program.said import Said, read
from automl_core.forecasting.report.files import write_predictions
from automl_core.forecasting.report.looks import Judged, Look
from automl_core.forecasting.trial import TrialResult, run_trial
from automl_core.training.problems import TrainingError, say
from automl_core.training.reporting import report
from automl_core.training.told import LOSS

MOST_NOTES = 10
"""Series whose notes are told in a trial's log; its result has more."""


def main() -> None:
    """Judge a learner and keep what came of it in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: the learner can't forecast these series, with its own reason.
    """
    said = read("Judge one learner on series.")
    prepared = preload.load(said.prepared)
    learner = str(said.params.get("learner"))
    registry.find(learner)
    if learner not in registry.installed():
        raise TrainingError(f"{learner} needs its library, which is not installed")
    result = judged(said, prepared, int(os.environ.get("AUTOML_TRIAL_ID") or 0))
    folder = said.config.model_dir
    result.save(folder)
    if result.state == "failed":
        raise TrainingError(f"{learner} can't forecast these series: {result.reason}")
    for name, note in list(result.notes.items())[:MOST_NOTES]:
        say(f"{name}: {note}")
    if len(result.notes) > MOST_NOTES:
        say(f"and {len(result.notes) - MOST_NOTES:,} more series with a note")
    write_predictions(folder, prepared, [Judged.of(prepared, each) for each in _looks(prepared, result)])


def _looks(prepared: Prepared, result: TrialResult) -> list[Look]:
    """The trial's forecasts, which have no intervals."""
    none = result.forecasts[0][:, None, :][:, :0]
    ends = prepared.origins.ends[: len(result.origins)]
    return [Look("origin", known, result.forecasts[place], none, none) for place, known in enumerate(ends)]


def judged(said: Said, prepared: Prepared, number: int) -> TrialResult:
    """Run a trial, and report the value so far after each origin; the last one is the trial's own.

    So far it is the mean over the origins: less noisy than each one's value alone, so a rule of early stopping compares
    like with like.
    """
    metric, budget, origins = prepared.metric, said.config.budget, len(prepared.origins)
    last = origins if budget is None else min(budget, origins)

    def on_origin(place: int, value: float) -> None:
        if math.isfinite(value):
            report(place + 1, {LOSS: metric.as_loss(value), metric.name: value}, name="origin")

    return run_trial(
        prepared, said.params, number=number, seed=prepared.options.seed, threads=prepared.options.threads,
        on_origin=on_origin, should_stop=lambda place, _: place + 1 >= last,
    )  # fmt: skip
