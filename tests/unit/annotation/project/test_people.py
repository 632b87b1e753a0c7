"""Batches, tasks, leases, labels, and what of them is history."""

from __future__ import annotations

import json
import random

import pytest

from automl_core.annotation.items import NoSuchItem, pack
from automl_core.annotation.project import Chosen, ItemState, Label, Project, Refused, Source
from automl_core.annotation.project import looping as looping_module
from automl_core.annotation.project import people as people_module
from automl_core.annotation.project.columns import pack_column, pack_votes
from automl_core.annotation.project.labels import Vote
from automl_core.journal import Record
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.project.world import BY, Clock, World, label

LEASE = 60.0


def numbers(project: Project, ids: list[str]) -> list[int]:
    return [project.catalog.number_of(id) for id in ids]


def claim(world: World, who: str, many: int = 10, lease: float = LEASE) -> list[int]:
    project = world.open()
    return numbers(project, project.claim(who, many, lease))


# --- tasks ------------------------------------------------------------------------------------------


def test_tasks_come_in_the_order_of_their_priority_and_never_to_two() -> None:
    world = World()
    world.sent([5, 2, 8, 1])
    assert claim(world, "anna", 2) == [5, 2]
    assert claim(world, "ben", 3) == [8, 1]
    assert claim(world, "carl") == []
    assert claim(world, "anna", 3) == [5, 2]  # asked again: what she has


def test_asking_again_writes_nothing_while_the_lease_is_fresh_and_renews_it_later() -> None:
    world = World()
    world.sent([5, 2])
    assert claim(world, "anna", 2) == [5, 2]
    seq = world.open().state.seq
    world.clock.now += LEASE / 2 - 1
    assert claim(world, "anna", 2) == [5, 2]
    assert world.open().state.seq == seq
    world.clock.now += 2
    assert claim(world, "anna", 2) == [5, 2]
    assert world.open().state.seq == seq + 1
    world.clock.now += LEASE - 1
    assert claim(world, "ben") == []


def test_a_task_whose_lease_is_over_is_another_s_and_a_late_answer_is_kept() -> None:
    world = World()
    world.sent([5, 2])
    claim(world, "anna", 1)
    world.clock.now += LEASE
    assert claim(world, "ben", 1) == [5]
    project = world.open()
    project.label([label(project, 5, "order", "anna")], BY)  # she was slow: it is hers all the same
    assert project.state.status(5) is ItemState.LABELLED
    assert claim(world, "ben", 5) == [2]  # there is no need to ask him now
    project.refresh()
    project.label([label(project, 5, "refund", "ben")], BY)
    assert [vote.author for vote in project.state.answers(5)] == ["anna", "ben"]


def test_a_task_for_several_is_with_so_many_and_with_nobody_twice() -> None:
    world = World()
    world.sent([5], votes=2)
    assert claim(world, "anna") == [5]
    assert claim(world, "ben") == [5]
    assert claim(world, "carl") == []
    project = world.open()
    project.label([label(project, 5, author="anna")], BY)
    assert project.state.status(5) is ItemState.SENT
    assert claim(world, "anna") == []  # she has answered
    assert claim(world, "carl") == []  # ben has it
    project.release("ben", [project.catalog.id_of(5)])
    assert project.state.claims == {}  # hers went with her answer
    assert claim(world, "anna") == []  # one more is wanted, of somebody else
    assert claim(world, "carl") == [5]
    project = world.open()
    project.label([label(project, 5, author="carl")], BY)
    assert project.state.status(5) is ItemState.LABELLED
    assert project.state.progress(1) == (1, 1)


def test_what_somebody_gives_back_is_free_at_once() -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    ids = project.claim("anna", 2, LEASE)
    assert project.release("anna", ids[:1]) == 1
    assert project.release("anna", ids[:1]) == 0
    assert project.release("ben", ids) == 0
    assert claim(world, "ben") == [5]


def test_tasks_of_files_are_not_on_the_page() -> None:
    world = World()
    project = world.filled()
    project.send(1, world.chosen(project, [3]), "files", 1, BY)
    assert claim(world, "anna") == []
    assert numbers(project, project.claim("anna", 1, LEASE, to="files")) == [3]


