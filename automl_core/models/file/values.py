"""Values that several groups of a model's file have: places, repetitions, losses in percent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from automl_core.spec.base import Model
from automl_core.spec.datasets import DataSet, place_problem
from automl_core.spec.places import Format
from automl_core.spec.schedule import cron_problem
from automl_core.spec.units import parse_duration

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def check_place(given: Any) -> Any:
    """A place as it stands, for validators: a group has looked at its own.

    Raises:
        ValueError: it is none.
    """
    wrong = place_problem(given) if isinstance(given, str) else None
    if wrong is not None:
        raise ValueError(wrong)
    return given


class Data(Model):
    """Where data lie and how they are reached."""

    place: str = Field(
        description="A file, folder or pattern (path relative to AUTOML_HOME, file://, s3://, oss://), or a table of "
        "MaxCompute (odps://project/table/partition). ${ds} and the other dates of the run, and ${bundle_dir}, may "
        "stand in it."
    )
    connection: str | None = Field(
        None,
        description="Airflow connection with the keys and the end point. Left out for a bucket: that of `output`, "
        "where output.storage has the same scheme.",
    )
    format: Format | None = Field(
        None, description="csv, tsv, parquet or jsonl, where the names of the files don't say it."
    )

    _place = field_validator("place")(check_place)


def data_set_of(given: str | Data) -> DataSet:
    """A place as the file has it, in full, for `automl_core.spec.datasets.place_of` and whoever reads data."""
    if isinstance(given, str):
        return DataSet(place=given)
    return DataSet(place=given.place, connection=given.connection, format=given.format)


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


def _parse_period(value: Any) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("a duration above 0 is wanted here, such as 30m or 3d")
    return seconds


Period = Annotated[
    float,
    BeforeValidator(_parse_period),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*([mM]?[sS]|[mMhHdD])\s*)+$"},
            ],
            "description": "A duration above 0: a number of seconds, or text such as 45s, 30m, 1h30m, 2d.",
        }
    ),
]
"""Seconds, above 0; written as durations are."""


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


def texts_not_empty(what: str) -> Callable[[list[str]], list[str]]:
    """A validator of lists of names: none empty, none twice.

    Args:
        what: a name is called, such as ``a column``.
    """

    def check(names: list[str]) -> list[str]:
        for message in _wrong_names(names, what):
            raise ValueError(message)
        return names

    return check


def _wrong_names(names: list[str], what: str) -> Iterator[str]:
    for index, name in enumerate(names):
        if not name.strip():
            yield f"{what} must have a name"
        if name in names[:index]:
            yield f"{name!r} stands there twice"
