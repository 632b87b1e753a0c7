"""Columns whose values name things with several rows each: customers, patients, schools, firms.

Rows of one thing are alike. Where new rows will be of new things, a random split shows a model rows of each thing that
it is judged by, and flatters it: Roberts et al. (2017), "Cross-validation strategies for data with temporal, spatial,
hierarchical, or phylogenetic structure", Ecography 40.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from automl_core.tabular.guardrails.quick import held_out, skill
from automl_core.tabular.guardrails.view import ColumnView, View
from automl_core.tabular.structure import names
from automl_core.tabular.structure.evidence import (
    Floats,
    Ints,
    agreement,
    collisions,
    correlation,
    folds_of_groups,
    likeness,
    runs,
    smoothness,
)

ROWS = 2_500
"""Rows by which the quick models ask what a split flatters."""

FEATURES = 25
TRIED = 5
"""Candidates for which models are fitted."""

CERTAIN, DOUBTFUL = 4.0, 3.0
"""Points from which on a column's values are taken for groups, and from which on they are spoken of."""


@dataclass
class Candidate:
    """A column that may name groups.

    Attributes:
        column: its name.
        points: what all evidence comes to.
        evidence: in words.
        numbers: the figures behind the words.
        panel: the column that gives an order to a group's rows, if there is one.
        constant: columns that never change within a group.
        name: how much its name says: `names.STRONG`, `names.MEDIUM` or `names.NONE`.
        depends: whether rows of a group are alike beyond what the other columns tell.
        timed: whether that column is one of time.
        numeric: whether its values are numbers, which may be amounts.
        counted: whether they are all numbers of a range, of very different frequency: years of school, heads.
        nested: whether its values are numbers within another column's groups, which start again in each of them.
    """

    column: str
    points: float = 0.0
    evidence: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    panel: str | None = None
    constant: list[str] = field(default_factory=list)
    name: int = names.NONE
    depends: bool = False
    nested: bool = False
    timed: bool = False
    numeric: bool = False
    counted: bool = False

    def add(self, points: float, words: str, **numbers: float) -> None:
        """Take a piece of evidence into account."""
        self.points += points
        self.evidence.append(words)
        self.numbers.update(numbers)

    @property
    def is_structure(self) -> bool:
        """Whether the values name things, by more than the name: an order of rows, or what never changes."""
        return self.panel is not None or bool(self.constant)


def candidates(table: View) -> list[Candidate]:
    """Columns that may name groups, the likeliest first; of groups in larger groups the larger ones."""
    found = []
    for column in table.columns:
        if _may_be(column, table.count):
            candidate = _described(table, column)
            if candidate.points > 0:
                found.append(candidate)
    found.sort(key=lambda one: -one.points)
    for candidate in found[:TRIED]:
        _asked(table, candidate)
    tried = sorted(found[:TRIED], key=lambda one: -one.points)
    if tried:
        larger = [one for one in tried[1:] if one.column in tried[0].constant and _holds(one)]
        if larger:
            tried.sort(key=lambda one: one is not larger[0])
    return tried


def _holds(larger: Candidate) -> bool:
    """Whether a column of larger groups is one to divide by: things by its name, enough of them, alike within."""
    things = larger.name == names.STRONG and not larger.counted
    return things and larger.numbers["groups"] >= 10 and larger.depends


def _may_be(column: ColumnView, count: int) -> bool:
    there = int(column.there.sum())
    least = 3 if names.surely_of_a_person(column.name) else 5
    if column.kind == "time" or there < 0.9 * count or column.distinct < least or there < 30:
        return False
    if column.kind == "number" and not column.whole:
        return False
    named = names.surely_of_a_person(column.name)
    if column.distinct > there / (1.04 if named else 1.5):
        return False
    # a value that most rows have is no group among others
    return bool(column.counts.max() <= 0.5 * there)