@pytest.mark.parametrize("where", ["page", "label-studio"])
def test_who_is_asked_again_and_says_the_same_has_answered(where: str) -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    first = [label(project, number, where=where, time=world.clock.now) for number in (5, 2)]
    project.label(first, BY)
    world.clock.now += 10
    project.end_round(1, {}, BY)
    project.begin_round(2, BY)
    project.send(2, world.chosen(project, [5], "suspect"), "page", 1, BY, price=0.07)
    world.clock.now += 10
    if where != "page":
        assert project.label(first, BY).same == 2  # that was the answer to the batch before
        assert project.state.progress(2) == (0, 1)
    again = [label(project, 5, where=where, time=world.clock.now)]
    assert project.label(again, BY).same == 1
    assert (project.state.progress(2), project.state.open_tasks()) == ((1, 1), [])
    assert [(vote.batch, vote.kind, vote.price) for vote in project.state.history(5)] == [
        (1, "useful", 0.05), (2, "suspect", 0.07),
    ]  # fmt: skip
    seq = project.state.seq
    assert project.label([*again, *again], BY).same == 2
    assert project.state.seq == seq


def test_a_second_look_is_another_s_first() -> None:
    world = World()
    world.sent([5])
    project = world.open()
    project.label([label(project, 5)], BY)
    project.end_round(1, {}, BY)
    project.begin_round(2, BY)
    project.send(2, world.chosen(project, [5, 6], "suspect"), "page", 1, BY)
    assert project.state.status(5) is ItemState.SENT
    assert claim(world, "anna", 1) == [6]
    assert claim(world, "ben", 1) == [5]


@pytest.mark.parametrize(
    ("who", "lease"), [("", 1.0), ("  ", 1.0), ("anna", 0.0), ("anna", -1.0), ("anna", float("nan"))]
)
def test_a_claim_has_a_name_and_lasts_a_while(who: str, lease: float) -> None:
    with pytest.raises(ValueError, match=r"name|seconds"):
        World().filled().claim(who, 1, lease)


# --- batches ----------------------------------------------------------------------------------------


def test_a_round_sends_a_batch_of_a_name_once_whatever_is_chosen_then() -> None:
    world = World()
    first = world.sent([5, 2])
    project = world.open()
    again = project.send(1, world.chosen(project, [7]), "page", 1, BY)
    assert (again, again.items) == (first, [5, 2])
    gold = project.send(1, world.chosen(project, [7], "gold"), "page", 2, BY, name="gold")
    assert (gold.number, gold.items, gold.of_kind("gold")) == (2, [7], [7])
    assert [each.reason for each in project.choices(1)] == ["because", "because"]


def test_what_is_closed_meanwhile_is_left_out() -> None:
    world = World()
    project = world.filled()
    chosen = world.chosen(project, [1, 2, 3, 2])
    project.retire([chosen[0].item], "no", BY)
    project.send(1, chosen[1:2], "page", 1, BY, name="first")
    batch = project.send(1, chosen, "page", 1, BY)
    assert (batch.items, batch.of, batch.complete) == ([3], 3, True)


def test_a_large_batch_goes_in_several_records_and_is_completed_by_whoever_sends_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people_module, "MOST_SENT", 3)
    world = World()
    project = world.filled()
    project.send(1, world.chosen(project, [9, 8, 7, 6, 5, 4, 3]), "page", 1, BY)
    whole = project.state.batches[1]
    assert (whole.items, whole.complete) == ([9, 8, 7, 6, 5, 4, 3], True)
    half = World()
    half.filled()
    for key in list(project.store.list("_annotation/")):  # a sender that died after its second record
        if "journal" not in key or key.endswith(tuple(f"{seq:010d}.json" for seq in range(project.state.seq))):
            half.store.put(key, project.store.get(key))
    half.store.delete("_annotation/intents/journal-snapshot.json.gz")
    broken = half.open()
    assert (broken.state.batches[1].items, broken.state.batches[1].complete) == ([9, 8, 7, 6, 5, 4], False)
    assert broken.send(1, half.chosen(broken, [0, 1]), "page", 1, BY).items == whole.items


