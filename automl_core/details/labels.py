"""What truth and prediction are: classes or numbers; and how a class is written, letter for letter.

A class is a text. Whole numbers are written without a point (1.0 in one column and 1 in the other are one class), all
else as it stands: "01" is not "1". Classes stand in a fixed order: as numbers where all are whole numbers, else by
their letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from automl_core.details import BadPredictions
from automl_core.details.source import PREDICTION, TRUTH, Predictions

MOST_CLASSES = 10_000
"""Different classes that are told apart."""

FEW = 100
"""So many different whole numbers are classes even where nothing else says so; more of them are quantities."""

TOO_LARGE = 1e150
"""From here on squares are not finite."""

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity)$"
_PADDED = r"^[-+]?0[0-9]"
_TRUTHS = {"true": True, "false": False}


@dataclass
class Column:
    """What was seen of a column.

    Attributes:
        kind: ``number``, ``text`` or ``bool``.
        fractions: whether a number was seen that is not whole.
        seen: different values as text, up to `FEW` and one more.
        missing: rows without a value.
    """

    kind: str
    fractions: bool = False
    seen: set[str] = field(default_factory=set)
    missing: int = 0

    @property
    def few(self) -> bool:
        """Whether all its values were kept."""
        return len(self.seen) <= FEW


def examine(predictions: Predictions) -> tuple[Column, Column, int]:
    """Look once through truth and prediction. Returns what they are, and how many rows there are."""
    names = (TRUTH, PREDICTION)
    kinds = {name: _kind_of(predictions.schema.field(name).type, name, predictions.name) for name in names}
    if predictions.text:
        kinds = dict.fromkeys(names, "number")
        for piece in predictions.pieces(names):
            for name in names:
                if kinds[name] == "number" and not _looks_like_numbers(piece.column(name)):
                    kinds[name] = "text"
    columns = {name: Column(kinds[name]) for name in names}
    rows = 0
    for piece in predictions.pieces(names):
        rows += piece.num_rows
        for name, column in columns.items():
            _look(column, piece.column(name))
    return columns[TRUTH], columns[PREDICTION], rows


def _look(column: Column, values: pa.Array) -> None:
    values = plain(values)
    if column.kind == "number":
        numbers = as_numbers(values)
        finite = numbers[np.isfinite(numbers)]
        column.missing += int(np.isnan(numbers).sum())
        column.fractions = column.fractions or bool((finite != np.floor(finite)).any())
    else:
        column.missing += values.null_count
    if column.few and not column.fractions:
        different = pc.unique(values)[: FEW + 2]  # one of them may be nothing
        column.seen.update(text for text in as_classes(different, column.kind).to_pylist() if text is not None)


def is_regression(truth: Column, prediction: Column, *, scored: bool) -> bool:
    """Whether numbers were predicted rather than classes.

    Args:
        truth, prediction: what was seen of them.
        scored: whether there are scores: those belong to classes.

    Raises:
        BadPredictions: one is a class and the other a fraction.
    """
    if truth.kind == prediction.kind == "number":
        return truth.fractions or prediction.fractions or not (scored or truth.few)
    for one, other, name in ((truth, prediction, PREDICTION), (prediction, truth, TRUTH)):
        if other.kind == "number" and other.fractions:
            raise BadPredictions(
                f"{name} holds numbers that are not whole, and the other column classes ({_some(one.seen)}): both must "
                "be classes, or both numbers. A probability belongs in a column `score` or `score_<class>`"
            )
    return False


def spelling(truth: Column, prediction: Column) -> dict[str, str]:
    """Classes of the prediction that the truth writes otherwise: yes and no as true and false, or as 1 and 0.

    Returns:
        As the prediction has it → as the truth has it; empty where both write alike.
    """
    if (
        truth.kind == prediction.kind
        or not (truth.few and prediction.few)
        or "bool" not in (truth.kind, prediction.kind)
    ):
        return {}
    by_meaning: dict[bool, str] = {}
    for text in truth.seen:
        meaning = _meaning(text, truth.kind)
        if meaning is None:
            return {}
        by_meaning[meaning] = text
    found = {}
    for text in prediction.seen:
        meaning = _meaning(text, prediction.kind)
        if meaning is None:
            return {}
        default = {"number": str(int(meaning)), "bool": str(meaning).lower(), "text": text}[truth.kind]
        found[text] = by_meaning.get(meaning, default)
    return found


def _meaning(text: str, kind: str) -> bool | None:
    if kind == "number":
        return {"0": False, "1": True}.get(text)
    return _TRUTHS.get(text.casefold())


def in_order(classes: Iterable[str]) -> list[str]:
    """Classes in their fixed order."""
    found = list(classes)
    if all(_WHOLE.fullmatch(each) for each in found):
        return sorted(found, key=int)
    return sorted(found)


def as_classes(values: pa.Array, kind: str) -> pa.Array:
    """A column as texts; null where there is no value."""
    values = plain(values)
    if kind == "number":
        return _whole_numbers(values)
    if pa.types.is_string(values.type):
        return values
    return pc.cast(values, pa.string())


def _whole_numbers(values: pa.Array) -> pa.Array:
    if pa.types.is_integer(values.type):
        return pc.cast(values, pa.string())
    if pa.types.is_string(values.type):
        try:
            return pc.cast(pc.cast(values, pa.int64()), pa.string())
        except pa.ArrowInvalid:
            pass
    numbers = as_numbers(values)
    whole = np.abs(numbers) < 2**63
    texts = np.where(whole, np.where(whole, numbers, 0).astype(np.int64).astype(str), numbers.astype(str))
    return pa.array(texts.tolist(), pa.string(), mask=np.isnan(numbers))


def as_numbers(values: pa.Array, name: str = "") -> NDArray[np.float64]:
    """A column as numbers; NaN where there is no value.

    Args:
        values: whole numbers, floats, decimals, truth values, or text that looks like numbers.
        name: of the column, for the message.

    Raises:
        BadPredictions: it holds something else.
    """
    values = plain(values)
    try:
        if pa.types.is_boolean(values.type):
            values = pc.cast(values, pa.int8())
        numbers = pc.cast(values, pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise BadPredictions(f"{name or 'a column'} must hold numbers; it is {values.type} with other values") from None
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def plain(values: pa.Array) -> pa.Array:
    """A column without the encoding that it is written in (categories, runs, views)."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_run_end_encoded(values.type):
        values = pc.run_end_decode(values)
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values


def _looks_like_numbers(values: pa.Array) -> bool:
    numbers = pc.match_substring_regex(values, _NUMBER)
    padded = pc.match_substring_regex(values, _PADDED)
    return bool(pc.all(pc.and_(numbers, pc.invert(padded)), min_count=0).as_py())


def _kind_of(kind: Any, name: str, file: str) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    types = pa.types
    if types.is_boolean(kind):
        return "bool"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_temporal(kind):
        return "text"
    many = " (of several labels a row, leave one file of one label)" if types.is_nested(kind) else ""
    raise BadPredictions(f"{file}: {name} is {kind}; allowed are text, numbers and truth values{many}")


def _some(seen: set[str]) -> str:
    shown = sorted(seen)[:3]
    return ", ".join(repr(each) for each in shown) + (", …" if len(seen) > 3 else "")
