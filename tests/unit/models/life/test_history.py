"""What the bucket tells of the past: what happened, what was in use, how long everything took."""

from __future__ import annotations

import pytest

from automl_core.journal import Record
from automl_core.models.life import Life, history, in_use_at, interval_key, iterations_per_month, lead_time
from automl_core.models.life.history import Month, in_use
from automl_core.storage.testing import CountingStore
from tests.unit.models.life.world import ANNA, BEN, DAG, World, evidence

DAY = 86_400.0


@pytest.fixture
def world() -> World:
    return World()


def test_what_was_in_use_at_a_time_by_whom_accepted_on_what_evidence(world: World) -> None:
    start = world.clock.now
    one = world.in_use("r1")
    world.clock.now += DAY
    two = world.offered("r2")
    digest = world.evaluated(two)
    world.open().accept(two, digest, BEN, "fewer errors")
    world.clock.now += 60
    world.open().put_in_use(two, DAG)
    world.clock.now += DAY
    world.open().take_back(two, ANNA, "wrong on holidays")
    at = {when: in_use_at(world.store, "churn", when) for when in (0.0, start, start + DAY + 60, world.clock.now)}
    assert (at[0.0].champion, at[0.0].shares, at[0.0].since) == (None, {}, None)
    assert (at[start].champion, at[start].accepted[one].by) == (one, ANNA)
    middle = at[start + DAY + 60]
    assert (middle.champion, middle.cause, middle.since) == (two, "in_use", start + DAY + 60)
    accepted = middle.accepted[two]
    assert (accepted.by, accepted.time, accepted.evidence, accepted.note) == (BEN, start + DAY, digest, "fewer errors")
    last = at[world.clock.now]
    assert (last.champion, last.cause, last.by, last.why) == (one, "taken_back", ANNA, "wrong on holidays")
    assert last.accepted[one].by == ANNA
    assert in_use_at(world.store, "none", 0.0).champion is None


def test_ten_thousand_records_cost_as_little(world: World) -> None:
    """The state folded from ten thousand records, its snapshot, and a tail behind it, as writers leave them."""
    world.in_use()
    life = world.open()
    state, time = life.state, world.clock.now

    def data(day: int) -> dict[str, object]:
        start = day * DAY
        return {"key": interval_key(start, start + DAY), "start": start, "end": start + DAY, "version": 1,
                "run": f"scheduled__{day}", "generation": 1, "attempt": 1, "why": ""}  # fmt: skip

    day = 0
    while state.seq < 9_970:
        ended = {**data(day), "rows": 1_000, "out": f"s3://lake/scores/ds={day}/", "digest": "0" * 64}
        for kind, body in (("interval_begun", data(day)), ("interval_ended", ended)):
            time += 1.0
            assert state.apply(Record(state.seq + 1, "", time, kind, body)) is None
            world.store.put(f"_models/churn/journal/{state.seq:010d}.json", b"{}")  # a listing goes past it
        day += 1
    life.journal.write_snapshot()
    while life.state.seq < 10_000:
        world.clock.now = time = time + 1.0
        claim = life.begin_interval(data(day)["key"], day * DAY, (day + 1) * DAY, 1, run="x")  # type: ignore[arg-type]
        life.end_interval(claim, rows=1, out="o", digest="d")
        day += 1
    assert len(state.encode()) < 100_000
    for when in (None, 1_000_000.0):
        counting = CountingStore(world.store)
        assert in_use_at(counting, "churn", when).champion == 1
        assert counting.total <= 10, counting.calls
    assert len(life.state.scoring.done) == day
    assert Life.decode(life.state.encode()) == life.state


