"""What is strange about rows to score: said and counted, never refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .values import Field, Frame, Schema


@dataclass(frozen=True)
class Note:
    """Something in a column that training had not.

    Attributes:
        column: its name.
        kind: ``below``, ``above``, ``unseen`` or ``missing``.
        rows: how many.
        text: for people.
    """

    column: str
    kind: str
    rows: int
    text: str


def review(schema: Schema, frame: Frame) -> list[Note]:
    """Compare a frame with what the schema tells of training.

    Args:
        schema: with ranges, levels, and whether values were missing, as far as they were kept.
        frame: read by it.
    """
    return [note for field in schema for note in _of_field(field, frame)]


def _of_field(field: Field, frame: Frame) -> Iterator[Note]:
    def note(kind: str, rows: int, text: str) -> Iterator[Note]:
        if rows:
            yield Note(field.name, kind, rows, f"{field.name}: {rows:,} of {frame.n:,} rows {text}")

    if field.kind in ("category", "text"):
        coded = frame.coded(field.name)
        absent = int((coded.codes < 0).sum())
        if field.kind == "category" and field.levels is not None:
            unseen = coded.codes_in(field.levels) == -2
            names = sorted({coded.levels[code] for code in np.unique(coded.codes[unseen]).tolist()})
            listed = ", ".join(repr(name) for name in names[:3]) + (", …" if len(names) > 3 else "")
            yield from note("unseen", int(unseen.sum()), f"have a category that training had not ({listed})")
    else:
        values = frame.numbers(field.name)
        absent = int(np.isnan(values).sum())
        if field.low is not None:
            below = int((values < field.low).sum())
            yield from note("below", below, f"are below the smallest of training ({field.low:g})")
        if field.high is not None:
            above = int((values > field.high).sum())
            yield from note("above", above, f"are above the largest of training ({field.high:g})")
    if field.missing is False:
        yield from note("missing", absent, "have no value; in training none was missing")


class Tally:
    """Notes of many pieces of rows, added up."""

    def __init__(self) -> None:
        self.rows = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._texts: dict[tuple[str, str], str] = {}

    def add(self, schema: Schema, frame: Frame) -> None:
        """Another piece."""
        self.rows += frame.n
        for note in review(schema, frame):
            key = (note.column, note.kind)
            self._counts[key] = self._counts.get(key, 0) + note.rows
            self._texts.setdefault(key, note.text.partition(" rows ")[2])

    def texts(self) -> list[str]:
        """For people."""
        return [
            f"{column}: {count:,} of {self.rows:,} rows {self._texts[column, kind]}"
            for (column, kind), count in self._counts.items()
        ]
