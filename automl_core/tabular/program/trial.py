"""A trial: one pipeline, fold by fold; each fold is a step of its curve."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from automl_core.tabular import memory
from automl_core.tabular.alone import write_alone
from automl_core.tabular.learners import registry
from automl_core.tabular.learners.of_file import OWN
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.program import preload
from automl_core.tabular.program.predictions import write_predictions
from automl_core.tabular.program.prepare import NOTHING
from automl_core.tabular.program.said import Said, read
from automl_core.tabular.shape import Shape
from automl_core.tabular.space import offered
from automl_core.tabular.trial import TrialResult, continues, run_trial
from automl_core.training.problems import TrainingError, say
from automl_core.training.reporting import report
from automl_core.training.told import LOSS, NOT_STARTED


def main() -> None:
    """Judge a pipeline and keep what came of it in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: the pipeline can't be fitted, with the learner's own reason.
    """
    said = read("Judge one pipeline on a table.")
    prepared = said.with_learners(preload.load(said.prepared))
    if prepared.learnable:  # else it is a constant, whatever its combination names
        refuse(said, prepared)
    result = judged(said, prepared, int(os.environ.get("AUTOML_TRIAL_ID") or 0))
    folder = said.config.model_dir
    result.save(folder)
    if result.state == "failed":
        if not prepared.learnable:
            raise TrainingError(f"{NOTHING}, and a constant fails: {result.reason}")
        raise TrainingError(f"{said.params.get('learner')} can't fit: {result.reason}")
    write_predictions(folder, prepared, result.outputs)
    keep_alone(prepared, result, folder)


def keep_alone(prepared: Prepared, result: TrialResult, folder: Path) -> None:
    """Leave the trial's own model, which is published should `conclude` not come to its end; the trial counts without.

    Args:
        prepared: the table.
        result: with its models.
        folder: the trial's.
    """
    try:
        write_alone(prepared, result, folder, {"experiment": {"name": os.environ.get("AUTOML_EXPERIMENT_ID")}})
    except Exception as error:
        say(f"the trial has no model of its own: {type(error).__name__}: {error}")


def refuse(said: Said, prepared: Prepared) -> None:
    """See that a pipeline can be tried here, before it costs anything.

    Raises:
        TrainingError: its learner is not made for a table of this size, needs a library that is not here, or more
            memory than there is.
    """
    learner = str(said.params.get("learner", "lightgbm"))
    if learner == OWN and not prepared.options.learners:
        raise TrainingError(f"learner: {OWN} is a learner of your own; name its file: data: {{learner: FILE.py}}")
    shape = Shape.of(prepared.schema, prepared.problem, len(prepared.learned(prepared.rows)))
    wanted = [learner] if said.any_size else None
    if learner not in {each.name for each in offered(shape, wanted, extra=prepared.options.learners)}:
        if learner not in registry.installed():
            raise TrainingError(f"{learner} needs its library, which is not installed")
        of_classes = f" and {shape.classes} classes" if shape.classes else ""
        raise TrainingError(
            f"{learner}: {NOT_STARTED}on a table of {shape.rows:,} rows{of_classes} it would take the time of many "
            "others; set: {any_size: true} tries it all the same"
        )
    raw, guard = memory.raw_estimate(prepared, said.params), memory.Guard.of(prepared.options.memory)
    if not guard.fits(learner, raw):
        raise TrainingError(f"{learner}: {guard.says(learner, raw)}")


def judged(said: Said, prepared: Prepared, number: int) -> TrialResult:
    """Run a trial, and report the value so far after each fold; the last one is the trial's own.

    Of the folds so far it is the mean, weighted by rows: less noisy than each fold's value alone, so a rule of early
    stopping compares like with like. The trial's own may differ from the mean of its folds by a little: where folds are
    small, all rows held out are measured together.
    """
    metric, budget = prepared.problem.metric, said.config.budget
    folds = prepared.split.folds
    last = len(folds) if budget is None else min(budget, len(folds))
    sizes = [float(prepared.weights_of(fold.valid).sum()) for fold in folds]
    earlier = promoted(said, prepared, number)
    seen: list[float] = list(earlier.folds) if earlier is not None else []
    threads, seed = prepared.options.threads, prepared.options.seed
    # the one trial of a table with nothing to learn (`program.prepare`): not every learner can fit what is no column
    params = said.params if prepared.learnable else {**said.params, "learner": "constant"}

    def on_fold(index: int, value: float) -> None:
        seen.append(value)
        if index + 1 < last:
            told(index + 1, _mean(seen, sizes), value)

    def told(step: int, value: float, of_fold: float) -> None:
        if math.isfinite(value):
            report(step, {LOSS: metric.as_loss(value), metric.name: value, "of_this_fold": of_fold}, name="fold")

    result = run_trial(
        prepared, params, number=number, seed=seed, threads=threads, on_fold=on_fold,
        should_stop=lambda index, _: index + 1 >= last, earlier=earlier,
    )  # fmt: skip
    if result.state != "failed":
        told(len(seen), result.value, seen[-1])
        if budget is not None and said.config.checkpoint_dir is not None:
            result.table = prepared.digest
            result.save(said.config.checkpoint_dir)
    return result


def promoted(said: Said, prepared: Prepared, number: int) -> TrialResult | None:
    """What a trial has left that was promoted to more folds; None where it begins, or what lies there can't be used."""
    folder = said.config.resume_from
    if folder is None or not folder.is_dir():
        return None
    try:
        found = TrialResult.load(folder, number, prepared.problem)
    except TrainingError as error:
        say(f"its first folds are run again: {error}")
        return None
    if continues(prepared, said.params, prepared.options.seed, found):
        return found
    say("its first folds are run again: those that are there are of another table, pipeline or release")
    return None


def _mean(values: Sequence[float], sizes: Sequence[float]) -> float:
    return float(np.average(values, weights=np.maximum(sizes[: len(values)], 1e-300)))
