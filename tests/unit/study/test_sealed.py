"""Trials that are set apart in segments: the state says what it says without them, whatever breaks off and whenever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automl_core.journal import JOURNAL, SEGMENTS, SNAPSHOT, LaterFormat, Record
from automl_core.journal.segments import LostSegment, name_of, read_segments
from automl_core.journal.snapshots import decode_snapshot
from automl_core.results.entries import counts, ended_at, experiment_state, has_ended
from automl_core.results.summary import summary
from automl_core.search.base import Limit, LongHistory, PastTrial, ranked, seen_keys
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal, sealed
from automl_core.study import state as states
from automl_core.study.chunks import CHUNK_VERSION, chunks_in
from automl_core.study.history import history_of, past_in, past_trial
from automl_core.study.progress import progress_of
from automl_core.study.sealed import Sealed
from automl_core.study.state import State, Work, pack_curve
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import DyingStore, Killed

PREFIX = "e/run/"
CHUNK, KEPT, FEW = 3, 1, 2


def experiment(**trials: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "e",
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "evolution", "seed": 3},
            "space": {
                "z": {"type": "uniform", "low": 0, "high": 1},
                "kind": {"type": "choice", "values": ["a", "b\n"]},
                "a": {"type": "int", "low": 0, "high": 10**6},
            },
            "trials": {"max": 400, "concurrency": 8, "retries": 1, "canary": False, **trials},
            "tasks": [{"name": "train", "command": ["true"]}],
        }
    )


@contextmanager
def small_chunks() -> Iterator[None]:
    """Chunks of three trials, two segments joined at a time: what a long experiment does, in a few records."""
    with (
        mock.patch.multiple(states, CHUNK=CHUNK, KEPT=KEPT),
        mock.patch.multiple(sealed, CHUNK=CHUNK, KEPT=KEPT, FEW=FEW),
    ):
        yield


@pytest.fixture
def chunked() -> Iterator[None]:
    with small_chunks():
        yield


def again(state: State) -> State:
    """The state as a new process reads it from a snapshot written now."""
    state.seal()
    bodies = state.segments()
    assert all(name_of(body) == name for name, body in bodies.items())
    return State.decode_with(state.encode(), bodies) if bodies else State.decode(state.encode())


# --- the state is the same ------------------------------------------------------------------------

KINDS = ("bind", "bind", "bind", "end", "end", "end", "fail", "promote", "clear", "warn", "cancel", "label", "lost",
         "close", "external", "nonsense", "snapshot", "snapshot")  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 10**6)), min_size=20, max_size=80)


def record_of(kind: str, choice: int, state: State) -> tuple[str, dict[str, Any]]:
    """A record that may follow, or may not: those that can't be true are skipped."""
    slots, running = len(state.works), [work.slot for work in state.unended]
    slot = choice % max(1, slots)
    mine = running[choice % len(running)] if running else slot
    work = state.works.get(mine)
    last = work.last_attempt() if work is not None else None
    attempt = {"slot": mine, "task": 0, "attempt": last.number if last is not None else 1}
    value = choice / 10**6
    end = attempt | {"last": True, "retry": choice % 5 == 0, "cost": value / 3, "curve": "", "metrics": {}}
    if kind == "bind":
        params = {"z": value, "kind": "b\n" if choice % 2 else "a", "a": choice}
        if choice % 3:
            params = dict(reversed(params.items()))
        return "bound", {
            "slot": slots,
            "trial": len(state.trials),
            "params": params,
            "seen": 1,
            "budget": 1 + choice % 2,
        }
    if kind == "promote":
        number = choice % max(1, len(state.trials))
        return "bound", {"slot": slots, "trial": number, "budget": 3 + choice % 4, "rung": 1, "bracket": 0}
    if kind == "end":
        outcome = ("SUCCEEDED", "EARLY_STOPPED")[choice % 2]
        return "ended", end | {
            "state": outcome, "value": value, "step": choice % 7, "metrics": {"accuracy": value}, "retry": False,
            "curve": pack_curve([(0, value), (1, 0.25)]) if choice % 3 else "",
        }  # fmt: skip
    if kind == "fail":
        return "ended", end | {"state": "FAILED", "reason": "it broke", "error": str(choice % 2), "value": value}
    data: dict[str, tuple[str, dict[str, Any]]] = {
        "clear": ("attempt", {"slot": slot, "task": 0, "worker": "ann"}),
        "warn": ("note", {"warning": "other data", "slot": str(slot), "task": 0, "attempt": 1}),
        "cancel": ("cancel", {"trial": choice % max(1, len(state.trials)), "by": "ann"}),
        "label": ("note", {"trial": choice % max(1, len(state.trials)), "label": {"name": "x"}, "by": "ben"}),
        "lost": ("lost", attempt),
        "close": ("closed", {"slot": mine, "state": "SYS_CANCELED", "reason": "gone"}),
        "external": ("external", attempt | {"id": "pod", "began": 5.0}),
        "nonsense": ("ended", {"slot": [], "trial": "x"}),
    }
    return data[kind]


