"""What is tried before there is anything to learn from."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from automl_core.search.base import Context
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space

CONTRAST = 3
"""Trials of the initial design that show whether the best of earlier experiments are good today."""


def design(context: Context, count: int) -> list[tuple[Params, str]]:
    """The initial design with reasons: known good combinations, else the middle, then Sobol points.

    Args:
        context: its warm start and the defaults of its space come first (`search.base.leading`).
        count: combinations in all; fewer only where the space has fewer, more where more are given, or `CONTRAST`
            of its own beside the best of earlier experiments.

    Returns:
        Pairs of a combination and why it is tried; no combination twice.
    """
    from automl_core.search.base import leading

    given = leading(context)
    if context.earlier:
        without = design(replace(context, earlier=()), count)
        first = {Space.key(params): (params, note) for params, note in [*given, *without]}
        return list(first.values())[: max(count, len(given) + CONTRAST)]
    beliefs = {p.name: p.prior[0] for p in context.space.tunable if p.prior is not None}
    found = list(given)
    if beliefs:
        found.append((context.space.complete(beliefs), "initial design: what is believed"))
    elif not found:
        found = [(context.space.complete({}), "initial design: the middle of the space")]
    wanted = max(count, len(found) + (1 if given or beliefs else 0))
    unique: dict[str, tuple[Params, str]] = {}
    for params, note in found:
        unique.setdefault(Space.key(params), (params, note))
    if beliefs:
        from automl_core.search.bayesian.belief import likely  # numpy is not loaded where there is nothing to move
    for place, params in enumerate(islice(sobol_points(context.space, context.seed, "bayesian"), 4 * count + 16)):
        if len(unique) >= wanted:
            break
        if beliefs and place % 2 == 0:  # every other one where it is believed: a wrong belief is seen by the others
            params = context.space.near(likely(context.space, _units_of(context.space, params)))
            unique.setdefault(Space.key(params), (params, "initial design: Sobol where it is believed"))
        else:
            unique.setdefault(Space.key(params), (params, "initial design: Sobol"))
    return list(unique.values())[:wanted]


def _units_of(space: Space, params: Params) -> list[float]:
    """A combination's point; the middle where a parameter is inactive: a belief may make it active."""
    return [0.5 if unit != unit else unit for unit in space.units(params)]