def test_a_batch_that_is_over_leaves_what_nobody_answered_and_takes_what_comes_late() -> None:
    world = World()
    world.sent([5, 2], kind="stratum")
    project = world.open()
    ids = project.claim("anna", 2, LEASE)
    project.label([label(project, 5)], BY)
    project.close_batch(1, "the time is over", BY)
    assert project.close_batch(1, "again", BY).why == "the time is over"
    assert [project.state.status(number) for number in (5, 2)] == [ItemState.LABELLED, ItemState.NEW]
    assert (project.state.claims, project.state.open_tasks()) == ({}, [])
    project.label([Label(ids[1], "order", "anna", where="page")], BY)
    vote = project.state.answers(2)[0]
    assert (vote.batch, vote.kind, vote.price, vote.round) == (1, "stratum", 0.05, 1)
    assert project.state.stratum() == {2, 5}


def test_the_end_of_a_batch_leaves_what_another_batch_asks_again() -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    project.label([label(project, 5)], BY)
    project.send(1, world.chosen(project, [5], "audit"), "page", 1, BY, name="audit")
    project.close_batch(1, "the time is over", BY)
    assert project.state.open_tasks() == [5]
    assert [project.state.status(number) for number in (5, 2)] == [ItemState.SENT, ItemState.NEW]


def test_a_record_that_sends_what_people_are_asked_about_already_is_skipped() -> None:
    world = World()
    world.sent([5, 2])
    state = world.open().state
    data = {
        "batch": 2, "round": 1, "name": "x", "to": "page", "votes": 1, "until": None, "price": 0.0, "digest": "",
        "of": 1, "at": 0, "read": 1, "items": [5], "kinds": ["a"], "by": {"name": "x", "how": "dag"},
    }  # fmt: skip
    assert "asked about it already" in (state.apply(Record(state.seq + 1, "x", state.updated, "sent", data)) or "")
    assert state.apply(Record(state.seq + 1, "x", state.updated, "sent", data | {"items": [6]})) is None


def test_nothing_is_sent_of_what_is_not_there_or_in_a_round_that_is_over() -> None:
    project = World().filled()
    with pytest.raises(NoSuchItem):
        project.send(1, [Chosen("i" + "0" * 20)], "page", 1, BY)
    with pytest.raises(Refused, match="no round 2: 1 to 1"):
        project.send(2, [], "page", 1, BY)
    with pytest.raises(Refused, match="for one person at least"):
        project.send(1, [], "page", 0, BY)
    project.end_round(1, {}, BY)
    with pytest.raises(Refused, match="round 1 ended"):
        project.send(1, [], "page", 1, BY)


# --- labels -----------------------------------------------------------------------------------------


def test_an_answer_has_all_that_the_ledger_asks_for() -> None:
    world = World()
    world.sent([5], kind="stratum")
    project = world.open()
    world.clock.now = 1_000_100.5
    project.label([label(project, 5)], BY)
    (vote,) = project.state.answers(5)
    assert (vote.item, vote.label, vote.author, vote.source, vote.seconds) == (5, "order", "anna", Source.PERSON, 2.5)
    assert (vote.price, vote.time, vote.kind, vote.where, vote.round, vote.batch) == (
        0.05, 1_000_100.5, "stratum", "page", 1, 1,
    )  # fmt: skip


def test_a_change_of_mind_counts_is_kept_and_is_not_paid_again() -> None:
    world = World()
    world.sent([5])
    project = world.open()
    project.label([label(project, 5, "order")], BY)
    done = project.label([label(project, 5, "refund")], BY)
    assert (done.new, done.same, done.changed) == (0, 0, 1)
    assert project.label([label(project, 5, "refund")], BY).same == 1
    assert [vote.label for vote in project.state.history(5)] == ["order", "refund"]
    assert [vote.label for vote in project.state.answers(5)] == ["refund"]
    assert [vote.price for vote in project.state.history(5)] == [0.05, 0.0]
    assert project.label([label(project, 5, "order")], BY).changed == 1  # and back: on a page the last one counts
    assert [vote.label for _, vote in project.state.counting()] == ["order"]


