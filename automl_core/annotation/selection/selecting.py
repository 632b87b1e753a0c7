"""Choosing a batch: bad cases, the random stratum, and what tells most while being unlike each other.

Nothing depends on the order of rows: ties go by a hash of seed and item id, and so do walks that begin somewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.selection.batch import Batch, Choice, Kind, woven
from automl_core.annotation.selection.diversity import STEPS, k_centre, k_means_centres, k_means_seeds, standardised
from automl_core.annotation.selection.pool import Floats, Pool
from automl_core.annotation.selection.rules import Rules
from automl_core.annotation.selection.stratum import Stratum, places_of
from automl_core.annotation.selection.usefulness import in_words, usefulness

Rows = NDArray[np.int64]

COLD = 2_000
"""Items at least that a first batch is chosen from where no model says which are useful."""

WORK = 5_000_000_000
"""Numbers that the walks for diversity look at, at most: some ten seconds of one core."""


def select(pool: Pool, rules: Rules | None = None, *, many: int, seed: int) -> Batch:
    """Choose the next batch.

    Args:
        pool: items, and what models say of them. Without a model it is a cold start: unlike items, or random ones where
            there are no features.
        rules: by which; the defaults where None.
        many: items; fewer come only where the pool has no more.
        seed: of the project: with the same one and the same pool the same batch comes, and the random stratum stays.

    Raises:
        ValueError: fewer than two items asked for, or a committee without a second model.
    """
    rules = rules or Rules()
    if many < 2:
        raise ValueError(
            f"many: {many}, and a batch has two items or more: a useful one, and one of the random stratum"
        )
    choosing = _Choosing(pool, rules, many, seed)
    return choosing.batch()


@dataclass
class _Choosing:
    pool: Pool
    rules: Rules
    many: int
    seed: int
    notes: list[str] = field(default_factory=list)

    def batch(self) -> Batch:
        open_rows = self._open()
        stratum = Stratum(self.seed, self.rules.stratum_share)
        places = stratum.places(self.pool.ids[row] for row in open_rows)
        drawn = places < stratum.share
        # In the order of their places, which nothing knows of: what is labelled of the stratum is a random sample.
        of_stratum = open_rows[drawn][np.argsort(places[drawn], kind="stable")]
        rest = open_rows[~drawn]
        values = self._values(rest)
        wanted = max(1, round(self.rules.random_share * self.many))
        if wanted > len(of_stratum):
            self.notes.append(
                f"the random stratum has {len(of_stratum)} items left and {wanted} were to come from it:"
                " a larger stratum_share keeps those that it had"
            )
        random = of_stratum[:wanted]
        bad = self._bad(rest, of_stratum, values)
        others = self._others(np.setdiff1d(rest, bad), self.many - len(random) - len(bad), values)
        missing = self.many - len(random) - len(bad) - len(others)
        if missing and len(of_stratum) > len(random):
            random = of_stratum[: len(random) + missing]
            self.notes.append("nothing else is left, so the rest is of the random stratum")
        if (found := len(random) + len(bad) + len(others)) < self.many:
            self.notes.append(f"{found} items instead of {self.many}: the pool has no more that are not closed")
        why = "random stratum: drawn by seed and id, whatever models say; evaluation stands on such items alone"
        ordered = self._bad_choices(bad, values) + woven([self._choice(row, "stratum", why) for row in random], others)
        return Batch(tuple(replace(each, priority=place) for place, each in enumerate(ordered, 1)), tuple(self.notes))

    def _open(self) -> Rows:
        """Rows that may be chosen: the first of each id that is not closed."""
        first: dict[str, int] = {}
        for row, item in enumerate(self.pool.ids):
            first.setdefault(item, row)
        if len(first) < len(self.pool.ids):
            self.notes.append(f"{len(self.pool.ids) - len(first)} rows have the id of an earlier row, which counts")
        closed = self.pool.closed if isinstance(self.pool.closed, (set, frozenset, dict)) else set(self.pool.closed)
        return np.array([row for item, row in first.items() if item not in closed], dtype=np.int64)

    def _values(self, rest: Rows) -> Floats | None:
        """Usefulness of all rows, None where no model says anything of those that may be chosen."""
        table = self.pool.probabilities
        if table is None:
            self.notes.append("cold start: there is no model yet")
            return None
        if table.shape[1] < 2:
            self.notes.append("cold start: the model knows one class alone, so it hesitates nowhere")
            return None
        values = usefulness(self.pool, self.rules.by)
        unknown = int(np.isnan(values[rest]).sum())
        if unknown == len(rest):
            if unknown:
                self.notes.append("cold start: the model predicts none of the items that are left")
            return None
        if unknown:
            self.notes.append(f"{unknown} items without a prediction: chosen by lot where nothing else is left")
        return values

    def _bad(self, rest: Rows, of_stratum: Rows, values: Floats | None) -> Rows:
        if not self.pool.bad:
            return np.array([], dtype=np.int64)
        bad = set(self.pool.bad)
        held = sum(self.pool.ids[row] in bad for row in of_stratum)
        if held:
            self.notes.append(f"{held} bad cases are of the random stratum, where each waits for its own turn")
        found = np.array([row for row in rest if self.pool.ids[row] in bad], dtype=np.int64)
        most = math.floor(self.rules.bad_share * self.many)
        if len(found) > most:
            self.notes.append(f"{len(found)} open bad cases, and {most} of {self.many} items may be (bad_share)")
        return self._first(found, most, values)

    def _bad_choices(self, bad: Rows, values: Floats | None) -> list[Choice]:
        why = "bad case: a model was wrong on it"
        return [self._choice(row, "bad case", why, None if values is None else values[row]) for row in bad]

    def _others(self, rows: Rows, many: int, values: Floats | None) -> list[Choice]:
        """What tells most, then what no model says anything of."""
        if values is None:
            return self._cold(rows, many)
        known = ~np.isnan(values[rows])
        few = self._first(rows[known], many * self.rules.multiple, values)
        chosen = self._unlike(few, many, values)
        alike = set(few[:many].tolist())
        more = "" if self.rules.diversity == "none" else ", and is unlike others of the batch"
        found = [
            self._choice(
                row, "useful",
                in_words(self.pool, row, self.rules.by, values[row]) + ("" if row in alike else more), values[row],
            )
            for row in chosen
        ]  # fmt: skip
        why = "no model says anything of it: drawn by lot"
        lot = self._first(rows[~known], many - len(found), None)
        return found + [self._choice(row, "unpredicted", why) for row in lot]

    def _cold(self, rows: Rows, many: int) -> list[Choice]:
        unlike = self.pool.features is not None and self.rules.cold != "random"
        few = self._first(rows, max(COLD, many * self.rules.multiple) if unlike else many, None)
        why = "cold start: in the middle of items that are alike" if unlike else "cold start: drawn by lot"
        chosen = self._dealt(few, many, None, STEPS) if unlike else few
        return [self._choice(row, "cold start", why) for row in chosen]

    def _first(self, rows: Rows, many: int, values: Floats | None) -> Rows:
        """The most useful rows, in order; equal ones by lot."""
        if many <= 0 or not len(rows):
            return rows[:0]
        worth = np.zeros(len(rows)) if values is None else np.where(np.isnan(values[rows]), -1.0, values[rows])
        if many < len(rows):  # only those that may come are drawn lots for
            least = np.partition(worth, len(rows) - many)[len(rows) - many]
            rows, worth = rows[worth >= least], worth[worth >= least]
        lots = places_of((self.pool.ids[row] for row in rows), self.seed, "tie")
        return np.asarray(rows[np.lexsort((lots, -worth))][:many])

    def _unlike(self, rows: Rows, many: int, values: Floats) -> Rows:
        """Some of the rows, unlike each other; the most useful in order where that is not wanted."""
        if self.rules.diversity == "none":
            return rows[: max(many, 0)]
        return self._dealt(rows, many, values, 1)

    def _dealt(self, rows: Rows, many: int, values: Floats | None, steps: int) -> Rows:
        """Walks over rows; where they are too many to look at all at once, they are dealt out, and each hand walks."""
        if many <= 0 or len(rows) <= many:
            return rows[: max(many, 0)]
        table = self.pool.features if self.pool.features is not None else self.pool.probabilities
        assert table is not None
        columns = max(1, table.shape[1]) * (1 if self.pool.features is not None or self.pool.second is None else 2)
        hands = min(many, math.ceil(len(rows) * many * columns * steps / WORK))
        found: list[int] = []
        for hand in range(hands):
            dealt = rows[hand::hands]
            share = len(range(hand, many, hands))
            found += [int(dealt[each]) for each in self._walk(dealt, share, values, hand)]
        taken = np.array(found, dtype=np.int64)
        # Walks end where there are no more places: then the most useful of those that lie where another one does.
        return np.concatenate([taken, rows[~np.isin(rows, taken)][: many - len(taken)]])

    def _walk(self, rows: Rows, many: int, values: Floats | None, hand: int) -> list[int]:
        points = self._points(rows)
        random = np.random.default_rng([abs(self.seed), hand])
        if values is None:
            return k_means_centres(points, many, random)
        if self.rules.diversity == "k-centre":
            return k_centre(points, many)
        return k_means_seeds(points, many, random, values[rows], begin=0)

    def _points(self, rows: Rows) -> Floats:
        """Where items lie: by features, else by what models think of them."""
        if self.pool.features is not None:
            return standardised(self.pool.features[rows])
        tables = [
            each[rows].astype(np.float64) for each in (self.pool.probabilities, self.pool.second) if each is not None
        ]
        return np.nan_to_num(np.concatenate(tables, axis=1))

    def _choice(self, row: int, kind: Kind, reason: str, value: float | None = None) -> Choice:
        known = None if value is None or math.isnan(value) else float(value)
        return Choice(self.pool.ids[row], int(row), 0, kind, reason, known)
