"""What rows tell without their labels: whether they have drifted, by which columns, and what the metric may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Schema, SchemaError
from automl_core.models.drift.attribution import attribution
from automl_core.models.drift.comparing import TableDrift, table_drift
from automl_core.models.drift.reference import Reference
from automl_core.models.estimating.kept import MOST_COLUMNS, Kept, halves_of
from automl_core.models.estimating.performance import Estimator
from automl_core.models.estimating.record import Check
from automl_core.models.evaluation.columns import outputs_of
from automl_core.models.evaluation.document import known, plain
from automl_core.models.evaluation.options import EvaluateOptions
from automl_core.models.evaluation.prepared import Prepared, spelled
from automl_core.models.evaluation.resampling import seed_of
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.subjects import Said, Subject
from automl_core.tabular.metrics import Metric, MetricError, find

_NUMBERS = (
    "a model of numbers says nothing of how sure it is of each, so its loss can't be estimated before the outcomes come"
)
_SERIES = (
    "forecasts say nothing of how right they will be that their outcomes, a horizon later, would not say themselves"
)
_NOTHING_KEPT = (
    "the evidence that it was accepted on has kept nothing to estimate by: it is of an earlier release, had no labels, "
    "or the model says classes alone"
)


def why_not(kind: str | None) -> tuple[str, str]:
    """Why a model has no estimate, in words, and the state: ``none`` where no evidence would help.

    Args:
        kind: of its problem; None where that is not known.
    """
    if kind in ("regression", "forecasting"):
        return (_NUMBERS if kind == "regression" else _SERIES), "none"
    return _NOTHING_KEPT, "cant_tell"


def kept_answers(subject: Any, prepared: Prepared, seed: Sequence[int], digest: str) -> dict[str, Any] | None:
    """What an evidence keeps of its rows for later estimates; None where the model says no probabilities.

    Args:
        subject: the challenger.
        prepared: the rows that it was measured on.
        seed: of the choice of rows.
        digest: of the data, so that an estimate is not held against the rows that it was made of.
    """
    said = prepared.said["challenger"]
    if said.labels is None:
        return None
    kept = Kept.some(
        said.outputs, said.labels, prepared.truth, prepared.classes, units=prepared.codes,
        halves=_halves(subject, prepared.rows), seed=seed,
    )  # fmt: skip
    return None if kept is None else {**kept.to_json(), "digest": digest}


def drift_and_estimate(
    subject: Any, rows: Rows, options: EvaluateOptions, *, prepared: Prepared | None = None,
    metric: Metric | None = None, measured: float | None = None, logged: Said | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What is asked for of rows: ``drift``, ``estimate``.

    Args:
        subject: the model.
        rows: all of them, with labels or without.
        options: what is asked for.
        prepared: those with labels, where there are any.
        metric: that is estimated; None: by the options.
        measured: it, on those with labels.
        logged: what the model said of the rows when it was asked; None: it is asked now.
    """
    found: dict[str, Any] = {}
    if options.reference:
        found["drift"] = drift_of(subject, rows, options.reference, options.alarms, logged)
    if options.answers:
        distances = {each["name"]: each["distance"] for each in found.get("drift", {}).get("columns", ())}
        found["estimate"] = _estimate(subject, rows, options, distances or None, prepared, metric, measured, logged)
    return found


def drift_of(
    subject: Any, rows: Rows, reference: Mapping[str, Any], alpha: float, logged: Said | None = None
) -> dict[str, Any]:
    """Whether rows have drifted from those of an earlier evidence, as plain data (`drift.TableDrift`).

    Where they have, ``attribution`` says by which columns predictions have changed.

    Args:
        subject: the model.
        rows: all of the data, with labels or without; of logged answers columns may be missing.
        reference: what `columns.columns_of` gave of the earlier rows.
        alpha: rate of false alarms.
        logged: what the model said of the rows when it was asked; None: it is asked now.
    """
    try:
        before = Reference.from_json(reference)
    except ValueError as error:
        return _untold(rows, alpha, str(error))
    if not isinstance(subject, Subject):
        return _untold(rows, alpha, "the model is none of ours, whose columns are known")
    there = _readable(subject.schema, rows)
    whole = len(there) == len(subject.schema.names)
    try:
        frame = there.read(rows.columns if len(there) else {"": [None] * rows.n})
        said = logged.outputs if logged is not None else subject.model.scorer.outputs(frame) if whole else None
    except SchemaError as error:
        return _untold(rows, alpha, str(error))
    if said is not None and said.ndim == 1:
        said = said[:, None]
    outputs = {} if said is None or not said.shape[1] else outputs_of(subject, said)
    found = table_drift(before, there, frame, outputs, alpha=alpha)
    body = found.to_json()
    missing = [name for name in subject.schema.names if name not in there.names]
    if missing:
        body["not_there"] = missing
    if found.drifted:
        score = (lambda changed: outputs_of(subject, subject.model.scorer.outputs(changed))) if whole else None
        body["attribution"] = attribution(before, there, frame, outputs, found, score)
    return dict(plain(body))


