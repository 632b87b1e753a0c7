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
    found = list(given) or [(context.space.complete({}), "initial design: the middle of the space")]
    wanted = max(count, len(given) + 1)
    unique: dict[str, tuple[Params, str]] = {}
    for params, note in found:
        unique.setdefault(Space.key(params), (params, note))
    for params in islice(sobol_points(context.space, context.seed, "bayesian"), 4 * count + 16):
        if len(unique) >= wanted:
            break
        unique.setdefault(Space.key(params), (params, "initial design: Sobol"))
    return list(unique.values())[:wanted]
