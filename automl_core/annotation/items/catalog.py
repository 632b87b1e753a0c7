"""All items of a project by number, by id and by the source's own key, read from its parts."""

from __future__ import annotations

import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from automl_core.annotation.items.content import Content, is_id, shown_digests
from automl_core.annotation.items.held import HeldParts
from automl_core.annotation.items.parts import BadPart, Line, Part, lines_of, part_key, read_line
from automl_core.storage.base import NotFound, ObjectStore, StorageError

_owners = count()  # a number of its own for each catalog: `id` is given again


class NoSuchItem(LookupError):
    """An item that the project doesn't have, or whose part can't be read. The message says which."""


class DamagedParts(StorageError):
    """Some of a project's items can't be read. The message says where they lie, and why they can't."""


class Catalog:
    """Items by number and by id. Each part is read once, when something of it is asked for.

    Not shared between threads.
    """

    def __init__(
        self, store: ObjectStore, folder: str, parts: Callable[[], Sequence[Part]], held: HeldParts | None = None
    ) -> None:  # fmt: skip
        """A catalog; reads nothing yet.

        Args:
            store: where the parts lie.
            folder: the folder of the parts, ending with '/'.
            parts: tells those that are known now, in their order.
            held: where contents are held in memory, which catalogs may share; one of its own when left out.
        """
        self._store, self._folder, self._parts = store, folder, parts
        self._held, self._owner = held if held is not None else HeldParts(), next(_owners)
        weakref.finalize(self, self._held.forget, self._owner).atexit = False
        self._forget()

    def _forget(self) -> None:
        self._last = ""  # digest of the last part whose ids are known
        self._read = 0  # parts whose ids are known
        self._ids: list[str] = []  # by number; empty where its part is damaged
        self._numbers: dict[str, int] = {}
        self._keys: dict[tuple[str, str], int] = {}  # (source, key) → the item that it names now
        self._named: dict[int, list[tuple[str, str]]] = {}  # number → the keys that name it now
        self._firsts: list[int] = []
        self._held.forget(self._owner)
        self.damaged: dict[str, str] = {}
        """Parts that can't be read → why. Their items have numbers, and neither id nor content."""

    def __len__(self) -> int:
        """How many items there are."""
        self.refresh()
        return len(self._ids)

    def refresh(self) -> None:
        """Read the parts that are new.

        Raises:
            StorageError: the store refuses or is away.
        """
        parts = self._parts()
        if self._read and (len(parts) < self._read or parts[self._read - 1].digest != self._last):
            self._forget()  # the journal was folded anew, and one of its records is void now
        while self._read < len(parts):
            self._take(self._read, parts[self._read])
            self._last = parts[self._read].digest
            self._read += 1

    def id_of(self, number: int) -> str:
        """The id of an item.

        Raises:
            NoSuchItem: there is none of that number, or its part is damaged.
        """
        self.refresh()
        if not 0 <= number < len(self._ids):
            raise NoSuchItem(f"there is no item number {number}: there are {len(self._ids)}, from 0")
        if not self._ids[number]:
            raise NoSuchItem(f"item number {number} can't be read: {self._why(number)}")
        return self._ids[number]

    def ids_of(self, numbers: Iterable[int]) -> list[str]:
        """The ids of items, in the order asked for; see `id_of`."""
        return [self.id_of(number) for number in numbers]

    def number_of(self, id: str) -> int:
        """The number of an item.

        Raises:
            NoSuchItem: there is none of that id.
        """
        self.refresh()
        found = self._numbers.get(id)
        if found is None:
            why = "" if is_id(id) else ": an id is the letter i and 20 digits from 0 to f"
            lost = f"; {len(self.damaged)} parts can't be read" if self.damaged else ""
            raise NoSuchItem(f"there is no item {id!r:.60}{why}{lost}")
        return found

    def find(self, id: str) -> int | None:
        """The number of an item, None where there is none of that id."""
        self.refresh()
        return self._numbers.get(id)

    def content(self, id: str) -> Content:
        """What makes an item.

        Raises:
            NoSuchItem: there is none of that id.
            StorageError: its part can't be read now.
        """
        return self._line(self.number_of(id)).item

    def contents(self, ids: Iterable[str]) -> list[Content]:
        """What makes items, in the order asked for; see `content`."""
        return [self.content(id) for id in ids]

    def shown(self, id: str) -> Content:
        """An item with what is shown beside it; see `content`."""
        line = self._line(self.number_of(id))
        return line.item | line.beside

    def digests(self, id: str, show: Iterable[str] = ()) -> frozenset[str]:
        """The digests that stand for what is shown of an item (`shown_digests`); see `content`."""
        line = self._line(self.number_of(id))
        return shown_digests(line.item, line.beside, show)

    def by_key(self, source: str, key: str) -> int | None:
        """The number of the item that a source names so now; None where it names none."""
        self.refresh()
        return self._keys.get((source, key))

    def keys_of(self, id: str) -> list[str]:
        """The source's own names of an item; empty where it has none, or they name another since."""
        return [key for _, key in self._named.get(self.number_of(id), ())]

    def named(self, number: int) -> Sequence[tuple[str, str]]:
        """The (source, key) that name an item now."""
        self.refresh()
        return tuple(self._named.get(number, ()))

    def sound(self) -> None:
        """Refuse where an item can't be read: whoever adds items would take it for a new one.

        Raises:
            DamagedParts: the message names the parts.
        """
        self.refresh()
        if self.damaged:
            named = "; ".join(f"{key}: {why}" for key, why in list(self.damaged.items())[:3])
            raise DamagedParts(f"{len(self.damaged)} parts of the items can't be read: {named}")

    # --- reading --------------------------------------------------------------------------------

    def _take(self, index: int, part: Part) -> None:
        self._firsts.append(part.first)
        try:
            lines = self._load(index, part)
            self._note(index, part, lines)
        except (NotFound, BadPart) as error:
            self.damaged[self._key(index, part)] = str(error)
            del self._ids[part.first :]
            self._ids.extend([""] * part.items)

    def _load(self, index: int, part: Part) -> list[bytes]:
        return lines_of(self._store.get(self._key(index, part)), part.digest)

    def _note(self, index: int, part: Part, lines: list[bytes]) -> None:
        read = [read_line(line) for line in lines]
        new = [line for line, each in zip(lines, read, strict=True) if each.id]
        if len(new) != part.items:
            raise BadPart(f"it has {len(new)} new items, where {part.items} were recorded")
        number = part.first
        for each in read:
            if each.id:
                self._ids.append(each.id)
                self._numbers.setdefault(each.id, number)
                at = number
                number += 1
            else:
                at = self._numbers.get(each.again, -1)
            if each.key is not None and at >= 0:
                self._rename((part.source, each.key), at)
        self._held.put(self._owner, index, new)

    def _rename(self, key: tuple[str, str], number: int) -> None:
        before = self._keys.get(key)
        if before == number:
            return
        if before is not None:
            self._named[before].remove(key)
        self._keys[key] = number
        self._named.setdefault(number, []).append(key)

    def _line(self, number: int) -> Line:
        index = bisect_right(self._firsts, number) - 1
        part = self._parts()[index]
        lines = self._held.get(self._owner, index)
        if lines is None:
            try:
                lines = [line for line in self._load(index, part) if read_line(line).id]
            except BadPart as error:
                raise DamagedParts(f"{self._key(index, part)}: {error}") from None
            self._held.put(self._owner, index, lines)
        return read_line(lines[number - part.first])

    def _key(self, index: int, part: Part) -> str:
        return part_key(self._folder, index, part.digest)

    def _why(self, number: int) -> str:
        index = bisect_right(self._firsts, number) - 1
        key = self._key(index, self._parts()[index])
        return f"{key}: {self.damaged.get(key, 'an id is missing there')}"