def _described(table: View, column: ColumnView) -> Candidate:
    """What name and values say, without any model."""
    found = Candidate(column.name, name=names.of_a_group(column.name), numeric=column.numeric)
    rows = np.flatnonzero(column.there)
    codes = column.codes[rows]
    groups = column.distinct
    size = len(rows) / groups
    found.numbers.update(groups=groups, rows_per_group=round(size, 2))
    if found.name == names.STRONG:
        sure = names.surely_of_a_person(column.name) and size >= 2
        found.add(
            4.0 if sure else 2.0,
            f"its name is that of things with several rows each ({groups} values, {size:.1f} rows each)",
        )
    elif found.name == names.MEDIUM:
        found.add(1.0, f"its name may be that of things with several rows each ({groups} values, {size:.1f} rows each)")
    if column.numeric:
        dense = column.distinct / (column.values[-1] - column.values[0] + 1) > 0.8
        found.counted = bool(dense and float(column.counts.std() / column.counts.mean()) > 0.6)
    _crossed(table, column, rows, codes, found)
    _constant(table, column, rows, codes, found)
    if not found.timed and _is_quantity(table, column, rows, codes, bool(found.constant)):
        found.points -= 9.0
        return found
    stretches = runs(codes)
    if size >= 2 and stretches <= 1.05 * groups + 1 and column.numeric and found.panel is None and found.name:
        found.add(0.5, "rows of the same value lie together in the file", stretches=stretches)
    return found


def _is_quantity(table: View, column: ColumnView, rows: Ints, codes: Ints, constant: bool) -> bool:
    """Whether the values are amounts: neighbours have like outcomes, their counts are uneven, all else varies."""
    if not column.numeric or names.surely_of_a_person(column.name):
        return False
    values = column.values
    uneven = float(column.counts.std() / column.counts.mean())
    dense = column.distinct / (values[-1] - values[0] + 1) > 0.8
    smooth = max(abs(smoothness(table.outcomes[rows, k], codes)) for k in range(table.outcomes.shape[1]))
    if names.of_a_group(column.name) == names.STRONG:
        # a column `family` or `school` may count instead of name: heads, or years
        return dense and uneven > 0.6 and smooth > 0.35
    telling = bool(names.of_a_group(column.name)) or constant or (dense and uneven < 0.25)
    return smooth > 0.35 or not telling


def _crossed(table: View, column: ColumnView, rows: Ints, codes: Ints, found: Candidate) -> None:
    """Whether another column gives each row of a group a place of its own: a visit, a year, a treatment."""
    best: tuple[int, float, str, float] | None = None
    for other in table.columns:
        if other.name == column.name or not 2 <= other.distinct <= len(rows) / 3 or not other.there[rows].all():
            continue
        if names.of_a_group(other.name) == names.STRONG:
            seen, expected = collisions(codes, other.codes[rows])
            if expected >= 12 and seen <= 0.04 * expected:
                found.nested |= other.distinct < column.distinct or _starts_again(column, rows, other.codes[rows])
            if not _starts_again(other, rows, codes):
                continue
        if other.distinct >= column.distinct and not (other.numeric and names.of_a_time(other.name)):
            continue
        seen, expected = collisions(codes, other.codes[rows])
        if expected >= 12 and seen <= 0.04 * expected:
            rank = 2 if names.of_a_time(other.name) else int(other.numeric)
            if best is None or (rank, expected) > best[:2]:
                best = (rank, expected, other.name, seen)
    if best is not None:
        _, expected, name, seen = best
        found.panel, found.timed = name, names.of_a_time(name)
        told = (
            f"{column.name} and {name} together name each row"
            if seen == 0
            else f"{column.name} and {name} rarely occur together twice"
        )
        found.add(
            2.0,
            f"{told} (chance would repeat {expected:.0f} pairs, {seen:.0f} are)",
            pairs_expected=round(expected, 1),
            pairs_seen=seen,
        )
        return
    # the same, where the second column is a measured time: within each group it grows from row to row
    together = (codes[1:] == codes[:-1]) & (runs(codes) <= 1.05 * column.distinct + 1)
    if together.sum() < 20:
        return
    for other in table.columns:
        if not other.numeric or other.name == column.name or not other.there[rows].all() or other.distinct < 3:
            continue
        steps = np.diff(other.numbers[rows])[together]
        if (
            names.of_a_time(other.name)
            and (steps > 0).mean() > 0.9
            and (np.diff(other.numbers[rows])[~together[: len(rows) - 1]] <= 0).mean() > 0.5
        ):
            found.panel, found.timed = other.name, True
            found.add(
                2.0,
                f"within each value of it, {other.name} grows from row to row",
                growing=round(float((steps > 0).mean()), 3),
            )
            return


