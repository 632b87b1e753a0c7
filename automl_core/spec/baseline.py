"""``search.baseline``: what a file needs for a trial of its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.spec.parameters import flatten


def baseline_problems(wanted: bool, trials: Any, space: Mapping[str, Any]) -> list[str]:
    """Why there can be no trial of the defaults; each problem begins with its field's path.

    A parameter that doesn't exist beside the others' defaults needs none.

    Args:
        wanted: ``search.baseline``.
        trials: ``trials.max``.
        space: name → parameter model, as under ``space:``.
    """
    if not wanted:
        return []
    problems = []
    if trials == 1:
        problems.append("search.baseline: trials.max is 1, so nothing would be searched; give 2 or more")
    try:
        flat = flatten(dict(space))
    except ValueError:
        return problems  # told elsewhere
    for name, model in flat.items():
        if model.default is None and not _only_one(model) and _exists(name, flat):
            problems.append(
                f"space.{name}.default: search.baseline wants a trial of the defaults, and {name!r} has none; give it "
                "one"
            )
    return problems


def _only_one(model: Any) -> bool:
    """Whether it has one value, which needs no default."""
    if model.type == "fixed":
        return True
    if hasattr(model, "options"):
        drawn = [weight for weight in model.weights or [1.0] * len(model.options) if weight > 0]
        return len(drawn) == 1 and model.type != "subset"
    return hasattr(model, "low") and model.type != "sorted_list" and model.allowed[0] == model.allowed[1]


def _exists(name: str, flat: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a parameter exists beside the defaults; so it does where that can't be told."""
    if name in seen or name not in flat:
        return True
    for parent, values in flat[name].when.items():
        if not _exists(parent, flat, seen | {name}):
            return False
        model = flat.get(parent)
        default = (
            getattr(model, "value", None) if getattr(model, "type", "") == "fixed" else getattr(model, "default", None)
        )
        members = default if isinstance(default, list) else [default]
        if default is not None and not any(each in values for each in members):
            return False
    return True
