"""What a journal is folded into, given by whoever opens one: the journal knows nothing of what its records mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Protocol, Self

import msgspec

from automl_core.journal.records import Record


class Fold(Protocol):
    """A state that is made of records, one after the other, alike in every process.

    Attributes:
        kinds: the kinds of record that this release can apply. A record of another kind was written by a later
            release.
        seq: the place of the last record that was applied, 0 before the first.
    """

    kinds: ClassVar[frozenset[str]]
    seq: int

    def apply(self, record: Record) -> str | None:
        """Take in the next record; returns why it is skipped, None if it was not."""

    def skip(self, seq: int, reason: str) -> None:
        """Remember a place in the order that holds no usable record."""

    def encode(self) -> bytes:
        """The state as JSON, for a snapshot."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote, by this release or an earlier one.

        Raises:
            LaterFormat: it is of a later release.
            ValueError: it is no such state, or one too old to be read; the records still tell all.
        """


class Timed(Protocol):
    """A fold that keeps the time of its last record.

    Attributes:
        seq: see `Fold`.
        updated: the time of the last record that was not skipped, in seconds since 1970.
    """

    seq: int
    updated: float

    def skip(self, seq: int, reason: str) -> None:
        """See `Fold`."""


def take_in(fold: Timed, record: Record, change: Callable[[Record], str | None]) -> str | None:
    """Apply the next record, as every reader of a journal does.

    A record that is not behind the last one is passed over and leaves no trace. Time never runs backward: a record of a
    writer whose clock is behind has the time of the one before. One that can't be read is skipped, whatever it is that
    is wrong with it: who can't apply a record that others skip would end every reader after it.

    Args:
        fold: what the record is applied to; `seq`, `updated` and what is skipped are kept here.
        record: the next one.
        change: changes the fold, or says why the record can't be true; before it has changed anything.

    Returns:
        None, or why the record is skipped.
    """
    if record.seq <= fold.seq:
        return f"out of order: {record.seq} after {fold.seq}"
    fold.seq = record.seq
    if record.time < fold.updated:
        record = replace(record, time=fold.updated)
    try:
        problem = change(record)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, msgspec.ValidationError) as error:
        problem = f"malformed: {type(error).__name__}: {error}"
    if problem:
        fold.skip(record.seq, problem)
    else:
        fold.updated = record.time
    return problem
