"""Trials, works and the order in which work ended, whether they are set apart (`automl_core.study.sealed`) or not.

They read like the list and the mappings that they stand for. What they hand out of sealed trials must not be changed:
`State` takes a trial out before it applies a record to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, ValuesView
from itertools import chain
from typing import overload

from automl_core.study.entities import Trial, Work
from automl_core.study.sealed import Sealed


class Trials(Sequence[Trial]):
    """Every trial, by number.

    Attributes:
        live: those that are not sealed, by number.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, live: Iterable[Trial], sealed: Sealed) -> None:
        self.live = {trial.number: trial for trial in live}
        self._sealed = sealed

    def append(self, trial: Trial) -> None:
        """Take in the next trial."""
        self.live[trial.number] = trial

    def __len__(self) -> int:
        return len(self.live) + len(self._sealed)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        if isinstance(index, slice):
            return [self._at(number) for number in range(*index.indices(len(self)))]
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"there is no trial {index}, there are {count}")
        return self._at(index % count)

    def _at(self, number: int) -> Trial:
        found = self.live.get(number)
        return self._sealed.trial(number) if found is None else found

    def __iter__(self) -> Iterator[Trial]:
        if not self._sealed.segments:
            return iter(list(self.live.values()))  # in their order: none was ever taken out
        return (self._at(number) for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Trials | list) else NotImplemented

    def __repr__(self) -> str:
        return f"Trials({list(self)!r})"


class Works(Mapping[int, Work]):
    """Slot → the work that it is bound to; by slot where any was sealed, else in the order in which they were bound.

    Attributes:
        live: those whose trials are not sealed.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, live: Mapping[int, Work], sealed: Sealed) -> None:
        self.live = dict(live)
        self._sealed = sealed

    def __setitem__(self, slot: int, work: Work) -> None:
        self.live[slot] = work

    def __len__(self) -> int:
        return len(self.live) + len(self._sealed.works)

    def __contains__(self, slot: object) -> bool:
        return slot in self.live or slot in self._sealed.works

    def __getitem__(self, slot: int) -> Work:
        found = self.live.get(slot)
        return self._sealed.work(slot) if found is None else found

    def __iter__(self) -> Iterator[int]:
        if not self._sealed.segments:
            return iter(self.live)
        return iter(sorted(chain(self._sealed.works, self.live)))

    def values(self) -> ValuesView[Work]:
        """All works as they are now; those of a chunk at once, not slot by slot."""
        if not self._sealed.segments:
            return self.live.values()
        found = {slot: work for chunk in self._sealed.chunks for slot, work in chunk.fresh_works()}
        found.update(self.live)
        return dict(sorted(found.items())).values()

    def slots(self) -> set[int]:
        """All slots that are bound."""
        return {*self._sealed.works, *self.live}

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __repr__(self) -> str:
        return f"Works({dict(self)!r})"


class Order(Sequence[int]):
    """Slots in the order in which their work ended for good.

    Each has a rank, which grows along the order: so the order of what is sealed and what is not can be told when both
    are read. The rank is the record's that ended the work.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, ranks: Mapping[int, int]) -> None:
        """Put slots in order.

        Args:
            ranks: slot → its rank.
        """
        self.ranks = dict(ranks)
        self._slots: list[int] | None = None

    @property
    def _in_order(self) -> list[int]:
        if self._slots is None:
            self._slots = sorted(self.ranks, key=self.ranks.__getitem__)
        return self._slots

    def append(self, slot: int, rank: int) -> None:
        """The work of a slot has ended, by the record of that number."""
        self._in_order.append(slot)
        self.ranks[slot] = rank

    def remove(self, slot: int) -> None:
        """The work of a slot goes on after all."""
        self._in_order.remove(slot)
        del self.ranks[slot]

    def __len__(self) -> int:
        return len(self.ranks)

    def __contains__(self, slot: object) -> bool:
        return slot in self.ranks

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        return self._in_order[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._in_order)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Order | list) else NotImplemented

    def __repr__(self) -> str:
        return f"Order({self._in_order!r})"
