"""Faults of a kind and strength that are drawn, put into tables that are drawn: how many are found?

`python -m benchmarks.guardrails.planted [--sets 20] [--seed 0] [-v]`: twelve kinds, twenty tables of each, and twenty
tables without a fault, where anything that is found is a false alarm. A fault counts as found when a finding of the
kind names its column (where it has one).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.values import Field, Frame, Schema
from automl_core.tabular.guardrails import examine
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem

Random = np.random.Generator
Columns = dict[str, Any]


class Table:
    """A table as it is being made: columns of numbers or lists of texts, a target, rows to predict."""

    def __init__(self, random: Random) -> None:
        self.random = random
        count = int(random.choice([300, 600, 1500, 4000]))
        self.ask = int(count * 0.3)
        total = count + self.ask
        self.classes = int(random.choice([0, 0, 2, 2, 3]))
        latent = random.normal(size=(total, int(random.integers(3, 7))))
        width = int(random.integers(4, 16))
        loads = random.normal(size=(latent.shape[1], width)) * (random.random((latent.shape[1], width)) < 0.5)
        values = latent @ loads + random.normal(0, 0.7, (total, width))
        self.columns: Columns = {}
        for place in range(width):
            column, form = values[:, place], random.choice(5)
            if form == 1:
                column = np.exp(0.7 * column)
            elif form == 2:
                column = np.round(4 * column)
            elif form == 3:
                column = random.poisson(np.exp(np.clip(0.5 * column, -3, 2.5))).astype(float)
            self.columns[f"x{place}"] = column
        for place in range(int(random.integers(1, 4))):
            levels = int(random.integers(2, 9))
            cut = np.quantile(latent[:, place % latent.shape[1]], np.linspace(0, 1, levels + 1)[1:-1])
            noisy = latent[:, place % latent.shape[1]] + random.normal(0, 1, total)
            self.columns[f"c{place}"] = [f"level {value}" for value in np.searchsorted(cut, noisy)]
        score = latent @ random.normal(size=latent.shape[1]) + 0.5 * latent[:, 0] * latent[:, 1]
        self.score = score + random.normal(0, random.uniform(0.4, 1.2) * score.std(), total)
        self.y = self.score
        if self.classes:
            shares = np.cumsum(random.dirichlet(np.full(self.classes, 8.0)))[:-1]
            self.y = np.searchsorted(np.quantile(self.score, shares), self.score).astype(float)

    @property
    def total(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> None:
        """Keep some rows, in an order; those to predict come last."""
        self.columns = {n: [v[i] for i in rows] if isinstance(v, list) else v[rows] for n, v in self.columns.items()}
        self.y, self.score = self.y[rows], self.score[rows]

    def examined(self) -> list[Any]:
        fields = [
            Field(name, *(("category", "string") if isinstance(values, list) else ("number", "number")))
            for name, values in self.columns.items()
        ]
        schema = Schema(fields)
        frame: Frame = schema.read(self.columns)
        learn, ask = np.arange(self.total - self.ask), np.arange(self.total - self.ask, self.total)
        kind = {0: "regression", 2: "binary"}.get(self.classes, "multiclass")
        metric = find(None, kind)
        problem = Problem(kind, "target", tuple(str(each) for each in range(self.classes)), metric)  # type: ignore[arg-type]
        y = self.y[learn] if not self.classes else self.y[learn].astype(np.int64)
        return examine(frame.take(learn), schema, y, problem, test=frame.take(ask) if self.ask else None)


def leak(table: Table) -> set[str]:
    """A copy with noise, a transformed copy, classes under other names, or a value that only one outcome has."""
    random, y = table.random, table.y
    form = int(random.integers(4))
    noise = random.uniform(0.0, 0.2)
    if not table.classes:
        base = [y, np.exp(y / y.std()), -(y**3), np.round(y / y.std() * 5)][form]
        table.columns["booked"] = base + noise * np.std(base) * random.normal(size=len(y)) * (form != 3)
    elif form == 0:
        table.columns["booked"] = [f"code {int(9 - value)}" for value in y]
    elif form == 1:
        wrong = random.random(len(y)) < noise / 10
        table.columns["booked"] = np.where(wrong, random.integers(0, table.classes, len(y)), y)
    elif form == 2:
        table.columns["booked"] = y + random.normal(0, 0.3 * noise + 0.02, len(y))
    else:
        table.columns["booked"] = np.where(
            y == 0, np.nan, random.normal(size=len(y)) + (y if table.classes > 2 else 0) * 8
        )
    return {"booked"}


def group(table: Table) -> set[str]:
    """Things with several rows each and an effect of their own, half of them without a telling name."""
    random = table.random
    size = random.uniform(3, 20)
    names = np.sort(random.integers(0, max(int(table.total / size), 12), table.total))
    rest = table.total - table.ask
    names[rest:] += names[rest - 1] + 1 - names[rest]  # rows to predict are of new ones
    many = int(names.max()) + 1
    effect = random.normal(size=many) * random.uniform(0.7, 1.5) * table.score.std()
    of_its_own = random.normal(size=many)
    table.columns["height"] = of_its_own[names] + random.normal(0, 0.05, table.total) * (random.random() < 0.3)
    score = table.score + effect[names]
    table.y = (
        score
        if not table.classes
        else np.searchsorted(np.quantile(score, np.arange(1, table.classes) / table.classes), score).astype(float)
    )
    name = str(random.choice(["customer_id", "patient", "hid", "shop", "machine", "k", "nr", "code", "unit"]))
    table.columns["born"] = [f"y{value}" for value in random.integers(0, 9, many)[names]]
    labels = random.permutation(many * 3)[:many]
    table.columns[name] = (
        [f"{value:04d}" for value in labels[names]] if random.random() < 0.5 else labels[names].astype(float)
    )
    order = np.concatenate([random.permutation(rest), np.arange(rest, table.total)])
    if random.random() < 0.5:
        table.take(order)
    return {name}


def time_order(table: Table) -> set[str]:
    """An outcome that wanders with time: by dates, by years and months, or by the file's own order."""
    random, total = table.random, table.total
    walk = np.cumsum(random.normal(size=total))
    walk = walk / walk.std() * table.score.std() * random.uniform(0.7, 2.0)
    score = table.score + walk
    table.y = (
        score
        if not table.classes
        else np.searchsorted(np.quantile(score, np.arange(1, table.classes) / table.classes), score).astype(float)
    )
    form = int(random.integers(3))
    days = np.datetime64("2015-03-01") + np.cumsum(random.integers(1, 3, total))
    if form == 0:
        table.columns["day_of_order"] = [str(day) for day in days]
        table.columns["date"] = table.columns.pop("day_of_order")
    elif form == 1:
        table.columns["timestamp"] = days.astype("datetime64[s]").astype(np.int64).astype(float)
    else:
        table.columns["year"] = days.astype("datetime64[Y]").astype(int) + 1970.0
        table.columns["month"] = days.astype("datetime64[M]").astype(int) % 12 + 1.0
    rest = total - table.ask
    if random.random() < 0.5 and form != 2:
        table.take(np.concatenate([random.permutation(rest), np.arange(rest, total)]))
    return set()


