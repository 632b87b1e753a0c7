"""What a journal is folded into, given by whoever opens one: the journal knows nothing of what its records mean."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

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
