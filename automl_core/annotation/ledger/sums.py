"""What labels cost: sums that add up to the last digit, whichever way they are parted.

Money and time are whole numbers inside (billionths of the currency's unit, and milliseconds), since sums of floats
depend on their order: 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1. So the sums over authors, over rounds and over sources
are the same number, and a page whose columns don't add up is wrong rather than rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from automl_core.annotation.ledger.facts import Answer

PER_UNIT = 1_000_000_000
"""Parts of one unit of money: a label by a model may cost some millionths."""

Key = Literal["author", "source", "round", "where", "kind"]

KEYS: tuple[Key, ...] = ("author", "source", "round", "where", "kind")
"""What sums are parted by."""


@dataclass(slots=True)
class Sum:
    """Answers in sum.

    Attributes:
        labels: answers that name a class.
        skipped: answers that say "can't tell": they are paid, and train nothing.
        parts: money, in `PER_UNIT` of a unit.
        milliseconds: of those that say how long they took.
        timed: how many do.
    """

    labels: int = 0
    skipped: int = 0
    parts: int = 0
    milliseconds: int = 0
    timed: int = 0

    @property
    def answers(self) -> int:
        """Labels and skipped ones."""
        return self.labels + self.skipped

    @property
    def cost(self) -> float:
        """Money."""
        return self.parts / PER_UNIT

    @property
    def seconds(self) -> float:
        """Time that people spent, as far as it was measured."""
        return self.milliseconds / 1000

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            self.labels + other.labels, self.skipped + other.skipped, self.parts + other.parts,
            self.milliseconds + other.milliseconds, self.timed + other.timed,
        )  # fmt: skip

    def add(self, answer: Answer) -> None:
        """One answer more."""
        if answer.label is None:
            self.skipped += 1
        else:
            self.labels += 1
        self.parts += round(answer.price * PER_UNIT)
        if answer.seconds is not None:
            self.milliseconds += round(answer.seconds * 1000)
            self.timed += 1

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it; ``seconds`` is None where nobody measured."""
        return {
            "labels": self.labels, "skipped": self.skipped, "cost": self.cost,
            "seconds": self.seconds if self.timed else None, "timed": self.timed,
            "cost_per_label": self.cost / self.labels if self.labels else None,
            "seconds_per_answer": self.seconds / self.timed if self.timed else None,
        }  # fmt: skip


def total(sums: Iterable[Sum]) -> Sum:
    """All together."""
    found = Sum()
    for each in sums:
        found = found + each
    return found


class Cube:
    """Sums by all of `KEYS` at once: whatever it is parted by, the parts are of the same answers."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        """Sum up."""
        self._cells: dict[tuple[Any, ...], Sum] = {}
        for each in answers:
            key = (each.author, each.source, each.round, each.where, each.kind)
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = Sum()
            cell.add(each)

    def total(self) -> Sum:
        """Of all answers."""
        return total(self._cells.values())

    def by(self, *keys: Key) -> dict[Any, Sum]:
        """Parted by one key, or by several: their values (as a tuple where there are several) → sum, in order."""
        places = [KEYS.index(each) for each in keys]
        found: dict[Any, Sum] = {}
        for cell, held in self._cells.items():
            key = cell[places[0]] if len(places) == 1 else tuple(cell[each] for each in places)
            found[key] = found.get(key, Sum()) + held
        return dict(sorted(found.items()))


def by_reason(answers: Iterable[Answer], reason: Callable[[int], str]) -> dict[str, Sum]:
    """Parted by what a function says of the place of each answer."""
    found: dict[str, Sum] = {}
    for place, each in enumerate(answers):
        found.setdefault(reason(place), Sum()).add(each)
    return found


def listed(sums: Mapping[Any, Sum], name: str) -> Iterator[dict[str, Any]]:
    """Sums as rows, the key under a name."""
    for key, each in sums.items():
        yield {name: key, **each.to_json()}