def duplicates(table: Table) -> set[str]:
    """Rows that are there twice, on both sides of the split."""
    rest = table.total - table.ask
    copied = table.random.choice(rest, max(int(rest * table.random.uniform(0.01, 0.3)), 4), replace=False)
    table.take(
        np.concatenate(
            [table.random.permutation(np.concatenate([np.arange(rest), copied])), np.arange(rest, table.total)]
        )
    )
    return set()


def conflicts(table: Table) -> set[str]:
    """Equal rows with different labels."""
    random, rest = table.random, table.total - table.ask
    copied = random.choice(rest, max(int(rest * random.uniform(0.01, 0.2)), 5), replace=False)
    ask = np.arange(rest, table.total)
    table.take(np.concatenate([np.arange(rest), copied, ask]))
    here = slice(rest, rest + len(copied))
    table.y[here] = table.y[here] + 1 if not table.classes else (table.y[here] + 1) % table.classes
    table.take(np.concatenate([random.permutation(rest + len(copied)), np.arange(rest + len(copied), table.total)]))
    return set()


def identifier(table: Table) -> set[str]:
    """Numbers one after the other or drawn, or codes, under names that tell and names that don't."""
    random, total = table.random, table.total
    form = int(random.integers(4))
    name = str(random.choice(["id", "row_id", "order_no", "v1", "ref", "uuid"]))
    numbers = random.permutation(total) + int(random.integers(1, 10**6))
    table.columns[name] = [
        lambda: np.arange(total, dtype=float) + 1,
        lambda: numbers.astype(float),
        lambda: [f"{int(value):016x}" for value in random.integers(0, 2**62, total)],
        lambda: random.choice(10**9, total, replace=False).astype(float),
    ][form]()
    return {name}


def constant(table: Table) -> set[str]:
    """One value in all rows, or in all but a few."""
    random, total = table.random, table.total
    form = int(random.integers(3))
    few = np.zeros(total)
    few[random.choice(total - table.ask, max(int(0.001 * total), 1), replace=False)] = 1
    table.columns["state_of"] = [lambda: np.full(total, 7.0), lambda: ["open"] * total, lambda: few][form]()
    return {"state_of"}


