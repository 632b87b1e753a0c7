"""Drawing a combination that was not handed out yet, from spaces of any size."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Set
from itertools import islice

from automl_core.space import Params, Space

_ATTEMPTS = 64
_LEFT = 1000


def draw_new(space: Space, seen: Set[str], rng: random.Random, draw: Callable[[], Params]) -> Params | None:
    """The first of some draws that is new; when they all fail, one of those that are left.

    Args:
        space: where the combinations come from.
        seen: keys of combinations already handed out.
        rng: chooses among those that are left.
        draw: makes one combination.

    Returns:
        None when the space is exhausted.
    """
    for _ in range(_ATTEMPTS):
        params = draw()
        if Space.key(params) not in seen:
            return params
    left = list(islice(unseen(space, seen), _LEFT))
    return rng.choice(left) if left else None


def unseen(space: Space, seen: Set[str]) -> Iterator[Params]:
    """Combinations not handed out yet, in the order of the file.

    A space without end is walked on a grid with more points than there are seen ones, so the first new
    combination comes after at most ``len(seen)`` others, and there is none only when none is left.
    """
    for params in space.combinations(resolution=len(seen) + 2):
        if Space.key(params) not in seen:
            yield params
