"""The range in which a number is searched, from TAO's metadata: one rule for every algorithm.

What the metadata give holds: a side that is given, and every condition. What they leave open comes from the default,
as in nvidia-tao-automl 7.2.0 where its algorithms agree (docs/tao.md, "How metadata are read"). Where the range spans
decades around the default, its scale is logarithmic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.grids import LARGEST_WHOLE, powers
from automl_core.spec.numeric import beyond
from automl_core.tao.conditions import Condition, condition_of
from automl_core.tao.schema import Leaf

DECADES = 100
"""Upper end over default (or over the lower end) from which a range spans decades; and how far from the default the
search then goes on either side."""

GAP = 1e-6
"""Share of a range by which values keep away from a number that they must not reach (`Ranged.ends`)."""

SHARES = ("momentum", "prob", "probability")
"""Last words of names of numbers that are shares by their meaning: where the metadata leave them open upward, to 1."""


@dataclass(slots=True)
class Range:
    """A number's range.

    Attributes:
        parameter: as under ``space:``; None where the metadata give nothing to search in.
        bounds: ``low`` and ``high`` that the metadata give, to which an experiment may widen; a side that is open is
            left out. None where they are the searched ones.
        notes: what was done, in words.
    """

    parameter: dict[str, Any] | None
    bounds: dict[str, float] | None = None
    notes: list[str] = field(default_factory=list)


def range_of(leaf: Leaf) -> Range:
    """The range of an ``int`` or ``float``."""
    condition = condition_of(leaf)
    notes = [f"{unread!r} in math_cond is not known" for unread in condition.unread]
    low, high = _given(leaf, condition)
    default = _default(leaf, low, high, condition, notes)
    if default is None and not (low is not None and high is not None):
        notes.append("without a default and two bounds there is no range to search in")
        return Range(None, _sides(low, high), notes)
    strict = _strict(leaf, condition, default, low, high, notes)
    least, most = _beside(strict, *_filled(leaf, default, low, high))
    if least >= most:
        return Range({"type": "fixed", "value": least}, None, notes)
    parameter = _scaled(leaf, default, least, most, high, powers_alone=condition.power_of is not None)
    parameter |= _grid(condition, parameter, strict, notes)
    notes += _said(leaf, parameter, low, high)
    if default is not None and _on_grid(default, parameter, notes):
        parameter["default"] = default
    given = _sides(low, high)
    same = given == {"low": parameter["low"], "high": parameter["high"]}
    return Range(parameter, None if same else given, notes)


def _given(leaf: Leaf, condition: Condition) -> tuple[float | None, float | None]:
    """Both sides as the metadata give them, None where open; of whole numbers the strict ones are the next number."""
    low = None if leaf.minimum is None or math.isinf(leaf.minimum) else leaf.minimum
    high = None if leaf.maximum is None or math.isinf(leaf.maximum) else leaf.maximum
    lows = [each for each in (low, condition.low, condition.above) if each is not None]
    highs = [each for each in (high, condition.high, condition.below) if each is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    if leaf.whole:
        low = None if low is None else math.ceil(low)
        high = None if high is None else math.floor(high)
        if low is not None and condition.above == low:
            low += 1
        if high is not None and condition.below == high:
            high -= 1
    return low, high


def _default(leaf: Leaf, low: float | None, high: float | None, condition: Condition, notes: list[str]) -> float | None:
    """The default, where it is a number that the parameter may have."""
    stated = leaf.default
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return None
    default: float = stated
    if leaf.whole:
        if default != int(default):
            notes.append(f"its default {default:g} is no whole number")
            return None
        default = int(default)
    if (low is not None and default < low) or (high is not None and default > high):
        if default in (condition.above, condition.below) and not leaf.whole:
            return default  # see `_strict`
        notes.append(f"its default {default:g} lies outside its own bounds, so nothing is tried first")
        return None
    return default


def _strict(
    leaf: Leaf, condition: Condition, default: float | None, low: float | None, high: float | None, notes: list[str]
) -> dict[str, float]:
    """``above`` and ``below`` as numbers; for whole numbers the limits say it already."""
    found = {}
    for key, limit in (("above", condition.above), ("below", condition.below)):
        if limit is None or leaf.whole:
            continue
        if default == limit:
            notes.append(f"{limit:g} is allowed, since it is its own default")
        else:
            found[key] = limit
    if condition.unequal is not None:
        found |= _unequal(condition.unequal, default, low, high, notes)
    return found


def _unequal(
    number: float, default: float | None, low: float | None, high: float | None, notes: list[str]
) -> dict[str, float]:
    """A number that it is not: a bound on the side of the default."""
    if (low is not None and low > number) or (high is not None and high < number):
        return {}
    if default == number:
        notes.append(f"{number:g} is allowed, since it is its own default")
        return {}
    side = "above" if (default if default is not None else high or 0) > number else "below"
    notes.append(f"{side} {number:g}, where its default lies (not {number:g})")
    return {side: number}


def _filled(leaf: Leaf, default: float | None, low: float | None, high: float | None) -> tuple[float, float]:
    """Both sides, those that are open from the default."""
    if low is not None and high is not None:
        return low, high
    around = default if default is not None else (low if low is not None else high) or 0
    if leaf.whole:
        below, above = (around // 2, 2 * around) if around > 0 else (min(around, 0), 100)
    elif around > 0:
        below, above = around / 10, 1.0 if _is_share(leaf, around, high) else 10 * around
    else:
        below, above = (10 * around, around / 10) if around < 0 else (-1.0, 1.0)
    least, most = _tidy(leaf, below) if low is None else low, _tidy(leaf, above) if high is None else high
    if low is not None and most <= least:  # nothing of the default's own size lies above a side that is given
        most = least + max(abs(least), 1) * (1 if leaf.whole else 10)
    if high is not None and least >= most:
        least = most - max(abs(most), 1)
    limit = LARGEST_WHOLE if leaf.whole else math.inf
    return max(least, -limit), min(most, limit)


def _beside(strict: dict[str, float], least: float, most: float) -> tuple[float, float]:
    """A range without what lies beyond its strict limits, where next to nothing of it would be left within them."""
    above, below = strict.get("above", least), strict.get("below", most)
    if least < above < most and most - above <= 2 * GAP * (most - least):
        least = above
    if least < below < most and below - least <= 2 * GAP * (most - least):
        most = below
    return least, most


def _is_share(leaf: Leaf, around: float, high: float | None) -> bool:
    """Whether a number that is open upward is a share by its name."""
    return high is None and around <= 1 and leaf.name.rsplit(".", 1)[-1].rsplit("_", 1)[-1] in SHARES


def _scaled(
    leaf: Leaf, default: float | None, least: float, most: float, high: float | None, *, powers_alone: bool
) -> dict[str, Any]:
    """The type and limits: logarithmic where the range spans decades."""
    kinds = ("int", "logint") if leaf.whole else ("uniform", "loguniform")
    plain = {"type": kinds[0], "low": least, "high": most}
    if least < 0 or default is None or default <= 0 or powers_alone:
        return plain
    open_upward = high is None and not leaf.whole and most > default * 2
    if least == 0:
        wide, below = most >= DECADES * default or open_upward, _tidy(leaf, max(default / DECADES, int(leaf.whole)))
    else:
        # a default at the upper end is of no small size: momentum, say, whose low of 1e-10 stands for 0
        wide, below = most >= DECADES * least and most >= (10 if leaf.whole else 2) * default, least
    if not wide:
        return plain
    return {"type": kinds[1], "low": below, "high": min(most, max(below, _tidy(leaf, DECADES * default)))}


def _said(leaf: Leaf, parameter: dict[str, Any], low: float | None, high: float | None) -> list[str]:
    """What was done, where the searched range is not simply that of the metadata."""
    if parameter["type"] in ("int", "uniform") and low is not None and high is not None:
        return []
    where = f"{_written(parameter['low'])} to {_written(parameter['high'])}"
    if low is None and high is None:
        given = "the metadata give no bounds"
    elif low is not None and high is not None:
        given = f"the metadata give {_written(low)} to {_written(high)}"
    elif low is not None:
        given = f"the metadata give from {_written(low)}"
    else:
        given = f"the metadata give up to {_written(high or 0)}"
    if "power_of" in parameter:
        return [f"searched {where}; {given}"]
    if parameter["type"] in ("logint", "loguniform"):
        return [f"searched logarithmically around its default, {where}; {given}"]
    share = high is None and parameter["high"] == 1 and not leaf.whole and _is_share(leaf, 1, high)
    return [f"searched {where}, {'a share' if share else 'by its default'}; {given}"]


def _grid(
    condition: Condition, parameter: dict[str, Any], strict: dict[str, float], notes: list[str]
) -> dict[str, Any]:
    """Powers, multiples and strict limits, beside type and limits."""
    found: dict[str, Any] = dict(strict)
    if condition.power_of is not None:
        low = max(parameter["low"], condition.power_of)  # its least exponent is 1
        if powers(condition.power_of, low, parameter["high"], True):
            found |= {"power_of": condition.power_of, "low": low}
            if parameter["type"] == "int":
                found["type"] = "logint"
            notes.append(f"powers of {condition.power_of} from {condition.power_of} on")
    elif condition.multiple_of is not None and condition.multiple_of <= parameter["high"]:
        found["multiple_of"] = condition.multiple_of
        notes.append(f"multiples of {condition.multiple_of} inside the bounds")
    return found


def _on_grid(default: float, parameter: dict[str, Any], notes: list[str]) -> bool:
    """Whether a default is a value that the parameter can have."""
    fits = parameter["low"] <= default <= parameter["high"]
    if "power_of" in parameter:
        fits = fits and default in powers(parameter["power_of"], parameter["low"], parameter["high"], True)
    elif "multiple_of" in parameter:
        fits = fits and default % parameter["multiple_of"] == 0
    fits = fits and _between_strict(default, parameter)
    if not fits:
        notes.append(f"its default {default:g} is no value that its conditions allow, so nothing is tried first")
    return bool(fits)


def _between_strict(default: float, parameter: dict[str, Any]) -> bool:
    """Whether a number lies where values begin beside those that they must not reach (`Ranged.ends`)."""
    low, high = parameter["low"], parameter["high"]
    gap = GAP * (high - low) if math.isfinite(high - low) else 0.0
    step, power = parameter.get("multiple_of"), parameter.get("power_of")
    whole = parameter["type"] in ("int", "logint")
    above, below = parameter.get("above", -math.inf), parameter.get("below", math.inf)
    if above >= low and default < beyond(above, step, power, gap, whole=whole):
        return False
    if power is not None:
        return bool(default < below)
    return bool(below > high or default <= -beyond(-below, step, None, gap, whole=whole))


def _sides(low: float | None, high: float | None) -> dict[str, float]:
    return {key: side for key, side in (("low", low), ("high", high)) if side is not None}


def _tidy(leaf: Leaf, number: float) -> float:
    return int(number) if leaf.whole else float(f"{number:.12g}")


def _written(number: float) -> str:
    return f"{number:.6g}"
