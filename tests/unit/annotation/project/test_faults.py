"""Three kinds of fault at every call of every act: killed before it, killed after it, its answer lost.

Then another process does the act again. What must hold: the journal tells what it would have told, no label is lost or
there twice, no item is with two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache

import pytest

from automl_core.annotation.project import Project, ProjectState
from automl_core.storage.base import StorageUnavailable
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.project.test_loop import ids, threshold, version
from tests.unit.annotation.project.world import BY, DyingStore, Killed, World, label, text


def add(project: Project) -> None:
    project.add_items(map(text, range(8)), BY, source="lake", keys=list(map(str, range(8))))


def edit(project: Project) -> None:
    given = [{"text": "edited"}, *map(text, range(1, 8))]
    project.add_items(given, BY, source="lake", keys=list(map(str, range(8))))


def begin(project: Project) -> None:
    project.begin_round(1, BY)


def found(project: Project) -> None:
    threshold(project)


def take(project: Project) -> None:
    project.take(1, dict.fromkeys(ids(project, 5, 6), "order"), BY)


def take_back(project: Project) -> None:
    project.take_back(1, None, "no", BY)


def send(project: Project) -> None:
    project.send(1, World.chosen(project, [2, 1, 3]), "page", 1, BY)


def claim(project: Project) -> None:
    assert project.claim("anna", 2, 60.0) == ids(project, 2, 1)


def give(project: Project) -> None:
    project.label([label(project, 2), label(project, 1, "refund")], BY)


def write(project: Project) -> None:
    project.wrote_set(1, version(1, [1, 2]), BY)


def trained(project: Project) -> None:
    project.trained(1, 1, "e", "r", "FINISHED", {"x": 1}, BY)


def cases(project: Project) -> None:
    project.bad_cases(1, "m", ids(project, 3), [], [], BY)


def retire(project: Project) -> None:
    project.retire(ids(project, 7), "no", BY)


def end(project: Project) -> None:
    project.end_round(1, {"x": 1}, BY)


WAY: list[Callable[[Project], None]] = [
    add, begin, edit, found, take, send, claim, give, take_back, write, trained, cases, retire, end,
]  # fmt: skip


@cache
def objects_at(place: int) -> Mapping[str, bytes]:
    """What lies in the store before a step of the way."""
    store = MemoryStore()
    world = World(store)
    for act in WAY[:place]:
        act(world.open())
    return store.objects


def at_step(place: int) -> World:
    store = MemoryStore()
    store.objects.update(objects_at(place))
    return World(store)


def told(project: Project) -> list[tuple[str, object]]:
    return [(record.kind, record.data) for record in project.journal.records()]


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize("place", range(len(WAY)), ids=[act.__name__ for act in WAY])
def test_an_act_that_breaks_off_anywhere_is_made_good_by_doing_it_again(place: int, how: str) -> None:
    act, at = WAY[place], 0
    wanted = at_step(place + 1).open()
    while True:
        at += 1
        world = at_step(place)
        dying = DyingStore(world.store, at, how)
        with suppress(Killed, StorageUnavailable):
            act(world.open(dying))
            if dying.calls < at:
                break  # there is no such call: all of them were tried
        act(world.open())
        project = world.open()
        assert project.state.skipped == {}
        assert told(project) == told(wanted)
        assert project.state == wanted.state
        project.catalog.sound()
        assert len(project.catalog) == project.state.count
    assert at > 2


def test_a_snapshot_at_any_place_leads_to_the_same_state() -> None:
    records = list(at_step(len(WAY)).open().journal.records())
    whole = ProjectState()
    for record in records:
        assert whole.apply(record) is None
    for place in range(len(records)):
        state = ProjectState()
        for record in records[:place]:
            state.apply(record)
        state = ProjectState.decode(state.encode())
        for record in records[place:]:
            assert state.apply(record) is None
        assert state == whole