def says_the_same(one: State, other: State, spec: Experiment) -> None:
    """Whatever anybody asks of a state."""
    assert one == other
    assert list(one.order) == list(other.order)
    assert one.order[-3:] == other.order[-3:]
    assert dict(one.works) == dict(other.works)
    assert one.trials[-2:] == other.trials[-2:]
    assert (one.cost, one.proven, one.running) == (other.cost, other.proven, other.running)
    assert one.combinations() == other.combinations() == {Space.key(trial.params) for trial in one.trials}
    assert [list(trial.params) for trial in one.trials] == [list(trial.params) for trial in other.trials]
    assert progress_of(one, spec, 2e9) == progress_of(other, spec, 2e9)
    mine, theirs = history_of(one, spec), history_of(other, spec)
    assert list(mine) == list(theirs) == [past_trial(other, trial, -1.0) for trial in other.trials]
    assert [list(past.params) for past in mine] == [list(past.params) for past in theirs]
    assert isinstance(mine, LongHistory)
    assert list(mine.losses()) == [past.loss for past in theirs]
    assert list(mine.states()) == [past.state for past in theirs]
    assert seen_keys(mine) == seen_keys(list(theirs))
    assert ranked(mine) == ranked(list(theirs))
    assert ranked(mine, 2) == ranked(list(theirs))[:2]


GOES_ON = [*[("bind", 0)] * 14, *[("end", 0)] * 4, ("snapshot", 0), ("clear", 0)]
"""A trial that was set apart runs again, beside those that never ended."""


@settings(max_examples=examples(40))
@given(steps=STEPS)
@example(steps=GOES_ON)
def test_a_state_from_segments_is_that_of_all_records(steps: list[tuple[str, int]]) -> None:
    spec = experiment(budget={"min": 1, "max": 9})
    whole, apart = (State(plan={"slots": 1000, "units": 1}) for _ in range(2))
    seq = 0
    with small_chunks():
        for kind, choice in steps:
            if kind == "snapshot":
                apart = again(apart)
                says_the_same(apart, whole, spec) if choice % 4 == 0 else None
                continue
            seq += 1
            record = Record(seq, "", 1e9 + seq, *record_of(kind, choice, whole))
            assert whole.apply(record) == apart.apply(record)
        says_the_same(apart, whole, spec)
        says_the_same(again(apart), whole, spec)
        held = [*apart.sealed.trials, *apart.trials.live]
        assert sorted(held) == list(range(len(whole.trials))), "each trial stands in one place"


