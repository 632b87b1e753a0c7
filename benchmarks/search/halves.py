"""Forty-eight problems in two halves of twenty-four: one to work on, one sealed.

A hash of `SALT` draws all of them: which of BBOB's functions, dimensions and instances, which shapes of mixed and
conditional spaces, which learner meets which data. Settings of the search may be chosen on `work` as often as anybody
likes. `sealed` is scored once a release (`benchmarks.search.sealed`): its scores choose nothing, and who has looked at
one and changed the search draws it anew with another `SALT`.

They need `ioh`, statsmodels and scikit-learn: the peers' environment has them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from benchmarks.search import datasets
from benchmarks.search.drawn import bbob, bbob_numbers, conditional, mixed, seed_of, stepped
from benchmarks.search.learners import LEARNERS, loss_of
from benchmarks.search.live import explore
from benchmarks.search.problems import Problem
from benchmarks.search.reference import keep

SALT = "2026-11"
"""What draws them; another is another benchmark."""

HALVES = ("work", "sealed")

_MIXED, _CONDITIONAL, _STEPPED, _TRAINED, _RESAMPLED = 3, 2, 2, 3, 2
_DRAWS_TRAINED, _DRAWS_MADE = 1_000, 10_000
_ROWS = {"trained": 400, "few": 80}
_LOWEST = Path(__file__).parent / "tables" / "halves.json"


@cache
def half(name: str) -> tuple[Problem, ...]:
    """The problems of a half. What random search and the best known combination reach is computed once and kept.

    Raises:
        ValueError: there is no such half.
        ModuleNotFoundError: ioh, statsmodels or scikit-learn is not installed.
    """
    if name not in HALVES:
        raise ValueError(f"there is no half {name!r} (allowed: {', '.join(HALVES)})")
    functions = [bbob(number, width, SALT) for number, width in bbob_numbers(SALT)[HALVES.index(name)]]
    named = (replace(each, name=f"{name}_{each.name}") for each in functions)
    return (*named, *map(with_lowest, _others(name)))


def _others(name: str) -> list[Problem]:
    """What has no optimum in closed form: its name is that of the half, its kind and what was drawn."""
    found = [mixed(f"mixed_{i}", seed_of(SALT, name, "mixed", i)) for i in range(_MIXED)]
    found += [conditional(f"conditional_{i}", seed_of(SALT, name, "conditional", i)) for i in range(_CONDITIONAL)]
    makers = (mixed, conditional)
    for i in range(_STEPPED):
        seed = seed_of(SALT, name, "stepped", i)
        found.append(stepped(makers[i % 2](f"{makers[i % 2].__name__}_{i}", seed), 60 + seed % 140, 1.5, seed))
    found = [replace(each, draws=_DRAWS_MADE) for each in found]
    for i, (kind, data) in enumerate(pairs(name)):
        rows = "trained" if i < _TRAINED else "few"  # few rows: ties, and noise of which row falls into which fold
        problem = Problem(f"{kind}_{data}", LEARNERS[kind].models, loss_of(kind, data, _ROWS[rows]), 0.0)
        found.append(replace(problem, draws=_DRAWS_TRAINED))
    return [replace(each, name=f"{name}_{each.name}") for each in found]


def every_pair() -> list[tuple[str, str]]:
    """Each learner with each data set that it can learn."""
    return [
        (kind, data)
        for kind, learner in LEARNERS.items()
        for data in (datasets.CLASSES if learner.classifies else datasets.NUMBERS)
    ]


def pairs(name: str) -> list[tuple[str, str]]:
    """Learners with data for a half: no pair is in both, and no learner twice in one."""
    every = every_pair()
    taken: set[tuple[str, str]] = set()
    for each in HALVES:
        found: list[tuple[str, str]] = []
        for kind, data in sorted(every, key=lambda pair: seed_of(SALT, each, *pair)):
            new = (kind, data) not in taken and kind not in {known for known, _ in found}
            if new and len(found) < _TRAINED + _RESAMPLED:
                found.append((kind, data))
        if each == name:
            return found
        taken.update(found)
    raise AssertionError(name)


def with_lowest(problem: Problem, steps: int = 600) -> Problem:
    """The problem with the lowest loss known of it, which is looked for once (`live.explore`) and kept."""
    known: dict[str, float] = json.loads(_LOWEST.read_text()) if _LOWEST.exists() else {}
    if problem.name not in known:
        lowest, losses = explore(problem, steps)
        known[problem.name] = lowest
        keep(replace(problem, optimum=lowest), losses)
        _LOWEST.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
        print(f"{problem.name}: the lowest known is {lowest:.6g}", flush=True)
    return replace(problem, optimum=known[problem.name])
