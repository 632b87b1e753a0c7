"""What the columns of a table are to a model, found by what they hold; a user's word goes before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.sources import Column, UnreadableValue, source_of, were_texts
from automl_core.modelfile.scoring.texts import MISSING_WORDS
from automl_core.modelfile.scoring.times import seconds_of
from automl_core.modelfile.scoring.values import KINDS, Field, Schema, nearest
from automl_core.training.problems import TrainingError

NO_FEATURES = frozenset({"target", "weight", "group", "fold", "id", "ignore"})
"""Roles of columns that a model does not read. A column with the role ``time`` it may."""

LISTED = 100
"""Levels of a category that a schema lists; of more it says the number alone."""
WORDS = 3.0
"""Mean number of words from which on different texts are free text."""
DISTINCT_TEXTS = 0.05
"""Share of different ones among the texts that are there, from which on they are free text."""

REPEATED = 30
"""Rows that each of some whole numbers has, on average, from which on they may be codes: a tax rate repeats less."""

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?")
"""A text that is nothing but a number; ``007`` is a code, ``.`` a mark for what is missing."""
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?")
_BOOLEANS = ({"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"})
_CODES = re.compile(
    r"(^|[\W_])(code|kind|type|category|zip|zipcode|postcode|plz|cluster|segment|department|dept|region)($|[\W_])", re.I
)
"""Names of columns whose whole numbers are labels."""


def learn_schema(
    source: Any, *, kinds: Mapping[str, str] | None = None, roles: Mapping[str, str] | None = None
) -> Schema:
    """What the columns of a table are.

    A text becomes a number, a time or a boolean only where every value of its column is one, and codes such as ``007``
    stay categories. Whole numbers are categories where they are labels by their column's name, or look like codes: as
    many digits each, far apart, often repeated. Texts are free text where most rows have another one, of some words.

    Args:
        source: a pyarrow Table, a pandas DataFrame, a dict of columns or a list of rows.
        kinds: column → ``number``, ``category``, ``text`` or ``time``, where you know better.
        roles: column → ``target``, ``weight``, ``group``, ``fold``, ``id`` or ``ignore``, which no model reads;
            ``time`` and ``feature`` stay.

    Raises:
        TrainingError: a column that is named is not there, a kind that is none, a value that is none of its kind, or no
            column is left.
    """
    rows = source_of(source)
    forced, roles = dict(kinds or {}), dict(roles or {})
    twice = next((name for name in rows.names if rows.names.count(name) > 1), None)
    if twice is not None:
        raise TrainingError(f"the table has the column {twice!r} {rows.names.count(twice)} times: give each its name")
    for name in [*forced, *roles]:
        if name not in rows.names:
            raise TrainingError(f"there is no column {name!r}{nearest(name, rows.names)}")
    for name, kind in forced.items():
        if kind not in KINDS:
            raise TrainingError(f"column {name!r}: there is no kind {kind!r} (allowed: {', '.join(KINDS)})")
    fields = [
        _learn(name, rows.column(name), forced.get(name)) for name in rows.names if roles.get(name) not in NO_FEATURES
    ]
    if not fields:
        raise TrainingError("there is no column to learn from: each has a role that no model reads")
    return Schema(fields)


def _learn(name: str, column: Column, forced: str | None) -> Field:
    kind, type_ = _found(name, column) if forced is None else (forced, _type(column, forced))
    written = "text" if type_ != "string" and were_texts(column) else None
    try:
        if kind == "number":
            return _of_numbers(name, kind, type_, column.numbers(), written)
        if kind == "time":
            return _of_numbers(name, kind, type_, column.seconds(), written)
    except UnreadableValue as error:
        wanted = "number" if kind == "number" else "time of ISO 8601"
        raise TrainingError(f"column {name!r}, row {error.row}: {error.value!r} is no {wanted}") from None
    codes, levels = column.coded()
    used = sorted(levels[code] for code in np.unique(codes[codes >= 0]).tolist())
    listed = tuple(used) if kind == "category" and len(used) <= LISTED else None
    return Field(
        name, kind, type_, missing=bool((codes < 0).any()), levels=listed, distinct=len(used), written=written
    )  # fmt: skip


def _of_numbers(name: str, kind: str, type_: str, values: Any, written: str | None) -> Field:
    known = values[np.isfinite(values)]
    return Field(
        name,
        kind,
        type_,
        missing=len(known) < len(values),
        low=float(known.min()) if len(known) else None,
        high=float(known.max()) if len(known) else None,
        distinct=len(np.unique(known)),
        written=written,
    )


def _type(column: Column, forced: str) -> str:
    """The type of a column whose kind is given: what it holds, for texts what they are."""
    if column.type != "string" or forced in ("category", "text"):
        return column.type
    if forced == "time":
        return "timestamp"
    _, levels = column.coded()
    plain = [level.strip() for level in levels if level.strip() not in MISSING_WORDS]
    return "integer" if all(map(_WHOLE.fullmatch, plain)) else "number"


def _found(name: str, column: Column) -> tuple[str, str]:
    """Kind and type of a column by its content."""
    if column.type in ("date", "timestamp"):
        return "time", column.type
    if column.type == "boolean":
        return "category", "boolean"
    if column.type in ("integer", "number"):
        values = column.numbers()
        return ("category" if _are_codes(name, values[~np.isnan(values)]) else "number"), column.type
    codes, levels = column.coded()
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    used = [level for level, count in zip(levels, counts.tolist(), strict=True) if count]
    return _of_texts(used, int(counts.sum()))


def _of_texts(levels: list[str], n: int) -> tuple[str, str]:
    """Kind and type of texts: the different ones, and in how many rows there is one."""
    if not levels:
        return "number", "number"  # nothing at all: missing in each row
    plain = [level.strip() for level in levels]
    plain = [level for level in plain if level not in MISSING_WORDS]
    if plain and all(map(_NUMBER.fullmatch, plain)):
        return "number", "integer" if all(map(_WHOLE.fullmatch, plain)) else "number"
    if set(levels) in _BOOLEANS:
        return "category", "boolean"
    if plain and all(map(_DATE.fullmatch, plain)) and _all_times(plain):
        return "time", "date" if max(map(len, plain)) == len("2026-11-29") else "timestamp"
    words = sum(len(level.split()) for level in levels) / len(levels)
    if words >= WORDS and len(levels) >= max(10, DISTINCT_TEXTS * n):
        return "text", "string"
    return "category", "string"


def _all_times(levels: list[str]) -> bool:
    try:
        for level in levels:
            seconds_of(level)
    except ValueError:  # 2026-02-30
        return False
    return True


def _are_codes(name: str, values: Any) -> bool:
    """Whether whole numbers are labels."""
    if (
        len(values) < 20
        or not np.isfinite(values).all()
        or np.any(values % 1)
        or values.min() < 0
        or values.max() >= 2**53
    ):
        return False
    found = np.unique(values)
    if not 3 <= len(found) <= LISTED or len(values) < 5 * len(found):
        return False
    if _CODES.search(name):
        return True
    digits = {len(str(int(each))) for each in found}
    apart = (found[-1] - found[0] + 1) / len(found)
    steps = np.unique(np.diff(found))
    often = len(values) >= REPEATED * len(found)
    return often and digits.issubset({3, 4, 5, 6, 7, 8}) and len(digits) == 1 and apart > 5 and len(steps) > 2
