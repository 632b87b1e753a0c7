"""After the search: members chosen, made, calibrated, judged once, written as a model's folder, told in a report.

From the same finished trials it makes the same bytes: nothing that it writes into the model depends on the clock.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.release import RELEASE
from automl_core.tabular import calibration, ensemble, evaluation, frames, importance, threshold
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals, finals
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.problem import prior
from automl_core.tabular.scorers import Scorer
from automl_core.tabular.trial import TrialResult, measured
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]

MakeMembers = Callable[[Prepared, Sequence[tuple[TrialResult, float]], Path, Deadline], Finals]

GOLDEN = 20
"""Rows kept in the model's folder with their outputs."""


@dataclass
class Concluded:
    """What a search has come to.

    Attributes:
        folder: of the model.
        report: what was tried, found and measured; also in ``report.json`` beside the model.
        scorer: predicts in this process.
    """

    folder: Path
    report: dict[str, Any]
    scorer: Scorer


@dataclass
class _Selection:
    """Chosen trials, and what they together say of rows held out."""

    chosen: list[tuple[TrialResult, float]]
    outputs: Floats | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    why: str = ""


def conclude(
    prepared: Prepared,
    results: Sequence[TrialResult],
    *,
    folder: str | Path,
    trials: str | Path,
    deadline: Deadline | None = None,
    made: Mapping[str, Any] | None = None,
    why: str = "",
    check: bool = True,
    members: MakeMembers | None = None,
) -> Concluded:
    """Make the model of a search, and its report.

    Args:
        prepared: the table.
        results: of all trials; their models lie in ``trials``.
        folder: the model's, made here.
        trials: where `TrialResult.save` put them.
        deadline: what is left of it.
        made: more about what made the model, for its folder.
        why: the search ended, for the report.
        check: whether the folder is tried in a fresh process before it counts.
        members: makes the model's members in place of `finals`, from the trials that were chosen.

    Raises:
        TrainingError: the model's folder can't be written, or a fresh process scores its golden rows otherwise.
    """
    began = time.monotonic()
    until = deadline or Deadline(None, None)
    home = Path(folder)
    selection = _select(prepared, results)
    made_members, notes = _members(prepared, selection, Path(trials), until, members or finals)
    document = {
        "format": 1,
        "problem": {"kind": prepared.problem.kind, "target": prepared.problem.target,
                    "classes": list(prepared.problem.classes)},
        "schema": prepared.schema.to_json(),
        "members": made_members.members,
        "calibration": None,
        "threshold": None,
    }  # fmt: skip
    notes += _calibrated(prepared, selection, document)
    notes += _thresholded(prepared, selection, document)
    scorer = Scorer(document, prepared.schema, made_members.estimators)
    report = _report(prepared, results, selection, made_members, scorer, document, until)
    report["notes"] = [*prepared.notes, *made_members.notes, *notes]
    report["search"] = {"why": why, "trials": len(results), "failed": sum(each.state == "failed" for each in results)}
    _write(prepared, scorer, made_members, home, dict(made or {}))
    if check:
        scorer.check(home)
    report["times"] = {"conclude": time.monotonic() - began}
    (home / "report.json").write_text(
        json.dumps(_finite(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return Concluded(home, report, scorer)


def _select(prepared: Prepared, results: Sequence[TrialResult]) -> _Selection:
    """The trials that answer together; none where none succeeded."""
    options = prepared.options
    usable = [each for each in results if each.usable]
    why = ""
    if not usable:
        # folds that ran are better than nothing: the trial that came farthest, and of these the best
        partial = [each for each in results if each.folds and each.models and math.isfinite(each.loss)]
        if not partial:
            return _Selection([], why="no pipeline could be fitted")
        best = min(partial, key=lambda each: (-len(each.folds), each.loss))
        return _Selection([(best, 1.0)], why=f"no pipeline ran all folds; trial {best.number} came farthest")
    if options.row_seconds is not None:
        quick = [each for each in usable if each.row_seconds <= options.row_seconds]
        if not quick:
            quick = [min(usable, key=lambda each: each.row_seconds)]
            why = f"no pipeline scores a row in {options.row_seconds:g} s: the quickest was taken"
        usable = quick
    rows = np.flatnonzero(np.isfinite(usable[0].outputs.reshape(prepared.frame.n, -1)).all(axis=1))
    picked = ensemble.candidates([each.loss for each in usable], [each.learner for each in usable])
    candidates = [usable[each] for each in picked]
    held = ensemble.Held(
        prepared.problem.metric, prepared.y[rows], prepared.weights_of(rows),
        np.stack([each.outputs[rows] for each in candidates]),
        None if prepared.groups is None else prepared.groups[rows],
    )  # fmt: skip
    most = options.ensemble
    while True:
        found = ensemble.select(held, most=most, seed=options.seed)
        chosen = [(candidates[place], weight) for place, weight in found.members]
        spent = sum(each.row_seconds for each, _ in chosen)
        if options.row_seconds is None or most == 1 or spent <= options.row_seconds:
            break
        most = max(most // 2, 1)
        why = f"fewer members, since a row may take {options.row_seconds:g} s"
    outputs = np.full(usable[0].outputs.shape, np.nan)
    outputs[rows] = sum(weight * each.outputs[rows] for each, weight in chosen)
    return _Selection(chosen, outputs, rows, why)


def _members(
    prepared: Prepared, selection: _Selection, trials: Path, deadline: Deadline, make: MakeMembers
) -> tuple[Finals, list[str]]:
    notes = [selection.why] if selection.why else []
    if selection.chosen:
        try:
            return make(prepared, selection.chosen, trials, deadline), notes
        except (TrainingError, RuntimeError) as error:
            notes.append(str(error))
    rows = prepared.learned(prepared.rows)
    values = prior(prepared.problem, prepared.y[rows], prepared.weights_of(rows))
    notes.append("the model is a constant: it says of every row what the target is on the whole")
    member = {"weight": 1.0, "features": [], "model": {"type": "constant", "value": values}, "link": "identity"}
    return Finals([member], "constant", [], []), notes


def _calibrated(prepared: Prepared, selection: _Selection, document: dict[str, Any]) -> list[str]:
    options, problem = prepared.options, prepared.problem
    if not problem.classes or selection.outputs is None or options.calibrate is False:
        return []
    if options.calibrate is None and problem.metric.needs == "labels" and problem.kind == "multiclass":
        return []  # the likeliest class stays the likeliest
    rows = selection.rows
    masks = [np.isin(rows, fold.valid) for fold in prepared.split.folds[: prepared.split.first]]
    found, gain = calibration.learn(prepared.y[rows], selection.outputs[rows], prepared.weights_of(rows), masks)
    if found is None:
        return []
    document["calibration"] = {"type": "temperature", "temperature": found}
    selection.outputs[rows] = calibration.tempered(selection.outputs[rows], found)
    return [f"probabilities were calibrated (temperature {found:.3g}): log loss {gain:.1%} lower on folds held out"]


def _thresholded(prepared: Prepared, selection: _Selection, document: dict[str, Any]) -> list[str]:
    options, problem = prepared.options, prepared.problem
    wanted = options.threshold
    if wanted == "none" or (wanted == "auto" and problem.metric.needs != "labels" and not options.costs):
        return []
    if len(problem.classes) != 2:
        return ["a threshold is for two classes"] if wanted != "auto" else []
    if wanted == "costs" or (wanted == "auto" and options.costs):
        try:
            found = threshold.for_costs(options.costs or {}, problem.classes)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        document["threshold"] = found
        return [f"from a probability of {found:.3f} on a row is {problem.classes[1]!r}: the least expected cost"]
    if selection.outputs is None or problem.metric.needs != "labels":
        return ["no threshold was chosen: the metric is none of labels"] if wanted == "metric" else []
    rows = selection.rows
    found = threshold.for_metric(
        problem.metric, prepared.y[rows], selection.outputs[rows, 1], prepared.weights_of(rows), options.seed
    )
    document["threshold"] = found
    return [f"from a probability of {found:.3f} on a row is {problem.classes[1]!r}: best {problem.metric.name}"]


def _report(
    prepared: Prepared, results: Sequence[TrialResult], selection: _Selection, members: Finals, scorer: Scorer,
    document: Mapping[str, Any], deadline: Deadline,
) -> dict[str, Any]:  # fmt: skip
    problem, split = prepared.problem, prepared.split
    report: dict[str, Any] = {
        "problem": problem.as_json(),
        "data": {"rows": len(prepared.rows), "columns": len(prepared.schema.fields),
                 "schema": prepared.schema.to_json(), "fingerprint": prepared.fingerprint},
        "options": prepared.options.as_json(),
        "guardrails": [dict(each) for each in prepared.findings],
        "leaderboard": _leaderboard(results),
        "ensemble": [{"trial": number, "weight": weight} for number, weight in members.weights],
        "final": members.kind,
        "validation": {"kind": split.kind, "folds": len(split.folds), "repeats": split.repeats, "why": split.why,
                       **{name: prepared.structure.get(name) for name in ("group", "time")}},
        "structure": dict(prepared.structure),
        "threshold": document["threshold"],
    }  # fmt: skip
    report["estimate"] = _estimate(prepared, selection, document)
    judged, outputs, of = _judged(prepared, selection, scorer)
    if len(judged):
        truth, weights = prepared.y[judged], prepared.weights_of(judged)
        labels = _labels(outputs, document["threshold"]) if problem.classes else None
        groups = None if prepared.groups is None else prepared.groups[judged]
        report["test"] = {
            "rows": len(judged),
            "of": of,
            "metrics": evaluation.evaluate(
                problem, truth, outputs, weights, groups=groups, labels=labels, seed=prepared.options.seed
            ),
        }
        if problem.classes and labels is not None:
            report["calibration"] = {"bins": calibration.bins(truth, outputs, weights)}
            report["confusion"] = evaluation.confusion(problem, truth, labels, weights)
        else:
            report["residuals"] = evaluation.residuals(truth, outputs, weights, prepared.options.seed)
    report["importance"] = _importance(prepared, scorer, deadline)
    return report


def _estimate(prepared: Prepared, selection: _Selection, document: Mapping[str, Any]) -> float | None:
    """The metric over all rows held out, of the members together: what the search saw, so rather too good."""
    if selection.outputs is None:
        return None
    metric, outputs = prepared.problem.metric, selection.outputs
    if metric.needs == "labels" and document["threshold"] is not None:
        rows = selection.rows
        labels = _labels(outputs[rows], document["threshold"])
        value = metric.score(prepared.y[rows], labels, prepared.weights_of(rows))
    else:
        value = measured(prepared, outputs)
    return value if math.isfinite(value) else None


def _judged(prepared: Prepared, selection: _Selection, scorer: Scorer) -> tuple[NDArray[np.int64], Floats, str]:
    """Rows to evaluate on, what is said of them, and which rows these are."""
    if len(prepared.test):
        rows = prepared.test
        return rows, scorer.outputs(prepared.frame.take(rows)), "rows that no search has seen"
    if selection.outputs is None:
        return np.empty(0, np.int64), np.empty(0), ""
    return (
        selection.rows,
        selection.outputs[selection.rows],
        ("rows held out in the search, predicted by models that had not learned from them; the search chose by them"),
    )


def _importance(prepared: Prepared, scorer: Scorer, deadline: Deadline) -> list[dict[str, Any]]:
    """By permutation on the test part, or, where there is none, on rows of the search."""
    rows = prepared.test if len(prepared.test) else prepared.rows
    if not prepared.schema.fields or len(rows) < 2:
        return []
    until = None
    if deadline.end is not None:
        until = time.monotonic() + max(min(deadline.left_for_all() - 1.0, 0.05 * (deadline.seconds or 0.0)), 0.0)
    return importance.permutation(
        prepared.problem, scorer.outputs, prepared.frame.take(rows), prepared.y[rows], prepared.weights_of(rows),
        seed=prepared.options.seed, until=until,
    )  # fmt: skip


def _leaderboard(results: Sequence[TrialResult]) -> list[dict[str, Any]]:
    def row(each: TrialResult) -> dict[str, Any]:
        said = each.summary()
        keys = ("value", "state", "folds", "seconds", "params", "memory", "reason")
        return {"trial": each.number, "learner": each.learner, **{key: said[key] for key in keys}}

    return [row(each) for each in sorted(results, key=lambda each: (each.state != "succeeded", each.loss, each.number))]


def _labels(outputs: Floats, found: float | None) -> NDArray[np.int64]:
    if found is not None and outputs.shape[1] == 2:
        return (outputs[:, 1] >= found).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1), dtype=np.int64)


def _write(prepared: Prepared, scorer: Scorer, members: Finals, home: Path, made: dict[str, Any]) -> None:
    taken = prepared.rows[np.linspace(0, len(prepared.rows) - 1, min(GOLDEN, len(prepared.rows))).astype(np.int64)]
    golden = frames.as_rows(prepared.frame, prepared.schema, taken)
    options = prepared.options
    made = {
        "release": RELEASE,
        "python": platform.python_version(),
        "data": {"fingerprint": prepared.fingerprint, "rows": int(prepared.frame.n)},
        "seed": options.seed,
        "ensemble": [{"trial": number, "weight": weight} for number, weight in members.weights],
        "final": members.kind,
        "options": {name: value for name, value in options.as_json().items() if name not in ("deadline", "workers")},
        **made,
    }
    scorer.write(home, golden, prepared.problem, made, options.allow_pickle)


def _finite(value: Any) -> Any:
    """Plain data with None where a number is none that JSON has."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
