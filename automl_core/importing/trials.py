"""What other tools' results have in common, as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from automl_core.space import Value
from automl_core.spec.goal import Direction

Kind: TypeAlias = Literal["float", "int", "categorical"]


class CannotImport(Exception):
    """Something can't be imported. The message says what, where it stands, and what can be done."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a parameter was drawn from.

    Attributes:
        kind: of its values.
        low, high: both included; of numbers alone.
        step: distance between two values, counted from ``low``; None where every number between them was possible.
        log: whether it was drawn in the logarithm.
        choices: the options, of a categorical one alone.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(slots=True)
class OldTrial:
    """One trial of another tool.

    Attributes:
        place: how that tool's users call it: ``trial 17``, ``line 5``.
        state: ``complete``, ``pruned`` (ended early; its values are the last that it reported), or how else it stands.
        params: parameter → value, as users gave or saw them.
        distributions: parameter → what it was drawn from, where that is known.
        values: one an objective; empty where it has none.
        curve: (step, value) of the first objective, in the order of the steps.
        metrics: what else was measured.
        constraints: name → how far a constraint is broken; satisfied when not above 0.
        started, ended: seconds since 1970.
    """

    place: str
    state: str = "complete"
    params: dict[str, Value] = field(default_factory=dict)
    distributions: dict[str, Distribution] = field(default_factory=dict)
    values: tuple[float, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    started: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class OldStudy:
    """A set of trials with one goal.

    Attributes:
        tool: whose it is: ``optuna``, ``csv``.
        name: what it is called there.
        source: where it was read, for people; no secret stands in it.
        directions: one an objective.
        metrics: what the objectives are called, empty where nothing says it.
        trials: in that tool's order.
        problems: what could not be read → how often.
    """

    tool: str
    name: str
    source: str
    directions: tuple[Direction, ...]
    metrics: tuple[str, ...] = ()
    trials: list[OldTrial] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        """Count something that can't be used."""
        self.problems[reason] = self.problems.get(reason, 0) + 1


def digest_of(*parts: Mapping[str, Any] | list[Any] | str) -> str:
    """Eight characters that tell contents apart."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