def _readable(schema: Schema, rows: Rows) -> Schema:
    return Schema(each for each in schema if each.name in rows.columns or each.optional)


def _untold(rows: Rows, alpha: float, why: str) -> dict[str, Any]:
    return TableDrift(rows.n, None, 1.0, alpha, (), why).to_json()


# --- the estimate ----------------------------------------------------------------------------------


def _estimate(
    subject: Any, rows: Rows, options: EvaluateOptions, moved: Mapping[str, float] | None, prepared: Prepared | None,
    metric: Metric | None, measured: float | None, logged: Said | None,
) -> dict[str, Any]:  # fmt: skip
    kind = subject.kind
    if kind not in ("binary", "multiclass"):
        return not_estimated(*why_not(kind))
    try:
        kept = Kept.from_json(options.answers)
        metric = metric or _metric(subject, kept, options)
        seed = seed_of(options.fingerprint.get("digest", ""), rows.n)
        maker = Estimator(kept, metric, confidence=options.confidence, seed=seed)
    except (ValueError, MetricError) as error:
        return not_estimated(str(error), "cant_tell")
    checked = _check(maker, kept, options, moved, prepared, measured)
    found = {"metric": metric.name, "direction": metric.direction, "checked": checked,
             "calibration": maker.to_json(), "confidence": options.confidence}  # fmt: skip
    try:
        said, why = _said(subject, rows, options, kept.classes, prepared, logged)
    except SchemaError as error:
        return not_estimated(str(error), "cant_tell") | found
    if said is None:
        return not_estimated(why, "none") | found
    if len(said.outputs) < options.least_rows or said.labels is None:
        few = f"{len(said.outputs):,} rows without a label, and {options.least_rows:,} are asked for"
        return not_estimated(few, "cant_tell") | found
    got = maker.estimate(said.outputs, said.labels, moved=moved, record=options.excess)
    if not got.known:
        return not_estimated(f"{metric.name} can't be expected of these {got.rows:,} rows", "cant_tell") | found
    return {
        "state": "estimated", "why": "", **found, "value": known(got.value), "low": known(got.low),
        "high": known(got.high), "rows": got.rows, "parts": _parts(got),
    }  # fmt: skip


def _check(
    maker: Estimator, kept: Kept, options: EvaluateOptions, moved: Mapping[str, float] | None,
    prepared: Prepared | None, measured: float | None,
) -> dict[str, Any] | None:  # fmt: skip
    """The estimate held against what was measured; None on the very rows that it is made of, or where none is."""
    same = bool(options.fingerprint.get("digest")) and options.fingerprint["digest"] == options.answers.get("digest")
    if prepared is None or measured is None or same or prepared.classes != kept.classes:
        return None
    said = prepared.said["challenger"]
    if said.labels is None or not said.outputs.shape[1] or len(prepared.truth) < options.least_rows:
        return None
    got = maker.estimate(said.outputs, said.labels, moved=moved, record=options.excess)
    if not got.known or not math.isfinite(measured):
        return None
    spread = math.hypot(got.chance, got.mix)
    return Check(len(prepared.truth), got.value, got.low, got.high, spread, float(measured)).to_json()


