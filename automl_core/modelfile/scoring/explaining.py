"""Contributions of the table's columns to what a model says of each row.

Each member that can be taken apart exactly (trees, linear models, naive Bayes) gives contributions to its own margin.
An ensemble's are their weighted mean, on the scale that all its members have in common:

- numbers: the outputs themselves, or their logarithm where the link is one;
- two classes: the log odds of the second;
- more classes: each class's margin (logarithms of probabilities, up to a constant that all classes share);
- ``probability`` where members give probabilities and no margin (forests).

Where members have different scales each is brought to that of the outputs (`stretching`). Calibration and threshold
come after all that, and are not part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .members import Ensemble, Member
from .models import NotExplained
from .origins import UnknownStep, shares
from .stretching import stretched
from .values import Frame

Floats = NDArray[np.float64]

SCALES = {
    "identity": "number", "exp": "logarithm", "expm1": "logarithm (of 1 more)", "sigmoid": "log odds",
    "softmax": "log probability", "ovr": "log odds", "complement": "probability", "normalise": "share",
}  # fmt: skip
"""Link → what its margin is."""


@dataclass(frozen=True)
class Explanation:
    """What each column adds, for each row: ``base + contributions.sum(axis=1)`` is what the scale says.

    Attributes:
        columns: (m,) of the table.
        outputs: (K,) what is told about: classes (of two the second alone), or the target.
        base: (K,) what the model says of nobody in particular.
        contributions: (n, m, K).
        scale: on which they are, in words.
        weight: the members' share of the ensemble that could be taken apart; the rest is not in here.
        left_out: why the others could not, each reason once.
    """

    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    base: Floats
    contributions: Floats
    scale: str
    weight: float
    left_out: tuple[str, ...]

    @property
    def total(self) -> Floats:
        """(n, K) what base and contributions add up to."""
        return np.asarray(self.base + self.contributions.sum(axis=1))


@dataclass(frozen=True)
class _Part:
    """One member's contributions, on its own scale."""

    weight: float
    name: str
    base: Floats
    contributions: Floats
    places: NDArray[np.int64] | None
    steps: tuple[Any, ...] = ()
    after: tuple[float, float] = (1.0, 0.0)
    """Scale and shift of what the outputs become after the link."""

    @property
    def scale(self) -> str:
        return SCALES.get(self.name, self.name)


def explain(ensemble: Ensemble, frame: Frame, columns: Sequence[str], outputs: Sequence[str]) -> Explanation:
    """Take an ensemble's outputs apart.

    Args:
        ensemble: the members.
        frame: rows.
        columns: of the table, as the schema names them.
        outputs: the problem's classes, or its target alone.

    Raises:
        NotExplained: no member has exact contributions.
    """
    parts: list[_Part] = []
    left_out: dict[str, None] = {}
    for member in ensemble.members:
        try:
            parts.append(_of_member(member, frame, columns, len(outputs)))
        except (NotExplained, UnknownStep) as error:
            left_out[str(error)] = None
    if not parts:
        raise NotExplained(f"no part of this model has exact contributions: {'; '.join(left_out)}")
    scales = list(dict.fromkeys(part.scale for part in parts))
    scale = scales[0]
    if len(scales) > 1:
        parts = [_on_outputs(part, len(outputs)) for part in parts]
        scale = "number" if len(outputs) == 1 else "probability (stretched: members have different scales)"
    weight = sum(part.weight for part in parts)
    named = tuple(outputs[1:]) if len(outputs) == 2 else tuple(outputs)
    base = sum((part.weight / weight * part.base for part in parts), np.zeros(len(named)))
    total = np.zeros((frame.n, len(columns), len(named)))
    for part in parts:
        total += part.weight / weight * part.contributions
    return Explanation(tuple(columns), named, np.asarray(base), total, scale, weight, tuple(left_out))


def _of_member(member: Member, frame: Frame, columns: Sequence[str], outputs: int) -> _Part:
    matrix = member.matrix(frame)
    found = member.model.explain(matrix)
    back = shares(member.states or (), columns)
    contributions = np.einsum("npk,pm->nmk", found.contributions, back)
    base, steps = found.base, member.link_document
    steps = list(steps) if isinstance(steps, list) else [steps]
    while steps and isinstance(steps[0], dict) and steps[0].get("type") == "affine":
        factor, shift = float(steps[0]["scale"]), float(steps[0]["shift"])
        base, contributions = base * factor + shift, contributions * factor
        steps = steps[1:]
    after = (1.0, 0.0)
    if len(steps) > 1 and isinstance(steps[-1], dict) and steps[-1].get("type") == "affine":
        after, steps = (float(steps[-1]["scale"]), float(steps[-1]["shift"])), steps[:-1]
    name = _name(steps)
    if name == "identity":
        base, contributions, after = base * after[0] + after[1], contributions * after[0], (1.0, 0.0)
    places = _places(steps)
    base, contributions, name = _common(base, contributions, name, places, outputs)
    return _Part(member.weight, name, base, contributions, places, tuple(steps), after)


def _name(steps: list[Any]) -> str:
    """The link that is left; one that only bounds what is said leaves the scale as it is."""
    names = [str(step.get("type")) if isinstance(step, dict) else str(step) for step in steps]
    names = [name for name in names if name not in ("clip", "identity", "place")]
    return names[0] if len(names) == 1 else "identity" if not names else " then ".join(names)


def _places(steps: list[Any]) -> NDArray[np.int64] | None:
    """Which of the problem's classes a member knows, where these are not all."""
    found = [step["places"] for step in steps if isinstance(step, dict) and step.get("type") == "place"]
    return np.asarray(found[0], dtype=np.int64) if found else None


def _common(
    base: Floats, contributions: Floats, name: str, places: NDArray[np.int64] | None, outputs: int
) -> tuple[Floats, Floats, str]:
    """The same, told of the second of two classes, or of all classes of the problem."""
    if places is not None:
        if base.shape[0] == 1 and name == "sigmoid":
            # of two classes among more: half of the log odds for one, half against the other
            base = np.concatenate([-base / 2, base / 2])
            contributions = np.concatenate([-contributions / 2, contributions / 2], axis=2)
            name = "softmax"
        wide = np.zeros(outputs)
        spread = np.zeros((*contributions.shape[:2], outputs))
        wide[places[: len(base)]], spread[:, :, places[: len(base)]] = base, contributions
        base, contributions = wide, spread
    if outputs == 2 and len(base) == 2:
        if name == "softmax":
            return base[1:] - base[:1], contributions[:, :, 1:] - contributions[:, :, :1], "sigmoid"
        return base[1:], contributions[:, :, 1:], "complement" if name == "identity" else name
    if outputs > 1 and name == "identity":
        name = "complement"
    return base, contributions, name


def _on_outputs(part: _Part, outputs: int) -> _Part:
    """A member's contributions to its outputs instead of its margin (see `stretching`)."""
    known = np.arange(len(part.base)) if part.places is None else part.places
    start, added = part.base[known], part.contributions[:, :, known]
    base, found = stretched(part.name, start, added, two=outputs == 2)
    base, found = base * part.after[0] + part.after[1], found * part.after[0]
    if part.places is None:
        return _Part(part.weight, part.name, base, found, None)
    # what the member does not know has a share of its own, which no column moves
    step = next(each for each in part.steps if isinstance(each, dict) and each.get("type") == "place")
    wide, spread = np.full(outputs, float(step["share"])), np.zeros_like(part.contributions)
    left = 1.0 - float(step["share"]) * (outputs - len(known))
    wide[known], spread[:, :, known] = base * left, found * left
    return _Part(part.weight, part.name, wide, spread, None)
