"""Observations of earlier experiments: brought into today's space, cut to a number, and tried first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from automl_core.search.base import Context, History, PastTrial
from automl_core.space import ListParameter, Parameter, Params, Space, Value
from automl_core.states import TrialState

Observation: TypeAlias = tuple[Mapping[str, Value], float]
"""A combination of an earlier experiment and its loss (lower is better)."""

_TRIED = 3  # earlier combinations at most that are tried before a search has ideas of its own
_ONE_IN = 10  # of the trials, so many may be such ones: what a misleading experiment may cost


class Incompatible(ValueError):
    """Nothing of an earlier experiment can be used in today's space. The message says why."""


class _Unfit(Exception):
    """One observation can't be used. The message says why, without its values."""


@dataclass(frozen=True, slots=True)
class Translated:
    """Observations of one earlier experiment in today's space.

    Attributes:
        observations: best first, each combination once. One may lack parameters that the earlier experiment
            did not have and that have no default: it says nothing about them.
        dropped: why others were left out → how many.
    """

    observations: tuple[tuple[Params, float], ...]
    dropped: Mapping[str, int]


def as_history(observations: Sequence[tuple[Params, float]]) -> History:
    """Translated observations as `Context.earlier` takes them."""
    return tuple(
        PastTrial(number, params, TrialState.SUCCEEDED, loss=loss) for number, (params, loss) in enumerate(observations)
    )


def translate(space: Space, observations: Sequence[Observation], most: int | None = None) -> Translated:
    """Bring the observations of one earlier experiment into today's space.

    Parameters are told by their names. A value outside today's limits, or that is none of today's options,
    leaves its observation out: moved to the limit, it would speak of a place that nobody tried. A value
    between the steps of today's grid goes to the nearest one. A parameter that the earlier experiment did not
    have takes its default; without one it is left out of the combination. One that is gone is dropped.

    Args:
        space: today's.
        observations: combinations with their losses; those without a finite loss are left out.
        most: observations kept: the best ones for one half, the other spread evenly over the ranks of the rest.

    Raises:
        Incompatible: the experiment knew less than half of today's parameters, a number was none there, or no
            observation is left.
    """
    dropped: Counter[str] = Counter()
    valued: list[tuple[Mapping[str, Value], float]] = []
    there: dict[str, list[Value]] = {}
    for given, loss in observations:
        if not math.isfinite(loss):
            dropped["no finite value"] += 1
            continue
        valued.append((given, float(loss)))
        for name, value in given.items():
            there.setdefault(name, []).append(value)
    if not valued:
        raise Incompatible("it has no trial with a value")
    _check_common(space, there)
    settled = {name for name, values in there.items() if all(_same(value, values[0]) for value in values)}
    found: dict[str, tuple[Params, float]] = {}
    for given, loss in sorted(valued, key=lambda item: item[1]):
        try:
            params = _combination(space, given, there, settled)
        except _Unfit as reason:
            dropped[str(reason)] += 1
            continue
        found.setdefault(Space.key(params), (params, loss))
    if not found:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in dropped.most_common(3))
        raise Incompatible(f"none of its {len(observations)} trials fits today's space: {reasons}")
    ranked = list(found.values())
    return Translated(tuple(ranked if most is None else _spread(ranked, most)), dict(dropped))