def test_history_tells_all_in_order(world: World) -> None:
    life = world.open()
    life.ask_retraining("churn", {"cause": "loss"}, DAG, at_most=1, within=1.0)
    version = world.offered()
    digest = world.evaluated(version)
    world.asked(version, digest)
    world.clock.now += 10
    world.open().accept(version, digest, ANNA, "good")
    life = world.open()
    life.put_in_use(version, DAG)
    claim = life.begin_interval(interval_key(0, DAY), 0, DAY, version, run="a")
    life.end_interval(claim, rows=7, out="o", digest="d")
    life.evaluated(version, evidence(version, version, "today", ok=None))
    world.clock.now += 10
    life.take_back(version, BEN, "bad")
    life.retire(version, BEN, "never again")
    life.note_removed(version, BEN)
    events = history(life.state)
    assert sorted(each.kind for each in events) == sorted([
        "retraining", "offered", "evaluated", "asked", "accepted", "in_use", "scored", "checked", "taken_back",
        "retired", "removed",
    ])  # fmt: skip
    assert [each.time for each in events] == sorted(each.time for each in events)
    texts = {each.kind: each.text for each in events}
    assert texts["accepted"] == "version 1 accepted by anna (rest): good"
    assert texts["taken_back"] == "version 1 taken back by ben (airflow); nothing is in use: bad"
    assert texts["scored"] == "version 1 scored 7 rows of 1970-01-01T00:00:00Z/1970-01-02T00:00:00Z"
    assert texts["checked"] == "version 1 checked against version 1: it can't tell"
    late = history(life.state, since=1_000_020.0)
    assert {each.kind for each in late} == {"taken_back", "retired", "removed"}
    assert not history(life.state, until=999.0)


def test_what_was_in_use_by_the_state_is_what_the_records_up_to_then_say(world: World) -> None:
    times = []
    for run in ("r1", "r2", "r3"):
        world.in_use(run)
        times.append(world.clock.now)
        world.clock.now += 100
    world.open().take_back(3, ANNA, "bad")
    life = world.open()
    records = list(life.journal.records())
    for time in (*times, *(each + 50 for each in times), world.clock.now):
        until = Life()
        for record in records:
            if record.time <= time:
                until.apply(record)
        assert in_use(life.state, time).champion == until.champion
        assert in_use(life.state, time).shares == until.shares_now()


def test_lead_time_by_stages_with_waiting_for_people_apart(world: World) -> None:
    source, copy_from = world.publish("r1")
    world.clock.now = 2_000_000.0
    source = type(source)(source.storage, "churn", "r1", source.prefix, started=1_990_000.0, published=1_999_000.0)
    life = world.open()
    version = life.offer(source, copy_from, DAG).number

    def after(seconds: float) -> None:
        world.clock.now += seconds

    after(30)
    digest = life.evaluated(version, evidence(version, None))
    after(2)
    life.ask(version, digest, until=world.clock.now + 1000)
    after(600)
    life.expire(version, digest)
    after(40)
    digest = life.evaluated(version, evidence(version, None, "again"))
    after(3)
    life.ask(version, digest, until=world.clock.now + 9000)
    after(7200)
    life.accept(version, digest, ANNA)
    after(5)
    life.put_in_use(version, DAG)
    after(3600)
    life.end_interval(life.begin_interval("k", 0, 1, version, run="a"), rows=1, out="o", digest="d")
    stages = {each.name: each.seconds for each in lead_time(life.state, version)}
    assert stages == {
        "training": 9_000.0, "to offer": 1_000.0, "evaluating": 30.0, "asking": 5.0, "waiting for people": 7_840.0,
        "to use": 5.0, "rolling out": None, "to first score": 3_600.0,
    }  # fmt: skip
    assert [each.name for each in lead_time(life.state, version) if each.people] == ["waiting for people"]
    fresh = world.offered("r2")
    assert {each.seconds for each in lead_time(world.open().state, fresh)[2:]} == {None}


def test_iterations_by_month_empty_ones_too(world: World) -> None:
    assert iterations_per_month(world.open().state) == []
    world.clock.now = 1_793_000_000.0  # 2026-10-26
    world.in_use("r1")
    world.offered("r2")
    world.clock.now += 70 * DAY
    version = world.offered("r3")
    world.open().reject(version, world.evaluated(version), ANNA)
    assert iterations_per_month(world.open().state) == [
        Month("2026-10", 2, 1, 1), Month("2026-11", 0, 0, 0), Month("2026-12", 0, 0, 0), Month("2027-01", 1, 1, 0),
    ]  # fmt: skip
