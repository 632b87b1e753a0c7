"""CSV files in pieces of rows, by the standard library alone."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

PIECE = 5_000
"""Rows that are read at once."""


def delimiter_of(first: str) -> str:
    """What stands between the values of a file, by its first line: a semicolon where it has only these."""
    return ";" if ";" in first and "," not in first else ","


def pieces(
    path: str | Path, wanted: Iterable[str] | None = None, rows: int = PIECE, optional: Iterable[str] = ()
) -> Iterator[dict[str, list[str]]]:
    r"""The file's columns, some rows at a time; at least one piece, also of a file without rows.

    UTF-8, names of the columns in the first line; packed by gzip where the file's name ends in .gz. An empty value, and
    ``\N``, is a missing one.

    Args:
        path: of the file.
        wanted: names of columns to keep; all when None, or when one of them is not there: whoever misses it can say
            what there is.
        rows: of a piece.
        optional: names of which none need be there.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no CSV: another encoding, a row of another length, two columns of one name.
    """
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        try:
            yield from _pieces(file, str(path), None if wanted is None else set(wanted), rows, set(optional))
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 (byte 0x{error.object[error.start]:02x}): convert it") from None
        except csv.Error as error:
            raise ValueError(f"{path} is no CSV file that can be read: {error}") from None


def _pieces(
    file: Iterable[str], path: str, wanted: set[str] | None, rows: int, optional: set[str]
) -> Iterator[dict[str, list[str]]]:
    lines = iter(file)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise ValueError(f"{path} is empty: the names of its columns belong in the first line")
    while first.count('"') % 2:  # a name with a line break in it
        first += next(lines)
    delimiter = delimiter_of(first)
    names = next(csv.reader([first], delimiter=delimiter))
    double = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if double is not None:
        raise ValueError(f"{path}: two columns are called {double!r}")
    everything = wanted is None or not wanted - optional <= set(names)
    places = [place for place, name in enumerate(names) if everything or name in (wanted or ())]
    held: list[list[str]] = []
    number = 0
    for row in csv.reader(lines, delimiter=delimiter):
        if not row and len(names) > 1:
            continue
        number += 1
        if len(row) != len(names) and not (len(names) == 1 and not row):
            raise ValueError(f"{path}, row {number}: {len(row)} values, the first line names {len(names)} columns")
        held.append(row or [""])
        if len(held) == rows:
            yield _columns(held, names, places)
            held = []
    if held or number == 0:
        yield _columns(held, names, places)


def _columns(held: list[list[str]], names: list[str], places: list[int]) -> dict[str, list[str]]:
    return {names[place]: ["" if row[place] == r"\N" else row[place] for row in held] for place in places}