def filled(count: int, *, running: int = 0) -> State:
    """A state in which so many trials have ended."""
    state = State(plan={"slots": 1000, "trials": 1000})
    for number in range(count + running):
        params = {"z": number / 1000, "kind": "a", "a": number}
        steps = [("bound", {"slot": number, "trial": number, "params": params, "seen": 1})]
        if number < count:
            steps.append(("ended", {
                "slot": number, "task": 0, "attempt": 1, "state": "SUCCEEDED", "last": True, "value": number / 7,
                "curve": "0:0.5 0.25", "cost": 0.1 * number,
            }))  # fmt: skip
        for kind, data in steps:
            assert state.apply(Record(state.seq + 1, "", 1e9, kind, data)) is None
    return state


def test_a_state_below_one_chunk_is_written_as_every_release_reads_it(chunked: None) -> None:
    state = filled(CHUNK + KEPT - 1, running=2)
    state.seal()
    assert state.segments() == {}
    assert "ranks" not in json.loads(state.encode())
    assert State.decode(state.encode()) == state


def test_a_snapshot_carries_nothing_of_what_is_set_apart(chunked: None) -> None:
    few, many = filled(2 * CHUNK + KEPT, running=1), filled(40 * CHUNK + KEPT, running=1)
    few.seal(), many.seal()
    assert abs(len(many.encode()) - len(few.encode())) < 100
    assert len(many.segments()) <= 6, "what is small is joined"
    assert sum(len(segment.chunks) for segment in many.sealed.segments) == 40


def test_segments_are_joined_as_they_come_without_losing_any(chunked: None) -> None:
    state, whole = State(plan={"slots": 1000, "trials": 1000}), filled(50)
    reference = filled(50)
    for number in range(50):
        for kind, data in (
            ("bound", {"slot": number, "trial": number, "params": whole.trials[number].params, "seen": 1}),
            ("ended", {
                "slot": number, "task": 0, "attempt": 1, "state": "SUCCEEDED", "last": True, "value": number / 7,
                "curve": "0:0.5 0.25", "cost": 0.1 * number,
            }),
        ):  # fmt: skip
            assert state.apply(Record(state.seq + 1, "", 1e9, kind, data)) is None
        state = again(state)
    assert state == reference
    assert len(state.segments()) <= 6


def test_an_ask_unpacks_nothing_but_columns_and_keys(chunked: None) -> None:
    """Curves, attempts and metrics are most of the bytes: the rest stays packed for who asks, tells and judges."""
    read = again(filled(10 * CHUNK + KEPT, running=2))
    spec = experiment()
    history = history_of(read, spec)
    assert len(ranked(history, 3)) == 3
    list(history)
    progress_of(read, spec, 2e9)
    read.combinations()
    assert read.unended
    assert not any("_rest" in chunk.__dict__ for chunk in read.sealed.chunks)
    assert history[0].curve == ((0, -0.5), (1, -0.25)), "until somebody looks"
    assert sum("_rest" in chunk.__dict__ for chunk in read.sealed.chunks) == 1


def test_a_page_is_brought_up_to_date_without_unpacking_what_has_ended(chunked: None) -> None:
    """Whether it runs, how many are in each state, how long all has taken: asked at every look, of every run."""
    read = again(filled(10 * CHUNK + KEPT, running=2))
    whole = filled(10 * CHUNK + KEPT, running=2)
    spec = experiment()
    assert counts(read) == counts(whole)
    assert counts(read)[TrialState.SUCCEEDED] == 10 * CHUNK + KEPT
    assert counts(read)[TrialState.FAILED] == 0, "every state is named"
    assert read.seconds == whole.seconds == sum(work.seconds for work in whole.works.values())
    assert (has_ended(read), ended_at(read), experiment_state(read)) == (False, None, ExperimentState.RUNNING)
    assert not any("_rest" in chunk.__dict__ for chunk in read.sealed.chunks)
    assert list(read.works.values()) == list(whole.works.values())
    assert summary(read, spec, 2e9) == summary(whole, spec, 2e9)


