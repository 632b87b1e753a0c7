"""The acts on items: they come, and are set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from automl_core.annotation.items import pack
from automl_core.annotation.items.parts import dealt, digest_of, encode_part, part_key
from automl_core.annotation.project.acting import Acting, Person, Refused, by_json
from automl_core.annotation.project.labels import Added
from automl_core.annotation.project.layout import ITEMS
from automl_core.annotation.project.planning import Line, looked_at, planned
from automl_core.annotation.project.state import ProjectState

TRIES = 1000
"""Times that items are looked through again since others have added some meanwhile."""

MOST_RETIRED = 20_000
"""Items that are set aside by one record at most."""


class Adding(Acting):
    """What of `Project` is about items."""

    def add_items(
        self,
        contents: Iterable[Mapping[str, Any]],
        by: Person,
        *,
        source: str,
        keys: Sequence[str | None] | None = None,
        beside: Sequence[Mapping[str, Any]] | None = None,
    ) -> Added:
        """Take in items; those that are known are not taken in twice, whatever their order.

        Where a source has something else under a key than before, that is a new item. The one before is set aside, its
        labels stay with it and are not trained; it comes back where the source says the same again.

        Args:
            contents: columns → text, number, bool or None.
            by: whose act.
            source: where they come from; the same text each time. Keys are those of the source.
            keys: the source's own name of each; None where it has none.
            beside: what else people are shown with each, and makes it no other item.

        Returns:
            What became of them. Items that are none are named there, and keep no other from being added.

        Raises:
            DamagedParts: items can't be read, so whether one is known can't be told.
            LaterRelease: a later release writes this journal.
            StorageError: the store refuses or is away. Adding again makes it good.
        """
        given, refused, twice = looked_at(contents, keys, beside)
        new = away = back = 0
        for _ in range(TRIES):
            self.refresh()
            self.catalog.sound()
            for lines in dealt((line.data, line) for line in planned(self.state, self.catalog, given, source)):
                if not self._add_part([line for _, line in lines], by, source):
                    break  # somebody has acted on items meanwhile
                new += sum(line.new for _, line in lines)
                away += sum(len(line.away) for _, line in lines)
                back += sum(len(line.back) for _, line in lines)
            else:
                return Added(new, twice + len(given) - new, away, refused, back)
        raise Refused(f"{self.name}: others have added items a thousand times meanwhile")

    def _add_part(self, lines: list[Line], by: Person, source: str) -> bool:
        """Write a part, then the record that makes it count. Returns whether it does."""
        at, first = len(self.state.parts), self.state.count
        data = encode_part(at, [line.data for line in lines])
        digest = digest_of(data)
        record = {
            "part": digest, "at": at, "first": first, "items": sum(line.new for line in lines), "source": source,
            "by": by_json(by), "retired": pack(number for line in lines for number in line.away),
            "revived": pack(number for line in lines for number in line.back),
        }  # fmt: skip
        self.store.create(part_key(self.prefix + ITEMS, at, digest), data)
        try:
            self._act("added", record, done=lambda state: at < len(state.parts) and state.parts[at].digest == digest)
        except Refused:  # decided on a state that is none any more; what it wrote, nothing names
            return False
        return True

    def restore(self, ids: Iterable[str], why: str, by: Person) -> int:
        """Take items back that were set aside, with the labels that they have. Returns how many were.

        Raises:
            NoSuchItem: there is none of an id.
            StorageError: the store refuses or is away.
        """
        self.refresh()
        return self._each("restored", self.numbers_of(ids), lambda state, number: number in state.retired, why, by)

    def retire(self, ids: Iterable[str], why: str, by: Person) -> int:
        """Set items aside for good: nobody is asked about them, nothing is trained on them; their labels are kept.

        Returns:
            How many were not set aside before.

        Raises:
            NoSuchItem: there is none of an id.
            StorageError: the store refuses or is away.
        """
        self.refresh()
        return self._each("retired", self.numbers_of(ids), lambda state, number: number not in state.retired, why, by)

    def _each(
        self, kind: str, numbers: list[int], wanted: Callable[[ProjectState, int], bool], why: str, by: Person
    ) -> int:
        many = 0
        for start in range(0, len(numbers), MOST_RETIRED):
            some = numbers[start : start + MOST_RETIRED]
            data: dict[str, Any] = {"why": why, "by": by_json(by)}
            left: list[int] = []

            def stands(
                state: ProjectState, some: Any = some, data: dict[str, Any] = data, left: list[int] = left
            ) -> bool:
                left[:] = [number for number in some if wanted(state, number)]
                data["items"] = pack(left)
                return not left

            if self._act(kind, data, done=stands) is not None:
                many += len(left)
        return many