def first_tried(context: Context) -> list[tuple[Params, str]]:
    """The best combinations of earlier experiments, which are tried before a search has ideas of its own.

    One of each experiment: the first one's best, and of each other's best tenth the one farthest from those chosen.
    Three at most, and one in ten of ``trials.max``: no more may misleading experiments cost.

    Returns:
        (whole combination, note) pairs, no combination twice.
    """
    count = min(_TRIED, max(1, context.max_trials // _ONE_IN))
    space = context.space
    pools = [[space.complete(params) for params in _best_tenth(history)] for history in context.earlier]
    chosen: dict[str, tuple[Params, str]] = {}
    for index, pool in enumerate(pools[:count]):
        others = [space.units(params) for params, _ in chosen.values()]
        best = max(pool, key=lambda params: _nearest(space.units(params), others))
        chosen.setdefault(Space.key(best), (best, f"among the best of earlier experiment {index + 1}"))
    return list(chosen.values())


def _best_tenth(history: History) -> list[Params]:
    ranked = sorted((trial.loss, trial.number) for trial in history if trial.loss is not None)
    return [history[number].params for _, number in ranked[: max(5, len(ranked) // 10)]]


def _nearest(units: Sequence[float], others: Sequence[Sequence[float]]) -> float:
    """Distance to the nearest of other points of the unit cube; a parameter that only one has counts as 1."""

    def apart(a: float, b: float) -> float:
        return float(math.isnan(a) is not math.isnan(b)) if math.isnan(a) or math.isnan(b) else abs(a - b)

    return min((sum(map(apart, units, other)) for other in others), default=math.inf)


def _check_common(space: Space, there: Mapping[str, Sequence[Value]]) -> None:
    tuned = space.tunable
    missing = [parameter.name for parameter in tuned if parameter.name not in there and parameter.default is None]
    if 2 * len(missing) > len(tuned):
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise Incompatible(f"it has less than half of today's {len(tuned)} parameters; not there: {names}")
    for parameter in tuned:
        values = there.get(parameter.name, ())
        if not values:
            continue
        if isinstance(parameter, ListParameter):
            if not any(isinstance(value, list | tuple) for value in values):
                raise Incompatible(f"{parameter.name} is a list today, and was none there ({values[0]!r})")
        elif parameter.kind in ("int", "float") and not any(_is_number(value) for value in values):
            raise Incompatible(f"{parameter.name} is a number today, and was none there ({values[0]!r})")


def _combination(
    space: Space, given: Mapping[str, Value], there: Mapping[str, Sequence[Value]], settled: set[str]
) -> Params:
    """One combination in today's space.

    Raises:
        _Unfit: it has no place in it.
    """
    params: Params = {}
    for parameter in space.parameters:  # parents stand before their children
        name = parameter.name
        if not space.is_active(parameter, params):
            continue
        if not parameter.tunable and (name in settled or name not in there):
            params[name] = parameter.value_at(0.5)  # neither searches it: the experiments differ, not the trials
        elif name in given:
            params[name] = _settle(parameter, given[name], *space.bounds(parameter, params))
        elif parameter.default is not None:
            params[name] = _settle(parameter, parameter.default, *space.bounds(parameter, params))
        elif name in there:
            raise _Unfit(f"{name} was not active")
    return params


def _settle(parameter: Parameter, value: Value, low: float, high: float) -> Value:
    """The value itself, or the nearest one of the parameter's grid."""
    problem = parameter.check(value)
    if problem is None and _is_number(value) and parameter.kind in ("int", "float") and not low <= value <= high:  # type: ignore[operator]
        problem = "beyond the parameter that bounds it"
    if problem is not None:
        raise _Unfit(f"{parameter.name} lies outside today's values")
    if isinstance(parameter, ListParameter):
        return _settle_list(parameter, value, low, high)
    if parameter.kind == "float" and parameter.step is None and parameter.power is None:
        return float(value)  # type: ignore[arg-type]
    return parameter.value_at(parameter.unit_of(value, low, high), low, high)


def _settle_list(parameter: ListParameter, value: Value, low: float, high: float) -> Value:
    """The list itself, its numbers moved to today's grid; a subset's members in today's order."""
    numbers = value if isinstance(value, list) and parameter.kind == "sorted_list" else []
    if any(not low <= number <= high for number in numbers):  # type: ignore[operator]
        raise _Unfit(f"{parameter.name} lies outside today's values")
    if numbers and parameter.step is None and parameter.power is None:
        return [float(number) for number in numbers]  # type: ignore[arg-type]
    return parameter.fit(parameter.parts_of(value), low, high)


def _spread(ranked: Sequence[tuple[Params, float]], most: int) -> list[tuple[Params, float]]:
    if len(ranked) <= most:
        return list(ranked)
    best = (most + 1) // 2
    rest, wanted = ranked[best:], most - best
    return [*ranked[:best], *(rest[(2 * i + 1) * len(rest) // (2 * wanted)] for i in range(wanted))]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Value, b: Value) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)
