"""``math_cond`` of TAO's metadata, read as bounds and grids that hold in every suggestion."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from automl_core.tao.schema import Leaf

_PART = re.compile(r"(>=|<=|!=|==|>|<|\^|/|x)\s*(depends_on|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)?")


@dataclass(slots=True)
class Condition:
    """What a condition asks of a number.

    Attributes:
        low, high: limits that are included.
        above, below: limits that are not.
        unequal: a number that it is not.
        power_of, multiple_of: its grid.
        parent: how it lies to the parameter that it depends on: ``above``, ``at_least``, ``below``, ``at_most``.
        unread: what of it is not known.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    unequal: float | None = None
    power_of: int | None = None
    multiple_of: int | None = None
    parent: str = ""
    unread: list[str] = field(default_factory=list)


_PARENT = {">": "above", ">=": "at_least", "<": "below", "<=": "at_most"}


def condition_of(leaf: Leaf) -> Condition:
    """Read a leaf's condition: several comparisons one after the other (``> 0.0 <= 1.0``), with blanks or without.

    The bound by another parameter stands in ``math_cond`` (``> depends_on``) or in front of the name in ``depends_on``.
    ``x 32``, the operator that the documentation of 2023 names, is read as ``/ 32``; 7.2.0 ignores it.
    """
    found = Condition()
    text = leaf.condition
    for match in _PART.finditer(text):
        operator, operand = match.groups()
        if operand == "depends_on":
            found.parent = _PARENT.get(operator, "")
        elif operand is None or not _take(found, operator, float(operand)):
            found.unread.append(match.group().strip())
    rest = _PART.sub("", text).strip()
    if rest:
        found.unread.append(rest)
    ahead = re.match(r"(>=|<=|>|<)", leaf.depends_on)
    if ahead and not found.parent:
        found.parent = _PARENT[ahead[1]]
    return found


def _take(found: Condition, operator: str, number: float) -> bool:
    """One comparison or grid; False where it is none that is known."""
    if operator == ">":
        found.above = number
    elif operator == ">=":
        found.low = number
    elif operator == "<":
        found.below = number
    elif operator == "<=":
        found.high = number
    elif operator == "!=":
        found.unequal = number
    elif operator in "^/x" and number.is_integer() and number >= (2 if operator == "^" else 1):
        if operator == "^":
            found.power_of = int(number)
        else:
            found.multiple_of = int(number)
    else:
        return False
    return True


def parent_of(leaf: Leaf, names: dict[str, Leaf]) -> str:
    """The parameter that a leaf depends on, by its whole name; empty where there is none.

    Within a group that a network takes over whole from another, the name is stated as the other network has it:
    auto_label's ``grounding_dino.model.num_select`` depends on ``model.num_queries``. So it is looked for in the leaf's
    own groups too, the nearest first.
    """
    stated = leaf.depends_on.lstrip("<>= ").strip()
    if not stated or "," in stated:
        return ""
    groups = leaf.name.split(".")[:-1]
    for depth in range(len(groups), -1, -1):
        name = ".".join([*groups[:depth], stated])
        if name in names and name != leaf.name:
            return name
    return ""
