"""The report of a run: plain data, which a page is drawn from."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.calibration import positions
from automl_core.tabular import calibration, evaluation, importance
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.scorers import Scorer
from automl_core.tabular.selection import Selection
from automl_core.tabular.trial import TrialResult, measured

Floats = NDArray[np.float64]


def report(
    prepared: Prepared, results: Sequence[TrialResult], selection: Selection, members: Finals, scorer: Scorer,
    document: Mapping[str, Any], deadline: Deadline,
) -> dict[str, Any]:  # fmt: skip
    """All that is known of a run, but its times; see `conclude.conclude` for the arguments."""
    problem, split = prepared.problem, prepared.split
    said: dict[str, Any] = {
        "problem": problem.as_json(),
        "data": {"rows": len(prepared.rows), "columns": len(prepared.schema.fields),
                 "schema": prepared.schema.to_json(), "fingerprint": prepared.fingerprint},
        "options": prepared.options.as_json(),
        "guardrails": [dict(each) for each in prepared.findings],
        "leaderboard": _leaderboard(results),
        "ensemble": [{"trial": number, "weight": weight} for number, weight in members.weights],
        "final": members.kind,
        "validation": {"kind": split.kind, "folds": len(split.folds), "repeats": split.repeats, "why": split.why,
                       **_divided(prepared)},
        "structure": dict(prepared.structure),
        "threshold": document["threshold"],
    }  # fmt: skip
    said["estimate"] = _estimate(prepared, selection, document)
    judged, outputs, of = _judged(prepared, selection, scorer)
    if len(judged):
        truth, weights = prepared.y[judged], prepared.weights_of(judged)
        labels = labels_of(outputs, document["threshold"]) if problem.classes else None
        groups = None if prepared.groups is None else prepared.groups[judged]
        said["test"] = {
            "rows": len(judged),
            "of": of,
            "untouched": bool(len(prepared.test)),
            "metrics": evaluation.evaluate(
                problem, truth, outputs, weights, groups=groups, labels=labels, seed=prepared.options.seed
            ),
        }
        if problem.classes and labels is not None:
            said["calibration"] = {"bins": calibration.bins(truth, outputs, weights)}
            said["confusion"] = evaluation.confusion(problem, truth, labels, weights)
        else:
            said["residuals"] = evaluation.residuals(truth, outputs, weights, prepared.options.seed)
    said["importance"] = _importance(prepared, members, scorer, deadline)
    return said


def _divided(prepared: Prepared) -> dict[str, str | None]:
    """The columns that rows were in fact divided by: what was only suspected stands under ``structure``."""
    structure, split, kind = prepared.structure, prepared.split, prepared.split.kind
    time = None
    if kind == "time":
        # moments may be made of several columns, or be the file's own order
        time = structure.get("time") or " and ".join(structure.get("time_columns") or ()) or "the file's rows"
    groups = prepared.groups
    grouped = groups is not None and kind not in ("own", "none") and not any(
        np.isin(groups[each.train], groups[each.valid]).any() for each in split.folds
    )  # fmt: skip
    return {"group": structure.get("group") if grouped else None, "time": time}


def _estimate(prepared: Prepared, selection: Selection, document: Mapping[str, Any]) -> float | None:
    """The metric over all rows held out, of the members together: what the search saw, so rather too good."""
    if selection.outputs is None:
        return None
    metric, outputs = prepared.problem.metric, selection.outputs
    if metric.needs == "labels" and document["threshold"] is not None:
        rows = selection.rows
        labels = labels_of(outputs[rows], document["threshold"])
        value = metric.tried(prepared.y[rows], labels, prepared.weights_of(rows))
    else:
        value = measured(prepared, outputs)
    return value if math.isfinite(value) else None


def _judged(prepared: Prepared, selection: Selection, scorer: Scorer) -> tuple[NDArray[np.int64], Floats, str]:
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


def _importance(prepared: Prepared, members: Finals, scorer: Scorer, deadline: Deadline) -> list[dict[str, Any]]:
    """By permutation: of the model on the test part; where there is none, of folds' models on their folds' rows."""
    if not prepared.schema.fields:
        return []
    until = None
    if deadline.end is not None:
        until = time.monotonic() + max(min(deadline.left_for_all() - 1.0, 0.03 * (deadline.seconds or 0.0)), 0.0)

    def judge(asked: Scorer, rows: NDArray[np.int64]) -> importance.Judge:
        frame = prepared.frame.select(asked.schema.names)  # without groups' names where these say nothing to it
        return importance.Judge(asked.outputs, frame.take(rows), prepared.y[rows], prepared.weights_of(rows))

    if len(prepared.test):
        judges = [judge(scorer, prepared.test)] * importance.REPEATS
    else:
        # of forward parts the last ones are most like the model
        folds = list(zip(prepared.split.folds, members.folds, strict=False))[-importance.REPEATS :]
        judges = [
            judge(Scorer({**scorer.document, "members": group}, prepared.schema, {}), fold.valid)
            for fold, group in folds
        ]
    return importance.permutation(prepared.problem, judges, seed=prepared.options.seed, until=until)


def _leaderboard(results: Sequence[TrialResult]) -> list[dict[str, Any]]:
    def row(each: TrialResult) -> dict[str, Any]:
        said = each.summary()
        keys = ("value", "state", "folds", "seconds", "params", "memory", "reason")
        return {"trial": each.number, "learner": each.learner, **{key: said[key] for key in keys}}

    return [row(each) for each in sorted(results, key=lambda each: (each.state != "succeeded", each.loss, each.number))]


def labels_of(outputs: Floats, found: Any) -> NDArray[np.int64]:
    """(n,) classes of (n, K) probabilities, as the model calls them: by a threshold or costs where there are some."""
    return np.asarray(positions(outputs, found), dtype=np.int64)


def finite(value: Any) -> Any:
    """Plain data with None where a number is none that JSON has."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
