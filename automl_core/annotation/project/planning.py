"""What items that are given make of those that are there: new ones, known ones, what goes and what comes back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import BadItem, Catalog, Content, content_of
from automl_core.annotation.items.content import id_of
from automl_core.annotation.items.parts import again_of, line_of

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState


@dataclass(frozen=True, slots=True)
class Given:
    """An item as it was given."""

    id: str
    content: Content
    beside: Content
    key: str | None


@dataclass(slots=True)
class Line:
    """A line of a part, with what it does to items that are there.

    Attributes:
        data: its bytes.
        new: whether it is a new item.
        away: items that are set aside, since their key is this one's now.
        back: the item, where it had been set aside so.
    """

    data: bytes
    new: bool
    away: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)


def looked_at(
    contents: Iterable[Mapping[str, Any]],
    keys: Sequence[str | None] | None,
    beside: Sequence[Mapping[str, Any]] | None,
) -> tuple[list[Given], list[tuple[int, str]], int]:
    """Items that are some, why others are none (place, words), and how many stand there twice.

    Raises:
        ValueError: keys or what is beside are of another number than items.
    """
    held = list(contents)
    for what, other in (("keys", keys), ("what is shown beside", beside)):
        if other is not None and len(other) != len(held):
            raise ValueError(f"{what}: {len(other)} for {len(held)} items")
    found: dict[int, Given] = {}
    refused: list[tuple[int, str]] = []
    places: dict[str, int] = {}
    for place, content in enumerate(held):
        key = _key(keys[place]) if keys is not None else None
        try:
            item = content_of(content)
            aside = content_of(beside[place]) if beside is not None and beside[place] else {}
        except BadItem as error:
            refused.append((place, str(error)))
            continue
        found[place] = Given(id_of(item), item, aside, key)
        if key is None:
            continue
        before = found.get(places.get(key, -1))
        if before is not None and before.id != found[place].id:
            refused.append((places[key], f"key {key!r:.80} stands twice with different items; the later one counts"))
            del found[places[key]]
        places[key] = place
    given = list({(each.id, each.key): each for each in found.values()}.values())
    return given, sorted(refused), len(found) - len(given)


def planned(state: ProjectState, catalog: Catalog, given: Sequence[Given], source: str) -> list[Line]:
    """The lines that items are worth on a state; none for those that are known as they are.

    Args:
        state: as it is.
        catalog: of its items.
        given: each (id, key) once, each key once.
        source: whose keys they are.
    """
    lines: list[Line] = []
    begun: set[str] = set()  # new items that have a line
    returned: set[int] = set()
    moved: dict[int, tuple[Line, set[str]]] = {}  # item → the line of the last key that it lost, all that it lost
    for each in given:
        number = catalog.find(each.id)
        names = catalog.by_key(source, each.key) if each.key is not None else None
        if number is None and each.id not in begun:
            begun.add(each.id)
            line = Line(line_of(each.content, each.beside, each.key), new=True)
        else:
            line = Line(again_of(each.id, each.key), new=False)
            if number is not None and number not in returned and _comes_back(state, number):
                returned.add(number)
                line.back.append(number)
            if not line.back and (each.key is None or (names is not None and names == number)):
                continue  # known as it is
        lines.append(line)
        if each.key is not None and names is not None and names != number:
            moved[names] = line, {*moved.get(names, (line, set()))[1], each.key}
    there = {number for number in (catalog.find(each.id) for each in given) if number is not None}
    for number, (line, lost) in moved.items():
        left = [name for name in catalog.named(number) if name[0] != source or name[1] not in lost]
        if not left and number not in there and number not in state.retired:
            line.away.append(number)
    return lines


def _comes_back(state: ProjectState, number: int) -> bool:
    retirement = state.why_retired(number)
    return retirement is not None and retirement.changed


def _key(given: Any) -> str | None:
    if given is None or given == "" or (isinstance(given, float) and math.isnan(given)):
        return None
    return str(given)
