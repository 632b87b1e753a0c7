"""What is tried before there is anything to learn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from automl_core.search.base import Context
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space
from automl_core.space.branches import branching, hanging_on

CONTRAST = 3
"""Trials of the initial design that show whether the best of earlier experiments are good today."""

BESIDE = 4
"""Trials of the initial design that come for each one where good values are believed."""


def design(context: Context, count: int, most: int | None = None) -> list[tuple[Params, str]]:
    """The initial design with reasons: known good combinations, what is believed, the middle, Sobol points.

    The first point in a branch of the space lies in the middle of what only that branch has.

    Args:
        context: its warm start and the defaults of its space come first (`search.base.leading`).
        count: combinations in all; fewer only where the space has fewer, more where more are given, or `CONTRAST`
            of its own beside the best of earlier experiments.
        most: so many of them at most, for who wants to look at the first ones; None: all.

    Returns:
        Pairs of a combination and why it is tried; no combination twice.
    """
    from automl_core.search.base import leading

    given = leading(context)
    if context.earlier:
        without = design(replace(context, earlier=()), count)
        first = {Space.key(params): (params, note) for params, note in [*given, *without]}
        return list(first.values())[: max(count, len(given) + CONTRAST)][:most]
    beliefs = {p.name: p.prior[0] for p in context.space.tunable if p.prior is not None}
    found = list(given)
    if beliefs:
        found.append((context.space.complete(beliefs), "initial design: what is believed"))
    if not given:
        found.append((context.space.complete({}), "initial design: the middle of the space"))
    wanted = max(count, len(given) + 2 * bool(beliefs), 1)
    wanted = wanted if most is None else min(wanted, most)
    moved = of_belief(count) - 1 if beliefs else 0
    unique: dict[str, tuple[Params, str]] = {}
    for params, note in found:
        unique.setdefault(Space.key(params), (params, note))
    if moved > 0:
        from automl_core.search.bayesian.belief import likely  # numpy is not loaded where there is nothing to move
    met = {branch for known, _ in unique.values() for branch in _branches(context.space, known)}
    for place, params in enumerate(islice(sobol_points(context.space, context.seed, "bayesian"), 4 * count + 16)):
        if len(unique) >= wanted:
            break
        new = [name for name, option in _branches(context.space, params) if (name, option) not in met]
        met.update(_branches(context.space, params))
        tried = in_the_middle(context.space, params, new) if new else params
        reason = "initial design: Sobol, the middle of a branch" if new else "initial design: Sobol"
        unique.setdefault(Space.key(tried), (tried, reason))
        if moved > 0 and place % BESIDE == BESIDE - 2 and len(unique) < wanted:
            moved -= 1
            params = context.space.near(likely(context.space, _units_of(context.space, params)))
            unique.setdefault(Space.key(params), (params, "initial design: Sobol where it is believed"))
    return list(unique.values())[:wanted]


def in_the_middle(space: Space, params: Params, choices: Iterable[str]) -> Params:
    """A combination with all numbers that hang on some choices at their defaults, else as believed, else in the middle.

    Whoever writes a range has what is usual in its midst, and at its ends what is only just possible. Options that hang
    on these choices have no middle: they stay.

    Args:
        space: the space.
        params: a combination of it.
        choices: names of some of its choices.
    """
    hanging = [space.by_name[name] for name in hanging_on(space, choices)]
    numbers = {parameter.name: parameter for parameter in hanging if parameter.kind in ("int", "float", "ordinal")}
    believed = {name: p.prior[0] for name, p in numbers.items() if p.prior is not None and p.default is None}
    return space.complete({name: value for name, value in params.items() if name not in numbers} | believed)


def _branches(space: Space, params: Params) -> list[tuple[str, str]]:
    """The branches that a combination lies in: each choice that others hang on, with its option."""
    return [(name, Space.key({name: params[name]})) for name in branching(space)]


def of_belief(count: int) -> int:
    """Trials of an initial design of so many that are where the user believes good values to be, the centre first."""
    return max(count // (BESIDE + 1), 1)


def _units_of(space: Space, params: Params) -> list[float]:
    """A combination's point; the middle where a parameter is inactive: a belief may make it active."""
    return [0.5 if unit != unit else unit for unit in space.units(params)]
