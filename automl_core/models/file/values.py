"""Values that several groups of a model's file have: repetitions, losses in percent, and those that all files have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from automl_core.spec.schedule import cron_problem
from automl_core.spec.units import parse_duration
from automl_core.spec.values import Data, Period, Share, check_place, data_set_of, texts_not_empty

__all__ = [
    "Data", "Every", "Loss", "Period", "Share", "WorseBy", "check_place", "data_set_of", "loss_of", "texts_not_empty",
]  # fmt: skip

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def _is_duration(value: Any) -> float | None:
    try:
        return parse_duration(value)
    except ValueError:
        return None


def _parse_every(value: Any) -> float | str:
    seconds = _is_duration(value)
    if seconds is not None:
        if seconds < 60:
            raise ValueError("once a minute is the most; a duration such as 30m or 1d, or a cron line, is wanted here")
        return seconds
    if not isinstance(value, str):
        raise ValueError("a duration such as 1h or 1d, or a cron line such as '0 6 * * 1', is wanted here")
    wrong = cron_problem(value)
    if wrong is not None:
        raise ValueError(f"{wrong}; allowed: a duration such as 1h or 1d, a cron line such as '0 6 * * 1'")
    return value


Every = Annotated[
    float | str,
    BeforeValidator(_parse_every),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 60}, {"type": "string", "minLength": 2}],
            "description": "A duration such as 1h or 1d, or a cron line.",
        }
    ),
]
"""How often: seconds, or the text of a cron line."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How much worse is too much.

    Attributes:
        amount: of the metric; of its value where it is relative (0.02: two hundredths).
        relative: whether it is a share of the value that it is compared with.
    """

    amount: float
    relative: bool

    def of(self, value: float) -> float:
        """The loss in the metric's own unit, seen from a value.

        Args:
            value: that the model had when it was accepted.
        """
        return abs(value) * self.amount if self.relative else self.amount


def _parse_loss(value: Any) -> float | str:
    loss = loss_of(value)
    if loss.amount <= 0:
        raise ValueError("a loss above 0 is wanted here, such as 2% or 0.01")
    return str(value).strip() if loss.relative else loss.amount


def loss_of(value: Any) -> Loss:
    """A loss from what a file says.

    Args:
        value: a number, in the metric's own unit; or text such as ``2%``, of the value that it had.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Loss(float(value), relative=False)
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a loss is wanted here: a share such as 2%, or a number in the metric's own unit")
    return Loss(float(match[1]) / 100, relative=True)


WorseBy = Annotated[
    float | str,
    BeforeValidator(_parse_loss),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
            ],
            "description": "A share such as 2%, or a number in the metric's own unit.",
        }
    ),
]
"""A loss as the file has it; `loss_of` reads it."""
