"""How a training fits: what it was learned from beside what was held out, and the gap between them in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from automl_core.metrics.pairs import Pair, pairs_of
from automl_core.metrics.points import Step
from automl_core.spec.goal import Goal

Curve: TypeAlias = Sequence[tuple[Step, float]]

_OTHER = {"minimize": "maximize", "maximize": "minimize"}

NOISE = 0.05
"""Share of a curve's range by which it must have grown worse before that is called so."""


def fits(curves: Mapping[str, Curve], goal: Goal) -> list[dict[str, Any]]:
    """Every quantity that was reported for both sides over the same steps.

    Args:
        curves: of each metric, in order of step.
        goal: of the experiment: its metrics' directions are known.

    Returns:
        Names of both sides, the gap (positive: held-out data fare worse; in the metric's own unit), and words.
    """
    directions = {
        metric: each.direction if weight > 0 else _OTHER[each.direction]
        for each in goal.all_objectives
        for metric, weight in each.weights.items()
        if weight
    }
    found = []
    for pair in pairs_of(name for name, curve in curves.items() if curve):
        one, other = curves[pair.learned], curves[pair.held_out]
        if not _same_axis(one, other) or _same(one, other):
            continue
        direction = directions.get(pair.held_out) or directions.get(pair.learned) or pair.direction
        found.append(
            {
                "base": pair.base, "learned": pair.learned, "held_out": pair.held_out,
                "others": [name for name in pair.others if _same_axis(one, curves[name])],
                "direction": direction, **_gap(pair, dict(one), dict(other), direction),
            }
        )  # fmt: skip
    return found


def _gap(pair: Pair, one: Mapping[Step, float], other: Mapping[Step, float], direction: str | None) -> dict[str, Any]:
    common = [step for step in other if step in one]
    step = common[-1] if common else list(other)[-1]
    learned, held = one[step] if common else list(one.values())[-1], other[step]
    body: dict[str, Any] = {"step": step, "gap": None, "best_step": None, "overfits": False}
    told = f"At step {_number(step)} {pair.held_out} is {_number(held)} and {pair.learned} {_number(learned)}"
    if direction is None:
        return body | {"text": f"{told}: a difference of {_number(held - learned)}."}
    sign = 1.0 if direction == "minimize" else -1.0
    gap = sign * (held - learned)
    how = "worse" if gap > 0 else "better"
    text = f"{told}: " + (f"{_number(abs(gap))} {how} on held-out data." if gap else "alike.")
    best = min(other, key=lambda at: sign * other[at])
    since = sign * (held - other[best])
    spread = max(other.values()) - min(other.values())
    went_on = best in one and sign * (one[best] - learned) > 0
    overfits = bool(best < step and went_on and since > NOISE * spread > 0)
    if overfits:
        text += (
            f" {pair.held_out} was best at step {_number(best)} ({_number(other[best])}) and is worse since, while "
            f"{pair.learned} went on getting better: from there on it overfits."
        )
    return body | {"gap": gap, "best_step": best, "overfits": overfits, "text": text}


def _same_axis(one: Curve, other: Curve) -> bool:
    """Whether two curves count the same steps: not iterations here and epochs there."""
    if not one or not other:
        return False
    steps = {step for step, _ in one}
    common = sum(step in steps for step, _ in other)
    ends = sorted((one[-1][0], other[-1][0]))
    return 2 * common >= min(len(one), len(other)) and 2 * ends[0] >= ends[1]


def _same(one: Curve, other: Curve) -> bool:
    """Whether a goal's short name stands for the very metric that it is held against."""
    return list(one) == list(other)


def _number(value: float) -> str:
    return f"{value:.4g}"