def _starts_again(column: ColumnView, rows: Ints, groups: Ints) -> bool:
    """Whether a column counts the rows of each group: 1, 2, 3, … and again from 1."""
    if not column.whole:
        return False
    values = column.numbers[rows]
    order = np.lexsort((values, groups))
    first = np.flatnonzero(np.diff(groups[order], prepend=-2) != 0)
    sizes = np.diff(np.append(first, len(order)))
    low, high = values[order[first]], values[order[first + sizes - 1]]
    several = sizes > 1
    return bool(several.any() and ((low == values.min()) & (high - low + 1 == sizes))[several].mean() > 0.6)


def _constant(table: View, column: ColumnView, rows: Ints, codes: Ints, found: Candidate) -> None:
    """Columns that never change within a group though they do between groups."""
    strength = 0.0
    for other in table.columns:
        if other.name == column.name or other.distinct < 2 or other.distinct > 0.98 * column.distinct:
            continue
        within, overall = agreement(other.codes[rows], codes)
        if within < 0.985 or overall > 0.9:
            continue
        first = np.zeros(column.distinct)
        first[codes] = other.codes[rows]
        if column.numeric and _goes_along(first):
            continue
        found.constant.append(other.name)
        strength += 1.0
    if found.constant:
        told = ", ".join(found.constant[:4]) + (", …" if len(found.constant) > 4 else "")
        found.add(
            min(1.0 + 0.25 * (strength - 1), 2.0),
            f"within it never change: {told}",
            constant_columns=len(found.constant),
        )


def _goes_along(sequence: Floats) -> bool:
    """Whether a column is made of another: along its sorted values it changes rarely, or always in one direction."""
    changes = int((np.diff(sequence) != 0).sum())
    shares = np.unique(sequence, return_counts=True)[1] / len(sequence)
    by_chance = (len(sequence) - 1) * (1 - float((shares**2).sum()))
    return changes < 0.35 * by_chance or abs(correlation(np.arange(len(sequence), dtype=float), sequence)) > 0.95


def _asked(table: View, found: Candidate) -> None:
    """What models say: are rows of a group alike beyond the other columns, and does a random split flatter?"""
    column = table.column(found.column)
    rows = np.flatnonzero(column.there)
    codes = column.codes[rows]
    if len(rows) > ROWS:
        # whole groups, so that their rows stay together
        order = np.random.default_rng(0).permutation(column.distinct)
        keep = np.isin(codes, order[: max(int(np.searchsorted(np.cumsum(column.counts[order]), ROWS)), 12)])
        rows, codes = rows[keep], codes[keep]
        if len(rows) > 2 * ROWS:
            keep = np.sort(np.random.default_rng(1).choice(len(rows), 2 * ROWS, replace=False))
            rows, codes = rows[keep], codes[keep]
        codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
    features = [one for one in table.columns if one.name != found.column and one.distinct > 1][:FEATURES]
    bins = table.matrix(features, rows)
    by_group = folds_of_groups(codes, 3, seed=0)
    at_random = np.random.default_rng(0).permutation(len(rows)) % 3
    likes, sures, flatter = [], [], []
    for k in range(table.outcomes.shape[1]):
        target = table.outcomes[rows, k]
        settings = {"rounds": 20, "depth": 4, "rate": 0.3}
        apart, mixed = held_out(bins, target, by_group, **settings), held_out(bins, target, at_random, **settings)
        like, sure = likeness(target - apart, codes)
        likes.append(like)
        sures.append(sure)
        flatter.append(skill(target, mixed) - skill(target, apart))
    best = int(np.argmax(sures))
    gain = float(np.mean(flatter))
    found.numbers.update(likeness=round(likes[best], 3), likeness_z=round(sures[best], 1), flattered=round(gain, 3))
    if sures[best] > 3.0 and likes[best] > 0.02:
        found.depends = True
        found.add(
            1.0 if likes[best] < 0.15 else 1.5,
            "rows of one value have like outcomes beyond what the other columns tell"
            f" (intraclass correlation {likes[best]:.2f})",
        )
    if gain > 0.03:
        found.depends = True
        found.add(
            0.5 if gain < 0.1 else 1.0,
            f"a quick model explains {gain:.0%} more of the target where a random split shows it rows of each value",
        )
    if found.nested and not found.depends:
        found.add(-2.5, "its values seem to start again within another column's groups")
