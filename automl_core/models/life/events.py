"""What is told of a model's life: one event at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.models.life.entities import Person


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        time: seconds since 1970.
        kind: ``offered``, ``evaluated``, ``checked``, ``asked``, ``accepted``, ``rejected``, ``expired``, ``in_use``,
            ``taken_back``, ``rollout_begun``, ``rollout_step``, ``rollout_held``, ``rollout_released``, ``retired``,
            ``removed``, ``retraining``, ``scored``.
        text: in words.
        version: that it is about; None where it is about none.
        by: who did it; None where nobody did.
        details: plain JSON.
    """

    time: float
    kind: str
    text: str
    version: int | None = None
    by: Person | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
