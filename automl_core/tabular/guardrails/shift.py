"""Whether the rows to predict are drawn from where the rows to learn from are.

One judgement for the whole table: a test for each column would alarm in most tables without any shift (20 columns
at 5 %: 64 %). So the columns' tests share one error rate (Bonferroni), a difference must also be large enough to
matter, and what no single column shows is asked of a model that tells the two parts apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import erfc, sqrt

import numpy as np

from automl_core.tabular.guardrails import written
from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.quick import Floats, Ints, auc, binned, held_out
from automl_core.tabular.guardrails.view import ColumnView

RATE = 0.002
"""Alarms in tables without shift."""

MATTERS = 0.06
"""The largest difference of two distributions (0 to 1) that does not matter, however sure it is."""

ROWS = 3_000


def check(look: Look) -> Iterator[Finding]:
    """Shift between the rows to learn from and the rows to predict."""
    if look.test is None or look.test.count < 30 or look.table.count < 30:
        return
    other = {one.name: one for one in look.test.columns}
    pairs = [(one, other[one.name]) for one in look.features if one.name in other and one.distinct]
    passed = {*look.structure.drop, *look.structure.time_columns, *look.dropped}
    pairs = [(one, two) for one, two in pairs if one.name not in passed and not _names_rows(one)]
    if not pairs:
        return
    shifted = []
    unseen = []
    for one, two in pairs:
        distance, chance = _difference(one, two)
        if chance < RATE / len(pairs) and distance > MATTERS:
            shifted.append((distance, one.name))
        if one.levels and written.form(one) is None:  # each number or date is another one: that is said elsewhere
            share = _unseen(one, two)
            if share > 0.05:
                unseen.append((share, one.name))
    shifted.sort(reverse=True)
    apart, error = _told_apart(pairs)
    numbers = {"auc": round(apart, 4), "columns": float(len(shifted))}
    if shifted or apart - 0.5 > max(4.5 * error, 0.03):
        told = (
            listed([f"{name} (by {distance:.2f} of 1)" for distance, name in shifted])
            if shifted
            else "in no single column"
        )
        yield Finding(
            "shift", "doubtful", tuple(name for _, name in shifted),
            f"rows to predict are distributed otherwise than those to learn from: {told}; a model tells the two "
            f"apart with an AUC of {apart:.2f}",
            "nothing: all rows are learned from alike",
            "expect the model to be worse than its validation says; if the difference comes with time, validate "
            "by time",
            numbers,
        )  # fmt: skip
    if unseen:
        unseen.sort(reverse=True)
        yield Finding(
            "unseen", "doubtful", tuple(name for _, name in unseen),
            f"values to predict that no row to learn from has: "
            f"{listed([f'{name} (in {share:.0%} of the rows)' for share, name in unseen])}",
            "such a value is taken as unknown", "learn from rows that have these values, if there are "
            "any", {"columns": len(unseen)},
        )  # fmt: skip


def _names_rows(column: ColumnView) -> bool:
    there = int(column.there.sum())
    return column.distinct >= 0.98 * there and not column.numeric


def _difference(one: ColumnView, two: ColumnView) -> tuple[float, float]:
    """How far two distributions are apart (0 to 1), and how likely chance would bring that."""
    if one.numeric and one.distinct > 12:
        first, second = one.numbers[one.there], two.numbers[two.there]
        distance, chance = _kolmogorov_smirnov(first, second)
        # of a distribution that only spreads out that test sees little; of distances from the middle it sees it
        middle = float(np.median(first)) if len(first) else 0.0
        spread, by_spread = _kolmogorov_smirnov(np.abs(first - middle), np.abs(second - middle))
        distance, chance = max(distance, spread), min(2 * min(chance, by_spread), 1.0)
    else:
        distance, chance = _frequencies(one, two)
    gone_one, gone_two = 1 - one.there.mean(), 1 - two.there.mean()
    pooled = (gone_one * len(one.there) + gone_two * len(two.there)) / (len(one.there) + len(two.there))
    error = np.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / len(one.there) + 1 / len(two.there)))
    in_gaps = float(_two_sided(abs(gone_one - gone_two) / error))
    return max(distance, float(abs(gone_one - gone_two))), min(chance, in_gaps)


def _kolmogorov_smirnov(first: Floats, second: Floats) -> tuple[float, float]:
    if len(first) < 5 or len(second) < 5:
        return 0.0, 1.0
    both = np.concatenate([first, second])
    one = np.searchsorted(np.sort(first), both, side="right") / len(first)
    two = np.searchsorted(np.sort(second), both, side="right") / len(second)
    distance = float(np.abs(one - two).max())
    size = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    scaled = (size + 0.12 + 0.11 / size) * distance  # Stephens 1970
    terms = np.arange(1, 40)
    return distance, float(
        min(max(2 * ((-1.0) ** (terms - 1) * np.exp(-2 * terms**2 * scaled**2)).sum(), 0.0), 1.0)
    ) if scaled > 0.2 else 1.0


def _frequencies(one: ColumnView, two: ColumnView) -> tuple[float, float]:
    """Total variation of frequencies, and the chi-square test of homogeneity on values that are not rare."""
    first, second = _counts(one), _counts(two)
    keys = sorted(set(first) | set(second), key=lambda key: -(first.get(key, 0) + second.get(key, 0)))
    a = np.array([first.get(key, 0) for key in keys], dtype=np.float64)
    b = np.array([second.get(key, 0) for key in keys], dtype=np.float64)
    rare = a + b < 10
    a, b = np.append(a[~rare], a[rare].sum()), np.append(b[~rare], b[rare].sum())
    some = a + b > 0
    a, b = a[some], b[some]
    if len(a) < 2 or a.sum() == 0 or b.sum() == 0:
        return 0.0, 1.0
    share = (a + b) / (a + b).sum()
    statistic = float(
        (((a - share * a.sum()) ** 2) / (share * a.sum())).sum()
        + (((b - share * b.sum()) ** 2) / (share * b.sum())).sum()
    )
    freedom = len(a) - 1
    root = (statistic / freedom) ** (1 / 3)  # Wilson and Hilferty 1931
    normal = (root - (1 - 2 / (9 * freedom))) / np.sqrt(2 / (9 * freedom))
    noise = np.sqrt(len(a) / (2 * np.pi)) * np.sqrt(1 / a.sum() + 1 / b.sum())
    return max(float(np.abs(a / a.sum() - b / b.sum()).sum()) / 2 - float(noise) / 2, 0.0), _two_sided(
        normal
    ) / 2 if normal > 0 else 1.0


def _counts(column: ColumnView) -> dict[object, int]:
    keys = [column.text(code) for code in range(column.distinct)] if column.levels else column.values.tolist()
    return dict(zip(keys, column.counts.tolist(), strict=True))


def _two_sided(normal: float) -> float:
    return erfc(abs(normal) / sqrt(2))


def _unseen(one: ColumnView, two: ColumnView) -> float:
    known = set(_counts(one))
    there = int(two.there.sum())
    return sum(count for key, count in _counts(two).items() if key not in known) / there if there else 0.0


def _told_apart(pairs: list[tuple[ColumnView, ColumnView]]) -> tuple[float, float]:
    """The AUC of a model that tells rows of the two parts apart, held out, and its error without any shift."""
    random = np.random.default_rng(0)
    rows_one = random.permutation(len(pairs[0][0].numbers))[:ROWS]
    rows_two = random.permutation(len(pairs[0][1].numbers))[:ROWS]
    bins = []
    for one, two in pairs[:40]:
        if one.numeric:
            bins.append(binned(np.concatenate([one.numbers[rows_one], two.numbers[rows_two]])))
        else:
            first, second = _counts(one), _counts(two)
            often = sorted(set(first) | set(second), key=lambda key: -(first.get(key, 0) + second.get(key, 0)))
            keys = {key: min(place + 1, 22) for place, key in enumerate(often)}
            bins.append(np.concatenate([_coded(one, rows_one, keys), _coded(two, rows_two, keys)]))
    which = np.concatenate([np.zeros(len(rows_one)), np.ones(len(rows_two))])
    folds = random.permutation(len(which)) % 3
    expected = held_out(np.stack(bins, axis=1), which, folds, rounds=20, depth=3, rate=0.2)
    parts = [auc(which[folds == fold] == 1, expected[folds == fold]) for fold in range(3)]
    error = np.sqrt((len(which) + 1) / (12 * len(rows_one) * len(rows_two)))
    return float(np.mean(parts)), float(error)


def _coded(column: ColumnView, rows: Ints, keys: dict[object, int]) -> Ints:
    texts = [column.text(code) for code in range(column.distinct)] if column.levels else column.values.tolist()
    places = np.array([keys[text] for text in texts] + [0], dtype=np.int64)
    return np.asarray(places[column.codes[rows]], dtype=np.int64)
