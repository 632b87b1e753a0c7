"""Real models of the kinds that the halves hold, drawn by another salt: enough of them to choose the search by.

The work half has five problems that train a model, too few to tell a change of the search from luck: two seeds of one
of them differ by up to 80 points. No pair of learner and data stands in a half as well, whatever its rows. What takes
long to train is left out, networks above all: many seeds say more than many problems that nobody waits for.
"""

from __future__ import annotations

from functools import cache

from benchmarks.search.drawn import seed_of
from benchmarks.search.halves import HALVES, SALT, every_pair, pairs, with_lowest
from benchmarks.search.learners import LEARNERS, loss_of
from benchmarks.search.problems import Problem

_COUNT = 14
_MOST = 4  # of one kind of learner
_LEFT_OUT = ("network",)
_SLOW = {("boosting", "star98"), *((kind, "digits") for kind in LEARNERS), ("forest", "anes96")}
"""Of those that are drawn, the ones whose trials take longest (0.1 to 0.25 s)."""
_ROWS = (400, 400, 400, 80, 80)  # in turn: the halves' share of few rows
_DRAWS, _STEPS = 200, 150


def drawn_pairs() -> list[tuple[str, str]]:
    """Learners with data, in the order in which a hash draws them."""
    taken = {pair for half in HALVES for pair in pairs(half)}
    found: list[tuple[str, str]] = []
    for kind, data in sorted(every_pair(), key=lambda pair: seed_of(SALT, "trained", *pair)):
        often = sum(kind == known for known, _ in found)
        if (kind, data) not in taken and kind not in _LEFT_OUT and often < _MOST and len(found) < _COUNT:
            found.append((kind, data))
    return found


def drawn() -> list[Problem]:
    """The problems, before anybody has looked for their lowest losses."""
    found = []
    for place, (kind, data) in enumerate(drawn_pairs()):
        rows = _ROWS[place % len(_ROWS)]
        if (kind, data) in _SLOW:
            continue
        name = f"trained_{kind}_{data}_{rows}"
        found.append(Problem(name, LEARNERS[kind].models, loss_of(kind, data, rows), 0.0, _DRAWS))
    return found


@cache
def trained() -> tuple[Problem, ...]:
    """The problems. What random search and the best known combination reach is computed once and kept."""
    return tuple(with_lowest(problem, _STEPS) for problem in drawn())
