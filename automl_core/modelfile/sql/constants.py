"""Tables of constants that a statement joins: what many levels of a category have, planned as one table.

A CASE asks level after level: planning grows with their number, and so does each row's time. A join reads a hash table.
The text of such a table is each dialect's own: DuckDB plans an expression for each literal of VALUES, so there keys and
values are two texts that are taken apart when the statement runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from automl_core.modelfile.sql.dialects import Target
from automl_core.modelfile.sql.nodes import cast, number, text, whole

Key = str | int | float
"""Of a row: a text, a whole number, or a DOUBLE."""

ROW_BYTES = 24
"""Of a row in a statement's text, beside its key: a value, and what stands between."""


@dataclass(frozen=True)
class Constants:
    """Rows of constants.

    Attributes:
        keys: different ones, all of one type.
        values: columns, each as long as the keys; NaN is NULL.
    """

    keys: tuple[Key, ...]
    values: tuple[tuple[float, ...], ...]

    def pieces(self, most: int) -> Iterator[Constants]:
        """The same rows in tables of so many bytes of text at most, about."""
        start, size = 0, 0
        for place, key in enumerate(self.keys):
            own = len(str(key).encode()) + ROW_BYTES * len(self.values)
            if size and size + own > most:
                yield self._part(start, place)
                start, size = place, 0
            size += own
        yield self._part(start, len(self.keys))

    def _part(self, start: int, end: int) -> Constants:
        return Constants(self.keys[start:end], tuple(column[start:end] for column in self.values))

    def table(self, target: Target) -> str:
        """A subquery with the columns ``k``, ``v0``, …: each key once, even where a collation takes two for one."""
        return _duckdb(self, target) if target.name == "duckdb" else _values(self, target)


def _names(constants: Constants) -> list[str]:
    return [f"v{place}" for place in range(len(constants.values))]


def _values(constants: Constants, target: Target) -> str:
    missing = target.write(cast(number(math.nan), "double"))

    def literal(value: float) -> str:
        return missing if math.isnan(value) else target.write(number(value))

    names = _names(constants)
    columns = [map(literal, column) for column in constants.values]
    keys = (_literal(key, target) for key in constants.keys)
    rows = ", ".join(f"({', '.join(row)})" for row in zip(keys, *columns, strict=True))
    if target.name == "maxcompute":
        return f"(SELECT k, {', '.join(names)} FROM VALUES {rows} t (k, {', '.join(names)}))"  # noqa: S608
    least = ", ".join(f"MIN({name}) AS {name}" for name in names)
    return f"(SELECT k, {least} FROM (VALUES {rows}) AS t (k, {', '.join(names)}) GROUP BY k)"  # noqa: S608


def _literal(key: Key, target: Target) -> str:
    if isinstance(key, str):
        return target.write(text(key))
    if isinstance(key, float):
        return target.write(number(key))
    # MaxCompute takes 5 for an INT and what is longer for a BIGINT, and a column of VALUES has one type
    return target.write(whole(key)) + ("L" if target.name == "maxcompute" else "")


def _duckdb(constants: Constants, target: Target) -> str:
    names = _names(constants)
    parts = ["k", *names]
    first = constants.keys[0]
    if isinstance(first, str):
        plain = list(map(str, constants.keys))
        between = separator(plain)
        texts = [between.join(plain)]
        columns = [f"UNNEST(STRING_SPLIT(k, {target.write(text(between))})) AS k"]
    else:
        texts = [_list(constants.keys)]
        columns = [f"UNNEST(CAST(k AS {'BIGINT' if isinstance(first, int) else 'DOUBLE'}[])) AS k"]
    texts += map(_list, constants.values)
    columns += [f"UNNEST(CAST({name} AS DOUBLE[])) AS {name}" for name in names]
    literals = ", ".join(target.write(text(each)) for each in texts)
    return f"(SELECT {', '.join(columns)} FROM (VALUES ({literals})) AS s({', '.join(parts)}))"  # noqa: S608


def _list(values: Sequence[Key]) -> str:
    return f"[{', '.join('NULL' if value != value else repr(value) for value in values)}]"


def separator(texts: Sequence[str]) -> str:
    """A character that is in none of the texts: a control character where one is left, else a private one."""
    used = set().union(*texts)
    return next(chr(code) for code in chain(range(31, 0, -1), range(0xE000, 0x10FFFF)) if chr(code) not in used)