@pytest.mark.parametrize("time", [None, 999_000.0])
def test_a_file_that_is_brought_twice_adds_nothing_and_undoes_nothing(time: float | None) -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    lines = [label(project, number, where="file", time=time) for number in (5, 2)]
    assert project.label(lines, BY).new == 2
    assert project.label(lines, BY).same == 2
    world.clock.now += 10
    project.label([label(project, 5, "refund", where="page")], BY)
    seq = project.state.seq
    assert project.label(lines, BY).same == 2
    assert project.state.seq == seq
    assert [vote.label for vote in project.state.answers(5)] == ["refund"]


@pytest.mark.parametrize("where", ["file", "data", "label-studio"])
def test_a_file_that_says_again_what_it_had_changed_says_something_new(where: str) -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    for what, wanted in (("order", (1, 0)), ("refund", (0, 1)), ("order", (0, 1))):
        world.clock.now += 10
        done = project.label([label(project, 5, what, where=where)], BY)
        assert (done.new, done.changed) == wanted
    assert [vote.label for vote in project.state.answers(5)] == ["order"]
    assert project.label([label(project, 5, "order", where=where)], BY).same == 1
    told_once_more = label(project, 5, "refund", where=where, again=True)
    assert project.label([told_once_more], BY).same == 1, "of a file that is known, it is nothing new"
    assert [vote.label for vote in project.state.history(5)] == ["order", "refund", "order"]


def test_a_clock_that_is_a_day_ahead_ends_nobodys_lease_and_leaves_no_time_behind() -> None:
    clock = Clock()
    world = World(MemoryStore(clock=clock))
    world.clock = clock
    world.sent([5, 2, 7])
    assert claim(world, "anna", 1, lease=600.0) == [5]
    clock.now += 120
    ahead = world.open(skew=86_400.0)
    assert [ahead.catalog.number_of(each) for each in ahead.claim("ben", 3, 600.0)] == [2, 7], "anna has hers still"
    assert ahead.state.claimed_by("anna", clock.now)
    assert ahead.state.updated == pytest.approx(clock.now), "what it writes bears the store's time"
    assert world.open().now() == pytest.approx(clock.now)
    clock.now += 600
    assert claim(world, "carl", 3) == [5, 2, 7], "a lease ends for all at the same time"


def test_the_store_is_asked_for_the_time_once_and_only_where_a_clock_may_be_wrong() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    world = World(store)
    world.clock = clock
    world.sent([5, 2, 7])
    asked: list[str] = []
    put, store.put = store.put, lambda key, data: (asked.append(key), put(key, data))[1]  # type: ignore[method-assign]
    project = world.open()
    project.claim("anna", 1, 600.0)
    assert not any("clock" in key for key in asked), "it is with the newest record"
    clock.now += 3600
    for who in ("ben", "carl"):
        project.claim(who, 1, 600.0)
    assert sum("clock" in key for key in asked) == 1
    assert not [key for key in store.list() if "clock" in key]


def test_what_was_said_before_is_history_when_it_comes_later() -> None:
    world = World()
    world.sent([5])
    project = world.open()
    project.label([label(project, 5, "refund", where="label-studio", time=999_990.0)], BY)
    done = project.label([label(project, 5, "order", where="file", time=999_000.0)], BY)
    assert (done.older, done.changed, done.same) == (1, 0, 0)
    assert [vote.label for vote in project.state.history(5)] == ["refund", "order"]
    said = project.state.answer_by(5, "anna")
    assert said is not None
    assert {said.label, project.state.answers(5)[0].label} == {"refund"}
    assert [(place, vote.label) for place, vote in project.state.counting()] == [(0, "refund")]
    assert project.label([label(project, 5, "refund", where="label-studio", time=999_995.0)], BY).same == 1
    ahead = label(project, 5, "other", where="label-studio", time=world.clock.now + 3600)  # their clock is ahead
    assert project.label([ahead], BY).changed == 1
    assert project.label([label(project, 5, "order")], BY).changed == 1  # what is said here and now counts
    assert project.state.answers(5)[0].label == "order"


