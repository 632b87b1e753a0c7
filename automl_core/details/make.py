"""From a file of predictions to its two objects: the summary, and the worst errors with their rows.

Memory is bounded by a few numbers a row, whatever else the file holds: 10 million rows at most are taken in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from automl_core.details import FORMAT, BadPredictions, classification, regression
from automl_core.details.figures import rounded
from automl_core.details.labels import (
    MOST_CLASSES,
    TOO_LARGE,
    Column,
    as_classes,
    as_numbers,
    examine,
    in_order,
    is_regression,
    plain,
    spelling,
)
from automl_core.details.scores import Scores
from automl_core.details.source import (
    LONGEST,
    MOST_COLUMNS,
    PREDICTION,
    SCORE,
    TRUTH,
    WEIGHT,
    Predictions,
    as_id,
)

MOST_ROWS = 10_000_000
"""Rows that are taken in."""

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def details_of(path: Path, *, most_rows: int = MOST_ROWS) -> tuple[dict[str, Any], dict[str, Any]]:
    """The summary of a file of predictions, and its worst errors.

    Args:
        path: Parquet or CSV, with the columns ``truth`` and ``prediction``, and if there are any ``id``, ``score``,
            ``score_<class>``, ``weight`` and others, which are shown of the rows with the worst errors.
        most_rows: of the file that are taken in.

    Raises:
        BadPredictions: it can't be read, or is not what it should be.
    """
    predictions = Predictions(path)
    truth, prediction, rows = examine(predictions)
    if not rows:
        raise BadPredictions(f"{predictions.name} has no rows")
    scored = SCORE in predictions.schema.names or bool(predictions.class_scores)
    if is_regression(truth, prediction, scored=scored):
        return _numbers(predictions, rows, min(rows, most_rows))
    return _classes(predictions, truth, prediction, rows, min(rows, most_rows))


class _Kept:
    """Which rows count, and why others don't."""

    def __init__(self, predictions: Predictions, rows: int, taken: int) -> None:
        self.file, self.rows, self.taken = predictions, rows, taken
        self.mask: Bools = np.ones(taken, dtype=bool)
        self.left_out: dict[str, int] = {}
        self.weights: Floats = np.ones(taken)
        self.weighted = WEIGHT in predictions.schema.names
        if self.weighted:
            self.weights = _column(predictions, WEIGHT, taken)
            self.drop(~(np.isfinite(self.weights) & (self.weights > 0)), "without a positive weight")

    def drop(self, which: Bools, why: str) -> None:
        """Leave rows out."""
        count = int((which & self.mask).sum())
        if count:
            self.left_out[why] = count
            self.mask &= ~which

    def head(self, kind: str) -> dict[str, Any]:
        """How a summary begins."""
        if self.rows > self.taken:
            self.left_out[f"behind the first {self.taken:,}"] = self.rows - self.taken
        return {
            "format": FORMAT, "kind": kind, "file": self.file.name, "rows": self.rows,
            "counted": int(self.mask.sum()), "left_out": self.left_out, "weighted": self.weighted,
        }  # fmt: skip

    def nothing(self) -> BadPredictions:
        """The error where no row counts."""
        why = ", ".join(f"{count:,} are {reason}" for reason, count in self.left_out.items())
        return BadPredictions(f"{self.file.name} has {self.rows:,} rows, of which none counts: {why}")


def _column(predictions: Predictions, name: str, taken: int) -> Floats:
    values = np.empty(taken)
    start = 0
    for piece in predictions.pieces([name]):
        part = as_numbers(piece.column(0), name)[: taken - start]
        values[start : start + len(part)] = part
        start += len(part)
        if start >= taken:
            break
    return values


def _numbers(predictions: Predictions, rows: int, taken: int) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = _Kept(predictions, rows, taken)
    truth, prediction = _column(predictions, TRUTH, taken), _column(predictions, PREDICTION, taken)
    kept.drop(np.isnan(truth), "without a truth")
    kept.drop(np.isnan(prediction), "without a prediction")
    kept.drop((np.abs(truth) > TOO_LARGE) | (np.abs(prediction) > TOO_LARGE), "not finite, or too large to be squared")
    if not kept.mask.any():
        raise kept.nothing()
    places = np.flatnonzero(kept.mask)
    truth, prediction, weights = truth[places], prediction[places], kept.weights[places]
    body = {**kept.head("regression"), **regression.summary(truth, prediction, weights)}
    chosen = regression.worst(truth, prediction)
    shown = _shown(predictions, places[chosen])
    errors = [
        {
            **shown[int(places[k])], "truth": rounded(float(truth[k])), "prediction": rounded(float(prediction[k])),
            "error": rounded(float(prediction[k] - truth[k])),
        }
        for k in chosen
    ]  # fmt: skip
    return body, _rows_of(predictions, "regression", [{"class": None, "rows": errors}])


