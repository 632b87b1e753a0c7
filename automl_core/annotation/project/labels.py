"""Labels: as they are given (with an item's id), and as they are kept (with its number)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

LIVE = frozenset({"page", "cli"})
"""Where an answer is given as it is told: the last one counts. From elsewhere answers are brought, perhaps again."""


class Source(StrEnum):
    """Who says so."""

    PERSON = "person"
    MODELS = "models"
    IMPORTED = "imported"


class Label(msgspec.Struct, omit_defaults=True, frozen=True):
    """One answer on one item.

    Attributes:
        item: its id.
        label: which class; empty where it was skipped.
        author: who says so: a user's name; of imported labels, where they are from.
        source: a person, models that agree, or labels that came with the data.
        seconds: how long it took; None where that isn't known.
        price: what it cost; where it answers a batch and is 0, that of the batch.
        time: when it was given, seconds since 1970; None for now.
        kind: why the item was asked about (``stratum``, ``useful``, ``gold``, …); empty for what its batch says.
        skipped: "can't tell": counts as an answer, and trains nothing.
        where: ``page``, ``cli``, ``file``, ``label-studio``, …
        shown: digest of what was shown; a label of anything else than the item is refused. None where that isn't known.
        batch: number of the batch that its author was asked by, where they say it; None where that isn't known.
        again: whether it is known to be told once more (of a file that was brought before, say): where its author has
            ever said just that, it says nothing new.
    """

    item: str
    label: str = ""
    author: str = ""
    source: Source = Source.PERSON
    seconds: float | None = None
    price: float = 0.0
    time: float | None = None
    kind: str = ""
    skipped: bool = False
    where: str = ""
    shown: str | None = None
    batch: int | None = None
    again: bool = False


class Vote(msgspec.Struct, frozen=True, gc=False):
    """A label as the journal has it. Of those of one author on one item the one that was given last counts.

    Attributes:
        item: its number.
        label, author, source, seconds, price, kind, skipped, where: as given; price and kind by the batch where that
            says more.
        time: when it was given.
        round: in which it was recorded; 0 before the first.
        batch: number of the batch that it answers; 0 where it answers none.
    """

    item: int
    label: str
    author: str
    source: Source
    time: float
    seconds: float | None = None
    price: float = 0.0
    kind: str = ""
    skipped: bool = False
    where: str = ""
    round: int = 0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of labels.

    Attributes:
        new: how many are the first of their author on the item.
        same: how many stood already.
        changed: how many are instead of another by the same author, which stays in the history.
        refused: (place among what was given, why not).
        older: how many were given before what is known of their author: they are history.
    """

    new: int = 0
    same: int = 0
    changed: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    older: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """What became of items.

    Attributes:
        new: how many were not there before.
        known: how many were.
        retired: how many were set aside, since their source has something else under their key now.
        refused: (place among what was given, why not).
        revived: how many came back that had been set aside so.
    """

    new: int = 0
    known: int = 0
    retired: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    revived: int = 0


@dataclass(frozen=True, slots=True)
class TakenOnce:
    """What became of labels by models.

    Attributes:
        new: how many items were taken.
        same: how many were taken so already.
        left: (id, why not).
    """

    new: int = 0
    same: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


def newest(votes: Iterable[Vote]) -> Vote | None:
    """The label that counts of those of one author on one item: the one that was given last, of equal ones the later.

    Args:
        votes: in the order in which they were recorded.
    """
    found = None
    for vote in votes:
        if found is None or vote.time >= found.time:
            found = vote
    return found