def test_who_cannot_tell_has_answered_and_is_not_asked_again() -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    project.claim("anna", 1, LEASE)
    assert project.label([label(project, 5, skipped=True)], BY).new == 1
    assert project.state.status(5) is ItemState.LABELLED
    assert project.state.progress(1) == (1, 2)
    assert claim(world, "anna") == [2]
    project.refresh()
    assert project.label([label(project, 5, "order")], BY).changed == 1


def test_imported_labels_answer_no_task() -> None:
    world = World()
    world.sent([5])
    project = world.open()
    project.label([label(project, 5, author="lake", source=Source.IMPORTED, where="file")], BY)
    assert project.state.status(5) is ItemState.SENT
    assert claim(world, "anna") == [5]
    assert project.state.history(5)[0].price == 0.0


def test_gold_is_what_came_as_such() -> None:
    world = World()
    world.sent([5, 2], kind="gold")
    project = world.open()
    project.label([label(project, 5, "refund", "lake", source=Source.IMPORTED, kind="gold")], BY)
    project.label([label(project, 5, "order"), label(project, 2, "order")], BY)
    assert project.state.gold() == {5: "refund"}
    assert [vote.kind for vote in project.state.answers(2)] == ["gold"]


def test_labels_that_are_none_are_named_and_keep_no_other_out() -> None:
    world = World()
    world.sent([5, 2])
    project = world.open()
    id = project.catalog.id_of(5)
    wrong = {
        "no item 'i00000000000000000000'": Label("i" + "0" * 20, "order", "anna"),
        "the letter i and 20 digits": Label("five", "order", "anna"),
        "did you mean 'order'": Label(id, "ordr", "anna"),
        "nobody is named": Label(id, "order", " "),
        "there is no label": Label(id, "", "anna"),
        "skipped, and yet": Label(id, "order", "anna", skipped=True),
        "taken by a threshold": Label(id, "order", "a & b", source=Source.MODELS),
        "seconds -1": Label(id, "order", "anna", seconds=-1),
        "price inf": Label(id, "order", "anna", price=float("inf")),
        "seconds since 1970": Label(id, "order", "anna", time=1_700_000_000_000.0),
        "before 1970": Label(id, "order", "anna", time=float("nan")),
        "no random sample": Label(id, "order", "lake", source=Source.IMPORTED, kind="stratum"),
        "bytes, where": Label(id, "x" * 30_000, "anna"),
    }
    done = project.label([*wrong.values(), label(project, 2)], BY)
    assert (done.new, [place for place, _ in done.refused]) == (1, list(range(len(wrong))))
    for words, (_, why) in zip(wrong, done.refused, strict=True):
        assert words in why
    assert project.state.history(5) == []


def test_the_largest_record_is_below_a_hundred_kilobytes() -> None:
    """Of the limits as they are, with numbers of items that have seven digits and nothing that repeats."""
    rng = random.Random(0)
    votes = [
        Vote(rng.randrange(10**6, 10**7), "x" * 14, f"p{rng.randrange(50)}", Source.PERSON,
             round(1.7e9 + rng.uniform(0, 1e7), 3), round(rng.uniform(0, 100), 2), kind="stratum", batch=1)
        for _ in range(people_module.MOST_LABELS)
    ]  # fmt: skip
    assert len(json.dumps(pack_votes(votes), separators=(",", ":"))) < 100_000
    items = rng.sample(range(10**6, 10**7), people_module.MOST_SENT)
    kinds = pack_column([rng.choice(["stratum", "useful", "bad case"]) for _ in items])
    assert len(json.dumps([items, kinds], separators=(",", ":"))) < 100_000
    taken = {f"class {at}": pack(rng.sample(range(10**6), looping_module.MOST_TAKEN // 50)) for at in range(50)}
    assert len(json.dumps(taken)) < 100_000


def test_many_labels_go_in_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "MOST_LABELS", 3)
    monkeypatch.setattr(people_module, "MOST_LABEL_BYTES", 40)
    project = World().filled()
    seq = project.state.seq
    assert project.label([label(project, number) for number in range(8)], BY).new == 8
    assert project.state.seq == seq + 3
    assert project.label([label(project, 9, author="a" * 30), label(project, 8, author="b" * 30)], BY).new == 2
    assert project.state.seq == seq + 5
