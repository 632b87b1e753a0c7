"""Items come, are known again, change at their source, are set aside and come back."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.items import Catalog, DamagedParts, HeldParts, NoSuchItem, content_of, item_id
from automl_core.annotation.items import held as held_module
from automl_core.annotation.items import parts as parts_module
from automl_core.annotation.items.parts import Part, digest_of, encode_part, line_of, part_key
from automl_core.annotation.project import Added, ItemState, Label, Project, consensus
from automl_core.annotation.project.layout import ITEMS
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.project.world import BY, World, label, text


def states(project: Project) -> list[ItemState]:
    state = project.refresh()
    return [state.status(number) for number in range(state.count)]


def test_the_same_items_again_are_none_that_are_new() -> None:
    project = World().filled(10)
    seq = project.state.seq
    given = [*map(text, range(5, 12)), text(3), text(11)]
    assert project.add_items(given, BY, source="elsewhere") == Added(new=2, known=7)
    assert project.add_items(reversed(given), BY, source="elsewhere") == Added(new=0, known=9)
    assert project.state.seq == seq + 1
    assert project.state.count == 12
    catalog = project.catalog
    assert [catalog.content(catalog.id_of(number)) for number in range(12)] == list(map(text, range(12)))
    assert [catalog.number_of(item_id(text(number))) for number in range(12)] == list(range(12))


def test_the_label_of_an_edited_text_belongs_to_what_was_shown() -> None:
    """Case N: edited after it was sent; its label comes back."""
    world = World()
    project = world.filled(3)
    batch = project.send(1, world.chosen(project, [0, 1, 2]), "label-studio", 1, BY)
    edited = [{"text": "text 0, edited"}, text(1), text(2)]
    assert project.add_items(edited, BY, source="lake", keys=["0", "1", "2"]) == Added(new=1, known=2, retired=1)
    assert states(project) == [ItemState.RETIRED, ItemState.SENT, ItemState.SENT, ItemState.NEW]
    # what people have seen, by its digest; the second one is what Label Studio has if somebody edits its task
    answers = [
        Label(item_id(text(0)), "order", "anna", where="label-studio", shown=item_id(text(0))),
        Label(item_id(text(1)), "refund", "anna", where="label-studio", shown=item_id(text(1))),
        Label(item_id(text(0)), "other", "ben", where="label-studio", shown=item_id(edited[0])),
        Label(item_id(text(2)), "other", "ben", where="label-studio", shown=item_id({"text": "nobody knows"})),
    ]
    done = project.label(answers, BY)
    assert (done.new, [place for place, _ in done.refused]) == (2, [2, 3])
    assert f"item {item_id(edited[0])} was shown, not item {item_id(text(0))}" in done.refused[0][1]
    assert "something else was shown" in done.refused[1][1]
    assert states(project) == [ItemState.RETIRED, ItemState.LABELLED, ItemState.SENT, ItemState.NEW]
    assert [vote.label for vote in project.state.history(0)] == ["order"]  # kept, with the item that was shown
    assert project.state.history(3) == []
    told = consensus(project.state)
    assert (told[0].label, told[1].label, 3 in told) == ("order", "refund", False)
    assert project.state.progress(batch.number) == (1, 2)


def test_a_text_that_is_edited_back_has_its_label_again() -> None:
    project = World().filled(2)
    project.label([label(project, 0)], BY)
    keys = ["0", "1"]
    edited = [{"text": "edited"}, text(1)]
    for _ in range(3):  # each time again
        assert project.add_items(edited, BY, source="lake", keys=keys).retired == 1
        assert project.add_items(edited, BY, source="lake", keys=keys) == Added(known=2)
        assert states(project) == [ItemState.RETIRED, ItemState.NEW, ItemState.NEW]
        back = project.add_items([text(0), text(1)], BY, source="lake", keys=keys)
        assert (back.new, back.retired, back.revived) == (0, 1, 1)
        assert states(project) == [ItemState.LABELLED, ItemState.NEW, ItemState.RETIRED]
    assert project.state.count == 3
    assert not project.state.skipped


def test_an_item_under_two_keys_stays_until_both_have_changed() -> None:
    project = World().filled(1)
    same = project.add_items([text(0)], BY, source="lake", keys=["b"])
    assert (same.new, same.known) == (0, 1)
    assert project.add_items([text(7)], BY, source="lake", keys=["0"]).retired == 0
    assert project.add_items([text(8)], BY, source="lake", keys=["b"]).retired == 1
    assert states(project)[0] is ItemState.RETIRED
    assert project.catalog.keys_of(item_id(text(7))) == ["0"]
    assert project.catalog.keys_of(item_id(text(0))) == []


def test_rows_that_exchange_their_keys_are_the_same_items() -> None:
    project = World().filled(2)
    done = project.add_items([text(1), text(0)], BY, source="lake", keys=["0", "1"])
    assert (done.new, done.retired) == (0, 0)
    assert states(project) == [ItemState.NEW, ItemState.NEW]
    assert project.catalog.by_key("lake", "0") == 1


def test_keys_of_another_source_are_others() -> None:
    project = World().filled(2)
    done = project.add_items([text(5)], BY, source="sea", keys=["0"])
    assert (done.new, done.retired) == (1, 0)


def test_what_a_person_set_aside_stays_so_until_somebody_restores_it() -> None:
    project = World().filled(3)
    ids = [item_id(text(0)), item_id(text(1))]
    assert project.retire(ids, "names of customers", BY) == 2
    assert project.retire(ids, "again", BY) == 0
    why = project.state.why_retired(0)
    assert why is not None
    assert (why.why, why.changed) == ("names of customers", False)
    assert project.add_items([text(0)], BY, source="lake", keys=["0"]) == Added(known=1)
    assert states(project) == [ItemState.RETIRED, ItemState.RETIRED, ItemState.NEW]
    assert project.restore(ids[:1], "a mistake", BY) == 1
    assert states(project)[0] is ItemState.NEW
    with pytest.raises(NoSuchItem, match="the letter i and 20 digits"):
        project.retire(["text 0"], "no", BY)


def test_what_is_no_item_is_named_and_keeps_no_other_out() -> None:
    project = World().open()
    given: list[Any] = [text(0), {"text": float("inf")}, {}, text(1), text(2)]
    done = project.add_items(given, BY, source="lake", keys=["a", "b", "c", "a", "d"])
    assert (done.new, [place for place, _ in done.refused]) == (2, [0, 1, 2])
    assert "'a' stands twice" in done.refused[0][1]
    assert project.catalog.by_key("lake", "a") == project.catalog.number_of(item_id(text(1)))
    with pytest.raises(ValueError, match="keys: 1 for 2 items"):
        project.add_items([text(0), text(1)], BY, source="lake", keys=["a"])


def test_what_is_shown_beside_makes_no_other_item() -> None:
    project = World().open()
    project.configure({"items": {"show": ["text", "hint"]}}, BY)
    done = project.add_items([text(0) | {"lang": "en"}], BY, source="lake", beside=[{"hint": "x"}])
    again = project.add_items([text(0) | {"lang": "en"}], BY, source="lake", beside=[{"hint": "y"}])
    assert (done.new, again.known) == (1, 1)
    id = project.catalog.id_of(0)
    assert project.catalog.shown(id) == {"text": "text 0", "lang": "en", "hint": "x"}
    shown = item_id({"text": "text 0", "hint": "x"})
    assert project.label([Label(id, "order", "anna", shown=shown)], BY).new == 1


@settings(max_examples=examples(40))
@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=6), min_size=1, max_size=6))
def test_after_any_deliveries_the_catalog_says_what_the_source_says(given_: list[list[tuple[int, int]]]) -> None:
    """Keys and texts come and go; what the last delivery of each key said is what is not set aside."""
    world = World()
    project = world.open()
    now: dict[str, int] = {}
    for delivery in given_:
        rows = {str(key): number for key, number in delivery}
        project.add_items(map(text, rows.values()), BY, source="lake", keys=list(rows))
        project.add_items(map(text, rows.values()), BY, source="lake", keys=list(rows))
        now |= rows
    for reader in (project, world.open()):
        assert not reader.state.skipped
        for key, number in now.items():
            at = reader.catalog.by_key("lake", key)
            assert at is not None
            assert reader.catalog.id_of(at) == item_id(text(number))
        alive = {
            reader.catalog.id_of(number) for number in range(reader.state.count) if number not in reader.state.retired
        }
        assert alive == {item_id(text(number)) for number in now.values()}


def test_many_items_are_dealt_out_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "MOST_ITEMS", 4)
    world = World()
    project = world.filled(10)
    assert [part.items for part in project.state.parts] == [4, 4, 2]
    again = world.open()
    assert again.catalog.contents(again.catalog.ids_of([9, 0, 4])) == [text(9), text(0), text(4)]


def test_a_part_that_is_gone_or_torn_takes_no_other_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "MOST_ITEMS", 4)
    for damage in ("gone", "torn", "changed", "later"):
        store = MemoryStore()
        World(store).filled(12)
        keys = store.list(f"_annotation/intents/{ITEMS}")
        whole = store.get(keys[1])
        if damage == "gone":
            store.delete(keys[1])
        elif damage == "torn":
            store.put(keys[1], whole[: len(whole) // 2])
        elif damage == "changed":
            store.put(keys[1], whole.replace(b"text 5", b"text 6"))
        else:
            store.put(keys[1], whole.replace(b'"version":1', b'"version":2'))
        project = World(store).open()
        assert project.catalog.content(item_id(text(11))) == text(11)
        assert project.label([label(project, 0), Label(item_id(text(5)), "order", "anna")], BY).new == 1
        with pytest.raises(NoSuchItem, match="can't be read"):
            project.catalog.id_of(5)
        with pytest.raises(DamagedParts, match="000001-"):
            project.add_items([text(5)], BY, source="lake")
        store.put(keys[1], whole)
        assert World(store).open().add_items([text(5)], BY, source="lake") == Added(known=1)


def test_each_part_is_read_once() -> None:
    class Counting(MemoryStore):
        reads = 0

        def get(self, key: str) -> bytes:
            self.reads += ITEMS in key
            return super().get(key)

    store = Counting()
    World(store).filled(5)
    project = World(store).open()
    for number in (0, 4, 2):
        project.catalog.content(project.catalog.id_of(number))
        project.refresh()
    assert store.reads == 1


def test_content_that_does_not_fit_into_memory_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "MOST_ITEMS", 4)
    monkeypatch.setattr(held_module, "HELD", 1)
    store = MemoryStore()
    World(store).filled(10)
    project = World(store).open()
    for number in (9, 0, 4, 1, 9):
        assert project.catalog.content(item_id(text(number))) == text(number)
    key = store.list(f"_annotation/intents/{ITEMS}")[0]
    store.put(key, store.get(key)[:-3])
    with pytest.raises(DamagedParts, match="000000-"):
        project.catalog.content(item_id(text(0)))
    assert project.catalog.content(item_id(text(9))) == text(9)


def test_catalogs_share_what_they_hold_and_one_that_is_gone_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "MOST_ITEMS", 4)
    held, store = HeldParts(700), MemoryStore()
    projects = []
    for name in ("first", "second"):
        project = Project.open(store, name, held=held)
        project.add_items([text(n) for n in range(8)], BY, source="texts")
        projects.append(project)
    for project in (*projects, *projects):
        for number in range(8):
            assert project.catalog.content(item_id(text(number))) == text(number)
        assert 0 < held.bytes <= 700
    assert len(held) < 4
    del project, projects
    gc.collect()
    assert held.get(0, 0) is None
    assert (len(held), held.bytes) == (0, 0)


def test_a_catalog_reads_anew_where_a_record_of_items_is_void_since() -> None:
    """Two writers at a place whose object could not be read at once: the journal is folded anew, and so is this."""
    store = MemoryStore()
    parts = []
    for at in (0, 1):
        data = encode_part(0, [line_of(content_of(text(at)), {})])
        parts.append(Part(digest_of(data), 0, 1))
        store.put(part_key("", 0, digest_of(data)), data)
    known = [parts[0]]
    catalog = Catalog(store, "", lambda: known)
    assert catalog.id_of(0) == item_id(text(0))
    known[:] = [parts[1]]
    assert catalog.id_of(0) == item_id(text(1))
    assert catalog.find(item_id(text(0))) is None
    known.clear()
    assert len(catalog) == 0


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "x" * 151, "a..b"])
def test_what_is_no_name_of_a_project_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a project"):
        Project.open(MemoryStore(), name)
