"""The trials of a state that are set apart for good, in chunks and segments, and where each of them stands.

A later chunk counts before an earlier one: a trial that went on (it was promoted, or a person cleared it) is taken out,
changes, ends again, and is sealed again. So chunks are never rewritten. Segments are: of each size class there are few,
as `FEW` small ones are joined into one of the next class. Joining costs no unpacking, each trial is written once a
class, and a new process has few objects to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from automl_core.journal.segments import name_of
from automl_core.states import TrialState
from automl_core.study.chunks import Chunk, chunks_in, seal
from automl_core.study.entities import Trial, Work

CHUNK = 500
"""Trials of a chunk. A state with fewer trials that have ended has none."""

KEPT = 100
"""Trials that have ended and are set apart only with the next chunk: who looks back, looks at the last ones."""

FEW = 4
"""Segments of a size class that are joined into one of the next."""

MOST_CHUNKS = 64
"""Chunks from which a segment is joined with no other any more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An object of the store: chunks one behind the other."""

    name: str
    body: bytes
    chunks: tuple[Chunk, ...]

    @property
    def size_class(self) -> int:
        """How often as many have been joined into it."""
        count, found = len(self.chunks), 0
        while count >= FEW:
            count, found = count // FEW, found + 1
        return found


class Sealed:
    """What is set apart.

    Attributes:
        segments: in the order in which later ones count.
        trials, works: number of a trial, slot of a work → the chunk that has it; none that was taken out.
    """

    def __init__(self, segments: Mapping[str, bytes] | None = None) -> None:
        """Take segments in.

        Args:
            segments: name → bytes, in the order in which later ones count.

        Raises:
            LaterFormat: a later release has written one.
            ValueError: one is none.
        """
        self.segments: list[Segment] = []
        self.trials: dict[int, Chunk] = {}
        self.works: dict[int, Chunk] = {}
        for name, body in (segments or {}).items():
            chunks = tuple(chunks_in(body))
            self.segments.append(Segment(name, body, chunks))
            for chunk in chunks:
                self._enter(chunk)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def chunks(self) -> Iterator[Chunk]:
        """All chunks, later ones later."""
        return (chunk for segment in self.segments for chunk in segment.chunks)

    def trial(self, number: int) -> Trial:
        """A trial that is set apart.

        Raises:
            KeyError: it is not.
        """
        chunk = self.trials[number]
        return chunk.trials[chunk.place_of[number]]

    def work(self, slot: int) -> Work:
        """A work that is set apart.

        Raises:
            KeyError: it is not.
        """
        chunk = self.works[slot]
        return chunk.works[chunk.place_of_slot[slot]]

    def take_out(self, number: int) -> tuple[Trial, list[Work]] | None:
        """A trial and its works, which are about to change and are the caller's from here on; None if not set apart."""
        if number not in self.trials:
            return None
        trial = self.trial(number)
        works = [self.work(slot) for slot in trial.slots]
        self.leave(number)
        return trial, works

    def leave(self, number: int) -> None:
        """Forget a trial of a chunk: it stands elsewhere."""
        chunk = self.trials.pop(number)
        place = chunk.place_of[number]
        chunk.stale.add(place)
        for work in chunk.works_of(place):
            del self.works[chunk.columns.slots[work]]

    def add(self, trials: Sequence[Trial], works: Mapping[int, Work], ranks: Mapping[int, int]) -> None:
        """Set trials apart, by number, all of whose work has ended; see `chunks.seal`. Whole chunks only.

        Args:
            trials: a multiple of `CHUNK`.
            works, ranks: see `chunks.seal`.
        """
        assert len(trials) % CHUNK == 0
        made = tuple(seal(trials[at : at + CHUNK], works, ranks) for at in range(0, len(trials), CHUNK))
        if not made:
            return
        for chunk in made:
            self._enter(chunk)
        self.segments.append(_joined(made))
        while True:
            last = self.segments[-FEW:]
            classes = {segment.size_class for segment in last}
            chunks = tuple(chunk for segment in last for chunk in segment.chunks)
            if len(last) < FEW or len(classes) > 1 or len(last[0].chunks) >= MOST_CHUNKS:
                return
            self.segments[-FEW:] = [_joined(chunks)]

    def ranks(self) -> dict[int, int]:
        """Slot → the rank of its work, see `Order`."""
        return dict(zip(self.column("slots"), self.column("ranks"), strict=True))

    def valued(self) -> Iterator[tuple[int, float | None]]:
        """Of each work its trial, and its value if it counts."""
        return zip(self.column("trials_of_works"), self.column("values"), strict=True)

    def states(self) -> Counter[TrialState]:
        """How many trials are in each state: that of their newest work."""
        found: Counter[TrialState] = Counter()
        for chunk in self.chunks:
            found.update(dict(zip(*chunk.fresh("trials_of_works", "states"), strict=True)).values())
        return found

    def any_value(self) -> bool:
        """Whether any work was told a value, whether it counts or not."""
        for chunk in self.chunks:
            columns = chunk.columns
            if any(value is not None for value in chunk.fresh("values")[0]):
                return True
            if any(columns.of[work] not in chunk.stale for work in columns.told):
                return True
        return False

    def column(self, name: str) -> Iterator[Any]:
        """One of the `Columns` of works, of all works that are set apart; chunk by chunk, alike for each name."""
        return chain.from_iterable(chunk.fresh(name)[0] for chunk in self.chunks)

    def _enter(self, chunk: Chunk) -> None:
        columns = chunk.columns
        for number in self.trials.keys() & columns.trials if self.trials else ():
            self.leave(number)
        self.trials.update(dict.fromkeys(columns.trials, chunk))
        self.works.update(dict.fromkeys(columns.slots, chunk))


def _joined(chunks: tuple[Chunk, ...]) -> Segment:
    body = b"".join(chunk.body for chunk in chunks)
    return Segment(name_of(body), body, chunks)
