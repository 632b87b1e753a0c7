"""What every fold does with the next record."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from automl_core.journal import Record, take_in


@dataclass
class Kept:
    seq: int = 0
    updated: float = 0.0
    skipped: dict[int, str] = field(default_factory=dict)
    seen: list[Record] = field(default_factory=list)

    def skip(self, seq: int, reason: str) -> None:
        self.skipped[seq] = reason

    def change(self, record: Record) -> str | None:
        if "raise" in record.data:
            raise record.data["raise"]
        if "why" in record.data:
            return str(record.data["why"])
        self.seen.append(record)
        return None

    def take(self, seq: int, time: float, **data: object) -> str | None:
        return take_in(self, Record(seq, f"id-{seq}", time, "note", dict(data)), self.change)


def test_a_record_that_is_not_behind_the_last_leaves_no_trace() -> None:
    kept = Kept()
    assert kept.take(2, 10.0) is None
    assert kept.take(2, 11.0) == "out of order: 2 after 2"
    assert kept.take(1, 11.0) == "out of order: 1 after 2"
    assert (kept.seq, kept.updated, kept.skipped, len(kept.seen)) == (2, 10.0, {}, 1)


def test_a_clock_that_is_behind_takes_no_time_back() -> None:
    kept = Kept()
    kept.take(1, 10.0)
    kept.take(2, 7.0)
    assert [each.time for each in kept.seen] == [10.0, 10.0]
    assert kept.updated == 10.0


def test_a_record_that_is_skipped_has_its_place_and_no_time() -> None:
    kept = Kept()
    assert kept.take(1, 10.0, why="anna is on leave") == "anna is on leave"
    assert (kept.seq, kept.updated, kept.skipped) == (1, 0.0, {1: "anna is on leave"})


@pytest.mark.parametrize(
    "wrong",
    [
        KeyError("a"), TypeError("b"), ValueError("c"), IndexError("d"), AttributeError("e"),
        msgspec.ValidationError("f"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_ends_no_reader(wrong: Exception) -> None:
    kept = Kept()
    assert kept.take(1, 10.0, **{"raise": wrong}) == f"malformed: {type(wrong).__name__}: {wrong}"
    assert kept.take(2, 11.0) is None
    assert kept.skipped == {1: f"malformed: {type(wrong).__name__}: {wrong}"}


def test_a_fault_of_the_machine_is_no_fault_of_the_record() -> None:
    with pytest.raises(MemoryError):
        Kept().take(1, 10.0, **{"raise": MemoryError()})
