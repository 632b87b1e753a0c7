"""Values that several kinds of files have: places of data, periods, shares, lists of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from automl_core.spec.base import Model
from automl_core.spec.datasets import IN_PLACES, DataSet, filled, place_problem
from automl_core.spec.places import Format
from automl_core.spec.storage_paths import scheme_of
from automl_core.spec.units import parse_duration

_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


def check_place(given: Any) -> Any:
    """A place as it stands, for validators: a group has looked at its own.

    Raises:
        ValueError: it is none.
    """
    wrong = place_problem(given) if isinstance(given, str) else None
    if wrong is not None:
        raise ValueError(wrong)
    return given


def filled_place(text: str) -> str:
    """A place with something in it for each date of a run, to see what kind of place it is before there is a run.

    Raises:
        KeyError: it names something that has no meaning in a place.
    """
    return filled(text, dict.fromkeys(IN_PLACES, "x"))


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


class HasOutput(Protocol):
    """A group that says where a file's own things lie."""

    @property
    def storage(self) -> str:
        """The storage path."""

    @property
    def connection(self) -> str | None:
        """Airflow connection with its keys."""


def connection_for(output: HasOutput, text: str) -> str | None:
    """The connection of a file's `output` for another place, where it is one of the same scheme; else None.

    Args:
        output: of the file.
        text: a storage path, or a place of data.
    """
    scheme = scheme_of(text)
    return output.connection if scheme == scheme_of(output.storage) and scheme != "file" else None


def data_set_beside(output: HasOutput, given: str | Data) -> DataSet:
    """A place that a file names, in full: its own connection, else `connection_for` it.

    Args:
        output: of the file.
        given: the place.
    """
    found = data_set_of(given)
    if found.connection is not None:
        return found
    return found.model_copy(update={"connection": connection_for(output, found.place)})


def data_set_of(given: str | Data) -> DataSet:
    """A place as the file has it, in full, for `automl_core.spec.datasets.place_of` and whoever reads data."""
    if isinstance(given, str):
        return DataSet(place=given)
    return DataSet(place=given.place, connection=given.connection, format=given.format)


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


def _parse_share(value: Any) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        share = float(match[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        share = float(value)
        if 1 < share <= 100:
            raise ValueError(f"a share such as 5% is wanted here; write {value:g}%")
    else:
        raise ValueError("a share such as 5%, or a number such as 0.05, is wanted here")
    if not 0 < share <= 1:
        raise ValueError("a share above 0 and of at most 100% is wanted here")
    return share


Share = Annotated[
    float,
    BeforeValidator(_parse_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
            ],
            "description": "A share above 0 and of at most 100%: text such as 5%, or a number such as 0.05.",
        }
    ),
]
"""A share, above 0 and at most 1; written as ``5%`` or ``0.05``."""


def _parse_part(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)) is not None and float(match[1]) == 0:
        return 0.0
    return _parse_share(value)


Part = Annotated[
    float,
    BeforeValidator(_parse_part),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
            ],
            "description": "A share from 0 to 100%: text such as 5%, or a number such as 0.05.",
        }
    ),
]
"""A share that may be 0; written as `Share` is."""


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