def test_a_run_has_ended_when_its_last_work_has(chunked: None) -> None:
    read, whole = again(filled(3 * CHUNK + KEPT, running=1)), filled(3 * CHUNK + KEPT, running=1)
    stop = {"kind": "user", "state": "SUCCEEDED", "reason": "enough", "running": "drain"}
    end = {"slot": 3 * CHUNK + KEPT, "state": "SYS_CANCELED", "reason": "gone"}
    for state in (read, whole):
        state.apply(Record(state.seq + 1, "", 1e9 + 5, "stop", stop))
        assert not has_ended(state)
        state.apply(Record(state.seq + 1, "", 1e9 + 7, "closed", end))
        assert (has_ended(state), ended_at(state)) == (True, 1e9 + 7)


@pytest.mark.parametrize("unit", ["cost", "seconds"])
def test_what_a_trial_has_spent_is_told_from_the_columns(chunked: None, unit: Any) -> None:
    state = filled(3 * CHUNK + KEPT)
    limit = Limit(10.0, unit)
    before = [past_trial(state, trial, 1.0, limit) for trial in state.trials]
    read = again(state)
    for number, chunk in read.sealed.trials.items():
        assert past_in(chunk, chunk.place_of[number], 1.0, limit) == before[number]


def test_what_is_remembered_of_a_trial_is_forgotten_when_it_changes(chunked: None) -> None:
    state, spec = again(filled(3 * CHUNK + KEPT)), experiment()
    assert history_of(state, spec)[1].state is TrialState.SUCCEEDED
    state.apply(Record(state.seq + 1, "", 1e9, "attempt", {"slot": 1, "task": 0}))
    past: PastTrial = history_of(state, spec)[1]
    assert (past.state, past.loss) == (TrialState.RUNNING, None)


# --- formats ----------------------------------------------------------------------------------------


def test_a_chunk_of_a_later_release_says_so(chunked: None) -> None:
    state = filled(CHUNK + KEPT)
    state.seal()
    (body,) = state.segments().values()
    later = body.replace(b'{"chunk":%d' % CHUNK_VERSION, b'{"chunk":%d' % (CHUNK_VERSION + 1))
    with pytest.raises(LaterFormat, match="chunk version 2 is later than 1"):
        list(chunks_in(later))


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:-3], lambda b: b[:40] + b"x" * 9 + b[49:], lambda b: b"{}"]
)
def test_a_damaged_segment_is_none(chunked: None, damage: Any) -> None:
    state = filled(CHUNK + KEPT)
    state.seal()
    ((name, body),) = state.segments().items()
    store = MemoryStore()
    store.put(f"{PREFIX}{SEGMENTS}{name}", damage(body))
    with pytest.raises(LostSegment, match=f"{SEGMENTS}{name} is damaged"):
        read_segments(store, PREFIX, [name])


# --- the journal ------------------------------------------------------------------------------------


def opened(store: Any) -> Study:
    journal = StudyJournal(store, PREFIX, clock=lambda: 1e9, sleep=lambda _: None)
    return Study.load(journal) if store.list(PREFIX + JOURNAL) else Study.create(journal, experiment(), "run", [])


def run_trial(study: Study, snapshot: bool = False) -> None:
    """A trial from its ask to its end."""
    answer = study.ask()
    assert isinstance(answer, Binding)
    value = answer.trial / 10
    study.tell(answer, Outcome(TrialState.SUCCEEDED, value=value, step=1, curve=((0, 0.5), (1, value))))
    if snapshot:
        study.journal.write_snapshot()


def from_records(store: MemoryStore) -> State:
    """The state by the records alone."""
    bare = MemoryStore()
    bare.objects = {key: body for key, body in store.objects.items() if JOURNAL in key}
    return StudyJournal(bare, PREFIX, sleep=lambda _: None).refresh()


def segments_named(store: MemoryStore) -> tuple[str, ...]:
    return decode_snapshot(store.get(PREFIX + SNAPSHOT)).segments