def _classes(
    predictions: Predictions, truth: Column, prediction: Column, rows: int, taken: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = _Kept(predictions, rows, taken)
    spelled = spelling(truth, prediction)
    codes: dict[str, int] = {}
    found = _codes(predictions, TRUTH, truth.kind, codes, {}, taken)
    taken_for = _codes(predictions, PREDICTION, prediction.kind, codes, spelled, taken)
    kept.drop(found < 0, "without a truth")
    kept.drop(taken_for < 0, "without a prediction")
    if not kept.mask.any():
        raise kept.nothing()
    places = np.flatnonzero(kept.mask)
    names, found, taken_for = _ordered(codes, found[places], taken_for[places])
    weights = kept.weights[places]
    confusion = classification.Confusion(found, taken_for, weights, [_short(name) for name in names])
    scores = Scores(predictions, kept.mask, taken_for, names, spelled)
    worth = classification.scored(confusion, found, taken_for, weights, scores) if scores.words != "none" else None
    body = {
        **kept.head("classification"), "classes": len(names), "overall": confusion.overall(),
        "per_class": confusion.per_class(), "confusion": confusion.matrix(), "most_confused": confusion.most_confused(),
        "scores": worth,
    }  # fmt: skip
    wrong = np.bincount(found[found != taken_for], minlength=len(names))
    groups = classification.worst(found, taken_for, scores.confidence, lambda k: float(wrong[k]))
    shown = _shown(predictions, places[np.sort(np.concatenate([rows for _, rows in groups]))] if groups else places[:0])
    errors = [
        {
            "class": confusion.classes[k], "wrong": int(wrong[k]),
            "rows": [
                {
                    **shown[int(places[row])], "truth": confusion.classes[found[row]],
                    "prediction": confusion.classes[taken_for[row]],
                    "confidence": rounded(float(scores.confidence[row])) if scores.confidence is not None else None,
                }
                for row in rows
            ],
        }
        for k, rows in groups
    ]  # fmt: skip
    return body, _rows_of(predictions, "classification", errors, scores.confidence is not None)


def _codes(
    predictions: Predictions, name: str, kind: str, codes: dict[str, int], spelled: dict[str, str], taken: int
) -> Codes:
    """The class of each row as a number, -1 where there is none; new classes get new numbers."""
    found = np.full(taken, -1, dtype=np.int64)
    start = 0
    for piece in predictions.pieces([name]):
        encoded = pc.dictionary_encode(plain(piece.column(0)))
        texts = as_classes(encoded.dictionary, kind).to_pylist()
        numbers = [-1 if text is None else codes.setdefault(spelled.get(text, text), len(codes)) for text in texts]
        if len(codes) > MOST_CLASSES:
            raise BadPredictions(
                f"{predictions.name}: {name} has more than {MOST_CLASSES:,} different values: those are no classes. A "
                "quantity must be a number in both columns; an id belongs in `id`"
            )
        places = np.asarray(pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False), dtype=np.int64)
        part = np.array([*numbers, -1], dtype=np.int64)[places][: taken - start]
        found[start : start + len(part)] = part
        start += len(part)
        if start >= taken:
            break
    return found


def _ordered(codes: dict[str, int], truth: Codes, prediction: Codes) -> tuple[list[str], Codes, Codes]:
    """Classes that rows really have, in their fixed order, and the rows' classes as places among them."""
    used = set(np.unique(truth).tolist()) | set(np.unique(prediction).tolist())
    names = in_order(name for name, code in codes.items() if code in used)
    place = np.zeros(max(codes.values()) + 1, dtype=np.int64)
    for k, name in enumerate(names):
        place[codes[name]] = k
    return names, place[truth], place[prediction]


def _shown(predictions: Predictions, places: NDArray[np.intp]) -> dict[int, dict[str, Any]]:
    """What is shown of some rows: their ids, and the values of further columns."""
    wanted = sorted(int(place) for place in places)
    identity, others = predictions.id_column, predictions.others[:MOST_COLUMNS]
    rows = predictions.rows(wanted, [*([identity] if identity else []), *others])
    return {
        place: {
            "id": as_id(rows[place][identity]) if identity else None, "row": place,
            "values": {name: rows[place][name] for name in others},
        }
        for place in wanted
    }  # fmt: skip


def _rows_of(predictions: Predictions, kind: str, groups: list[dict[str, Any]], scored: bool = True) -> dict[str, Any]:
    others = predictions.others
    return {
        "format": FORMAT, "kind": kind, "file": predictions.name, "columns": others[:MOST_COLUMNS],
        "columns_left_out": max(0, len(others) - MOST_COLUMNS), "by_confidence": scored, "groups": groups,
    }  # fmt: skip


def _short(name: str) -> str:
    """A class's name where it is shown; two long ones stay different by what stands behind."""
    if len(name) <= LONGEST:
        return name
    import hashlib

    return f"{name[: LONGEST - 10]}…{hashlib.sha256(name.encode()).hexdigest()[:8]}"