def _said(
    subject: Any, rows: Rows, options: EvaluateOptions, classes: tuple[str, ...], prepared: Prepared | None,
    logged: Said | None,
) -> tuple[Said | None, str]:  # fmt: skip
    """What the model says of the rows without a label, in the evidence's order of classes; else why there are none."""
    if logged is not None:
        return (logged.aligned(classes), "") if set(logged.classes) <= set(classes) else (None, _other(classes))
    if not set(subject.classes) <= set(classes):
        return None, _other(classes)
    mask = np.ones(rows.n, dtype=bool)
    target = options.target or subject.target
    if target in rows.columns:
        mask = rows.coded(target).codes < 0
    if prepared is not None and not mask.any():
        return None, "every row has a label: there is nothing to estimate"
    taken = rows.take(mask)
    for unread in subject.refused(taken).values():
        bad = np.asarray(unread)
        if bad.all():
            return None, "the model can read none of these rows"
        mask[np.flatnonzero(mask)[bad]] = False
    said = subject.say(rows.take(mask))
    return said.take(~said.missing).aligned(classes), ""


def _other(classes: tuple[str, ...]) -> str:
    return f"the model has classes that the evidence did not know ({', '.join(classes[:10])})"


def _metric(subject: Any, kept: Kept, options: EvaluateOptions) -> Metric:
    asked = options.metric or (subject.metric if subject.metric and ":" not in subject.metric else None)
    return find(asked, "multiclass" if len(kept.classes) > 2 else "binary", classes=kept.classes)


def _parts(got: Any) -> dict[str, Any]:
    return {"chance": known(got.chance), "mix": known(got.mix), "record": known(got.record)}


def not_estimated(why: str, state: str = "none") -> dict[str, Any]:
    """What is said where nothing is estimated.

    Args:
        why: in words.
        state: ``none``: there is nothing to estimate; ``cant_tell``: it can't be.
    """
    return {
        "state": state, "why": why, "metric": "", "direction": "", "value": None, "low": None, "high": None,
        "rows": 0, "checked": None,
    }  # fmt: skip


def _halves(subject: Any, rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """On which side of the middle of each column that a model reads its rows lie."""
    if not isinstance(subject, Subject):
        return {}
    fields = [each for each in subject.schema if each.kind in ("number", "category") and not each.optional]
    fields = fields[:MOST_COLUMNS]
    frame = Schema(fields).read(rows.columns)
    return halves_of(
        {each.name: np.asarray(frame.numbers(each.name), dtype=np.float64) for each in fields if each.kind == "number"},
        {each.name: frame.coded(each.name).codes.astype(np.int64) for each in fields if each.kind == "category"},
    )


# --- logged answers --------------------------------------------------------------------------------

CHANCE = "probability_"
"""What a logged answer's columns of probabilities begin with."""


def answered(
    challenger: str | Path, table: Any, options: EvaluateOptions, *, logged: bool = True
) -> dict[str, Any]:  # fmt: skip
    """What rows tell that a version has answered: ``drift`` and ``estimate``, each where it is asked for.

    Args:
        challenger: folder of the version that gave the answers.
        table: an answer each: the columns that were logged, ``prediction``, ``probability_CLASS``.
        options: as for `evaluate`.
        logged: whether what was said is in the rows; else the version is asked once more.

    Raises:
        NotEvaluated: the version can't be opened.
    """
    from automl_core.models.evaluation.subjects import opened

    rows, subject = Rows.of(table), opened(challenger, "challenger", options)
    return drift_and_estimate(subject, rows, options, logged=logged_of(subject, rows) if logged else None)


def logged_of(subject: Any, rows: Rows) -> Said | None:
    """What answers say, as the model's outputs; None where that is not in them."""
    if "prediction" not in rows.columns:
        return None
    if not subject.classes:
        return Said(np.asarray(rows.column("prediction").numbers(), dtype=np.float64), None, ())
    columns = [f"{CHANCE}{name}" for name in subject.classes]
    if any(name not in rows.columns for name in columns):
        return None
    outputs = np.column_stack([np.asarray(rows.column(name).numbers(), dtype=np.float64) for name in columns])
    coded = rows.coded("prediction")
    places = {name: at for at, name in enumerate(subject.classes)}
    table = np.asarray([*(places.get(spelled(level, subject.classes), -1) for level in coded.levels), -1])
    said = Said(outputs, table[coded.codes].astype(np.int64), subject.classes)
    return said if not said.missing.any() else None