def test_a_journal_goes_on_from_its_segments(chunked: None) -> None:
    store = MemoryStore()
    for number in range(14):
        run_trial(opened(store), snapshot=number % 3 == 2)
    assert segments_named(store)
    assert opened(store).state == from_records(store)
    assert len(opened(store).state.sealed) >= 3 * CHUNK


@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_whoever_dies_at_any_call_of_the_store_loses_nothing(chunked: None, how: str) -> None:
    """Between the segment and the snapshot, before both, after both: who comes next has all records, and goes on."""
    died = 0
    for at in range(1, 40):
        store = MemoryStore()
        for _ in range(2 * CHUNK + KEPT):
            run_trial(opened(store))
        opened(store).journal.write_snapshot()
        for _ in range(CHUNK):
            run_trial(opened(store))
        dying = DyingStore(store, at, how)  # type: ignore[arg-type]
        try:
            with suppress(Exception):
                run_trial(opened(dying), snapshot=True)
        except Killed:
            died += 1
        for name in segments_named(store):
            assert store.get(f"{PREFIX}{SEGMENTS}{name}"), "a snapshot never names what is not there"
        study = opened(store)
        assert study.state == from_records(store)
        run_trial(study, snapshot=True)
        assert opened(store).state == from_records(store)
        if dying.calls < at:
            break
    else:
        pytest.fail("the last call was not reached")
    assert at > 5


def test_two_that_write_snapshots_at_once_leave_a_whole_one(chunked: None) -> None:
    store = MemoryStore()
    for _ in range(2 * CHUNK + KEPT):
        run_trial(opened(store))
    first, second = opened(store), opened(store)
    run_trial(second)
    first.journal.refresh()
    first.state.seal()
    second.journal.write_snapshot()
    for _ in range(CHUNK):
        run_trial(second, snapshot=True)
    newer = store.objects[PREFIX + SNAPSHOT]
    first.journal.write_snapshot()  # the slower one, of an older state: it stands over the newer one now
    assert store.objects[PREFIX + SNAPSHOT] != newer
    assert opened(store).state == from_records(store)
    second.journal.refresh()
    run_trial(second, snapshot=True)
    assert opened(store).state == second.state == from_records(store)


def test_a_lost_segment_is_named_and_the_records_tell_all(chunked: None, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    for _ in range(3 * CHUNK + KEPT):
        run_trial(opened(store))
    opened(store).journal.write_snapshot()
    name = segments_named(store)[0]
    store.delete(f"{PREFIX}{SEGMENTS}{name}")
    study = opened(store)
    assert f"its segment {SEGMENTS}{name} is missing" in caplog.text
    assert study.state == from_records(store)
    assert len(study.state.trials) == 3 * CHUNK + KEPT
    run_trial(study, snapshot=True)
    caplog.clear()
    assert opened(store).state == from_records(store)
    assert "missing" not in caplog.text, "the next snapshot is whole again"


def test_nothing_is_asked_of_the_store_for_segments_where_there_are_none() -> None:
    store = MemoryStore()
    asked: list[str] = []
    for operation in ("get", "put", "list", "create"):
        call = getattr(store, operation)
        setattr(store, operation, lambda key, *a, call=call, **b: (asked.append(key), call(key, *a, **b))[1])
    for _ in range(30):
        run_trial(opened(store), snapshot=True)
    assert not [key for key in asked if SEGMENTS in key]


def test_a_work_that_is_sealed_is_found_by_its_slot_and_no_other(chunked: None) -> None:
    read = again(filled(2 * CHUNK + KEPT))
    assert isinstance(read.works[0], Work)
    assert 0 in read.works
    assert 99 not in read.works
    with pytest.raises(KeyError):
        read.works[99]
    with pytest.raises(IndexError, match="there are 7"):
        read.trials[7]
    assert Sealed().take_out(0) is None
