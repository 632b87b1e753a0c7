"""Rows that occur several times: copies that a split would put on both sides, and equal rows with different labels.

In a table of few short columns equal rows are no wonder: then many more rows are equal but for one column. Copies show
by that there are hardly more of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.guardrails.finding import Finding
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.view import View

Hashes = NDArray[np.uint64]

NATURAL = 1.6
"""Times as many pairs of rows that are equal but for one column as pairs that are equal: from there on no wonder."""


def check(look: Look) -> Iterator[Finding]:
    """Copies within the rows to learn from, between these and the rows to predict, and conflicts of labels."""
    table = look.table
    if not table.columns or table.count < 20:
        return
    parts = hashes(table)
    features = _total(parts)
    repeated = _repeated(features)
    copies = int(repeated.sum())
    wonder = copies >= max(4, 0.002 * table.count) and _near(parts, features) <= NATURAL * _pairs(features)
    if wonder:
        whole = features + _mixed(table.target.view(np.uint64))
        same = int(_repeated(whole).sum())
        if same >= 4:
            yield Finding(
                "duplicates", "certain", (), f"{_count(same, table)} rows occur more than once, target included "
                f"({same / table.count:.1%})",
                "no row is judged by what has learned its copy: each fold learns from rows without copies among "
                "those that judge",
                "if the copies are a mistake of a join or an import, take them out: they count several times",
                {"rows": _scaled(same, table), "share": round(same / table.count, 4)},
            )  # fmt: skip
        conflicting = _conflicting(features, table)
        if conflicting >= max(4, 0.002 * table.count):
            yield Finding(
                "conflicts", "doubtful", (),
                f"{_count(conflicting, table)} rows have the same features as others and another "
                f"{table.target_name} ({conflicting / table.count:.1%})",
                "no row is judged by what has learned its copy; in the end all are learned from",
                "see which of their labels are right: no model can tell these rows apart",
                {"rows": _scaled(conflicting, table), "share": round(conflicting / table.count, 4)},
            )  # fmt: skip
    if look.test is not None and look.test.count:
        known = np.isin(_total(hashes(look.test, like=table)), features)
        if known.sum() >= max(4, 0.002 * look.test.count) and (wonder or copies < 4):
            yield Finding(
                "duplicates", "doubtful", (), f"{int(known.sum())} of the rows to predict are among the rows to "
                f"learn from ({known.mean():.1%})",
                "nothing: they are predicted like all "
                "others", "a test part that holds rows of the training part flatters; draw it anew",
                {"rows_to_predict": float(known.sum()), "share": round(float(known.mean()), 4)},
            )  # fmt: skip


def rows_as_hashes(table: View) -> Hashes:
    """(n,) a number for each row's features: the same where rows are copies."""
    return _total(hashes(table))


def copies(frame: Any, names: Iterable[str], rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Which rows are copies of each other: (n,) codes, -1 for rows that occur once; None where copies are no wonder.

    Args:
        frame: all rows.
        names: the columns that count: the features.
        rows: those to look at; others have -1.
    """
    parts = [_mixed(_frame_bits(frame.columns[name], rows) + _salt(place)) for place, name in enumerate(names)]
    if not parts or len(rows) < 20:
        return None
    total = _total(parts)
    repeated = _repeated(total)
    if repeated.sum() < max(4, 0.002 * len(rows)) or _near(parts, total) > NATURAL * _pairs(total):
        return None
    found = np.full(frame.n, -1, dtype=np.int64)
    found[rows[repeated]] = np.unique(total[repeated], return_inverse=True)[1].reshape(-1)
    return found


def without(rows: NDArray[np.int64], others: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows that are no copies of any of some others, in their order.

    Args:
        rows: rows to choose from, such as those that a fold learns from.
        others: such as those that it is judged by.
        codes: (n,) what `copies` gives.
    """
    there = codes[others]
    return rows[~np.isin(codes[rows], there[there >= 0])]


def _frame_bits(column: Any, rows: NDArray[np.int64]) -> Hashes:
    return _bits(np.asarray(column.codes if hasattr(column, "codes") else column)[rows].astype(np.float64))


def _salt(place: int) -> np.uint64:
    """A number of its own for each column, so that equal values in two columns do not cancel."""
    return np.uint64((place + 1) * 0x9E3779B97F4A7C15 % (1 << 64))


def hashes(table: View, like: View | None = None) -> list[Hashes]:
    """For each column (n,) hashes of its values.

    Args:
        table: whose columns.
        like: a table whose texts these are compared with: hashes are by text, and its columns' names and order count.
    """
    made = []
    for place, column in enumerate((like or table).columns):
        own = table.column(column.name) if like is not None else column
        if own.levels:
            texts = np.array([_text_hash(level) for level in own.levels] + [0], dtype=np.uint64)
            bits = texts[np.where(own.there, own.numbers, len(own.levels)).astype(np.int64)]
        else:
            bits = _bits(own.numbers)
        made.append(_mixed(bits + _salt(place)))
    return made


def _text_hash(text: str) -> int:
    value = 14695981039346656037  # FNV-1a, 64 bits (Fowler, Noll, Vo)
    for byte in text.encode():
        value = ((value ^ byte) * 1099511628211) % (1 << 64)
    return value


def _bits(values: NDArray[np.float64]) -> Hashes:
    plain = np.where(np.isnan(values), -1.5e300, values) + 0.0  # one NaN, and no negative zero
    return np.ascontiguousarray(plain).view(np.uint64)


def _mixed(bits: Hashes) -> Hashes:
    """Bits well mixed (the finalizer of SplitMix64, Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)


def _total(parts: list[Hashes]) -> Hashes:
    total = np.zeros_like(parts[0])
    for part in parts:
        total = total + part
    return total


def _repeated(total: Hashes) -> NDArray[np.bool_]:
    _, inverse, counts = np.unique(total, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse.reshape(-1)] > 1)


def _pairs(total: Hashes) -> float:
    counts = np.unique(total, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum()) / 2


def _near(parts: list[Hashes], total: Hashes) -> float:
    """The most pairs of rows that are equal but for one column."""
    if len(parts) < 2:
        return np.inf
    random = np.random.default_rng(0)
    most = 25 if len(total) <= 100_000 else 8
    tried = range(len(parts)) if len(parts) <= most else random.choice(len(parts), most, replace=False)
    return max(_pairs(total - parts[which]) for which in tried)


def _conflicting(features: Hashes, table: View) -> int:
    _, group = np.unique(features, return_inverse=True)
    group = group.reshape(-1)
    low = np.full(int(group.max()) + 1, np.inf)
    high = np.full(int(group.max()) + 1, -np.inf)
    np.minimum.at(low, group, table.target)
    np.maximum.at(high, group, table.target)
    slack = 0.0 if table.classes else 0.02 * float(table.target.std())
    return int((high[group] - low[group] > slack).sum())


def _scaled(rows: int, table: View) -> float:
    return float(round(rows * table.rows / table.count))


def _count(rows: int, table: View) -> str:
    return f"{rows:,}" if table.rows == table.count else f"about {_scaled(rows, table):,.0f}"