def cardinality(table: Table) -> set[str]:
    """A category of many values."""
    random, total = table.random, table.total
    levels = int(total * random.uniform(0.06, 0.4)) + 30
    drawn = (levels * random.random(total) ** random.uniform(1, 2)).astype(int)
    table.columns["product"] = [f"p{value}" for value in drawn]
    return {"product"}


def imbalance(table: Table) -> set[str]:
    """A rare class."""
    share = table.random.uniform(0.01, 0.09)
    table.classes = 2
    table.y = (table.score > np.quantile(table.score, 1 - share)).astype(float)
    return set()


def missing(table: Table) -> set[str]:
    """Values that are not there, at random or by the outcome."""
    random = table.random
    name = str(random.choice([each for each in table.columns if each.startswith("x")]))
    chance = np.full(table.total, random.uniform(0.03, 0.5))
    if random.random() < 0.5:
        chance = chance * 2 * (table.score > np.median(table.score))
    values = table.columns[name].astype(float).copy()
    values[random.random(table.total) < chance] = np.nan
    table.columns[name] = values
    return {name}


def shift(table: Table) -> set[str]:
    """Rows to predict of which a column has moved, spread out, or has other frequencies."""
    random, rest = table.random, table.total - table.ask
    form = int(random.integers(3))
    if form == 2:
        name = "c0"
        values = list(table.columns[name])
        top = max(set(values), key=values.count)
        moved = random.random(table.total) < random.uniform(0.25, 0.7)
        table.columns[name] = [top if row >= rest and moved[row] else value for row, value in enumerate(values)]
        return {name}
    name = str(random.choice([each for each in table.columns if each.startswith("x")]))
    values = table.columns[name].astype(float).copy()
    strength = random.uniform(0.4, 1.2)
    middle = np.median(values)
    values[rest:] = (
        values[rest:] + strength * values.std()
        if form == 0
        else middle + (values[rest:] - middle) * (1 + 1.5 * strength)
    )
    table.columns[name] = values
    return {name}


def sentinel(table: Table) -> set[str]:
    """A number that means missing."""
    random = table.random
    name = str(random.choice([each for each in table.columns if each.startswith("x")]))
    values = table.columns[name].astype(float).copy()
    mark = float(random.choice([-999.0, -9999.0, 9999.0, 999.0, -99.0, 99999.0]))
    values[random.random(table.total) < random.uniform(0.01, 0.2)] = mark
    table.columns[name] = values
    return {name}


FAULTS: dict[str, tuple[Callable[[Table], set[str]], tuple[str, ...]]] = {
    "leak": (leak, ("leak",)),
    "group": (group, ("group",)),
    "time": (time_order, ("time",)),
    "duplicates": (duplicates, ("duplicates",)),
    "conflicts": (conflicts, ("conflicts",)),
    "identifier": (identifier, ("identifier",)),
    "constant": (constant, ("constant",)),
    "cardinality": (cardinality, ("cardinality",)),
    "imbalance": (imbalance, ("imbalance",)),
    "missing": (missing, ("missing",)),
    "shift": (shift, ("shift",)),
    "sentinel": (sentinel, ("sentinel",)),
}
"""Kind → what plants it (and names its column), and the kinds of findings that say it."""


def planted(kind: str, seed: int) -> tuple[bool, list[Any], set[str]]:
    """Whether one planted fault is found, with all findings, and the column that it was put in."""
    table = Table(np.random.default_rng([seed, list(FAULTS).index(kind)]))
    plant, kinds = FAULTS[kind]
    columns = plant(table)
    found = table.examined()
    return any(one.kind in kinds and columns <= set(one.columns) for one in found), found, columns


def clean(seed: int) -> list[Any]:
    """What is found in a table without a fault."""
    return Table(np.random.default_rng([seed, 99])).examined()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    began = time.process_time()
    for kind in FAULTS:
        good = beside = 0
        for number in range(options.sets):
            ok, found, columns = planted(kind, options.seed * 1000 + number)
            good += ok
            others = [one for one in found if one.kind not in FAULTS[kind][1]]
            beside += bool(others)
            if options.v and (not ok or others):
                print(
                    f"   {kind} {number} {'found' if ok else 'NOT FOUND'} {columns}",
                    [(one.kind, one.columns, one.found[:90]) for one in found],
                )
        print(f"{kind:12} {good:2} of {options.sets} found; {beside} with a finding of another kind beside it")
    alarms = 0
    for number in range(options.sets):
        found = clean(options.seed * 1000 + number)
        alarms += bool(found)
        if found and options.v:
            print("   clean", number, [(one.kind, one.columns, one.found[:120], one.numbers) for one in found])
    print(f"clean        {alarms} of {options.sets} with a false alarm")
    print(f"{(time.process_time() - began) / (options.sets * (len(FAULTS) + 1)):.2f} s of CPU each")


if __name__ == "__main__":
    main()
