"""Triggers that watch trials, with jobs that a test plays: what hangs or floods is its own trial's affair."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from automl_airflow import session, studies, task_log, watching
from automl_airflow.threads import threads_of
from automl_airflow.watching import TrialTrigger
from automl_core.backends.base import Cause, Exit
from automl_core.backends.remote import RemoteJob, Report
from automl_core.running.attempt import Attempt
from automl_core.spec.loader import parse_experiment
from automl_core.states import TrialState
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from automl_core.storage.wrapper import StoreWrapper
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import LOG_FILE, experiment_prefix, trial_prefix

T = TypeVar("T")
RUN = "manual__1"
DONE = Exit(cause=Cause.EXITED, code=0, signal=None, reason="", seconds=1.0)


class Played(RemoteJob):
    """Hands over reports one after the other; the last one as often as it is asked."""

    def __init__(self, *reports: Report) -> None:
        self._reports = list(reports)
        self.ended = threading.Event()

    async def poll(self) -> Report:
        if self.ended.is_set():
            return Report(exit=Exit(cause=Cause.TERMINATED, code=143, signal=None, reason="", seconds=1.0))
        return self._reports.pop(0) if len(self._reports) > 1 else self._reports[0]

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0.001)

    async def end(self, grace: float) -> None:
        self.ended.set()


class Trigger(TrialTrigger):
    """Watches what a test plays, and writes into a log that it sees."""

    played: Played
    said: Any = None

    async def find(self) -> RemoteJob:
        return self.played

    @property
    def log(self) -> Any:
        return self.said


class Said:
    """A log; one that stands still holds up whoever writes into it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __getattr__(self, level: str) -> Callable[[str], None]:
        def write(text: str) -> None:
            self.goes_on.wait()
            self.lines.append(text)

        return write


class Setting:
    """Experiments, each in a folder of its own, and triggers of their trials."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, Said()

    def study(self, name: str) -> Study:
        return Study.load(StudyJournal(open_store(str(self.folder / name)), experiment_prefix(name, RUN)))

    def create(self, name: str, trials: int = 4) -> Study:
        body = {
            "name": name,
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "random"},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": trials, "concurrency": trials, "canary": False},
            "tasks": [{"name": "train", "backend": "kubernetes", "image": "i", "command": "true",
                       "storage_mount": {"path": "/mnt", "host_path": "./runs"}}],
        }  # fmt: skip
        journal = StudyJournal(open_store(str(self.folder / name)), experiment_prefix(name, RUN))
        return Study.create(journal, parse_experiment(yaml.safe_dump(body), "x.yaml"), RUN, [])

    def trigger(self, name: str, slot: int, *reports: Report) -> Trigger:
        binding = self.study(name).ask(slot)
        assert isinstance(binding, Binding)
        made = Trigger(
            storage=str(self.folder / name), connection=None, experiment=name, run=RUN, slot=slot, task=0, attempt=1,
            root="/mnt", job={}, poll=0.01, grace=0.0,
        )  # fmt: skip
        made.played, made.said = Played(*reports), self.said
        return made


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    monkeypatch.setattr(watching, "LEAST_WAIT", 0.0)
    monkeypatch.setattr(studies, "_studies", studies.SharedStudies(studies._open))
    monkeypatch.setattr(task_log, "_pump", [task_log.Pump()])
    made = Setting(tmp_path)
    yield made
    made.said.goes_on.set()


async def first(trigger: Trigger) -> TriggerEvent:
    try:
        return await anext(aiter(trigger.run()))
    finally:
        await trigger.cleanup()


def good(*lines: str) -> Report:
    return Report(lines=["accuracy=0.5", *lines], exit=DONE)


def test_nothing_of_a_trigger_runs_in_the_threads_that_a_triggerer_shares(setting: Setting) -> None:
    setting.create("shared")

    class Nobodys(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Any:
            raise AssertionError("the default executor is for all of a triggerer")

    async def everything() -> TriggerEvent:
        asyncio.get_running_loop().set_default_executor(Nobodys(1))
        many = [f"line {number}" for number in range(1000)]
        return await first(setting.trigger("shared", 0, Report(lines=many), good()))

    assert isinstance(asyncio.run(everything()), TaskSuccessEvent)


def test_an_end_is_recorded_while_the_log_stands_still(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket to Airflow's supervisor is full: lines wait, or are left out, and nothing waits for them."""
    monkeypatch.setattr(task_log, "CLOSING", 0.0)
    setting.create("still")
    setting.said.goes_on.clear()
    lines = [f"epoch {number} of a talkative training" for number in range(20_000)]

    async def everything() -> list[TriggerEvent]:
        loud = setting.trigger("still", 0, Report(lines=lines), good())
        quiet = setting.trigger("still", 1, good("one line"))
        return await asyncio.gather(first(loud), first(quiet))

    assert all(isinstance(event, TaskSuccessEvent) for event in asyncio.run(everything()))
    state = setting.study("still").state
    assert [work.state for work in state.works.values()] == [TrialState.SUCCEEDED] * 2
    log = setting.folder / "still" / experiment_prefix("still", RUN) / trial_prefix(0) / LOG_FILE
    assert log.read_text().splitlines() == [*lines, "accuracy=0.5"], "all of it is in log.txt"


def test_an_order_takes_effect_while_a_flood_is_read(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_AFTER", 0.0)
    study = setting.create("flood")
    trigger = setting.trigger("flood", 0, Report(lines=["accuracy=0.1"] * 50_000))
    trigger.poll = 0.0
    study.refresh()
    study.cancel_trial(0, "ann")
    read: list[int] = []
    feed = Attempt.feed

    def counted(self: Attempt, lines: Any) -> None:
        if not trigger.played.ended.is_set():
            read.append(len(lines))
        feed(self, lines)

    monkeypatch.setattr(Attempt, "feed", counted)
    asyncio.run(first(trigger))
    assert 0 < sum(read) < 50_000
    assert setting.study("flood").state.works[0].state is TrialState.USER_CANCELED


def test_looks_that_bring_nothing_take_no_thread_and_orders_are_obeyed_all_the_same(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = setting.create("idle")
    looks: list[int] = []
    taken: list[int] = []
    trigger = setting.trigger("idle", 0, Report(lines=["accuracy=0.1"]), Report())
    poll, take = trigger.played.poll, TrialTrigger._take

    async def counted() -> Report:
        looks.append(1)
        if len(looks) == 50:
            study.refresh()
            study.cancel_trial(0, "ann")
        return await poll()

    def take_counted(self: Any, *arguments: Any) -> bool:
        taken.append(1)
        return take(self, *arguments)

    monkeypatch.setattr(trigger.played, "poll", counted)
    monkeypatch.setattr(TrialTrigger, "_take", take_counted)
    asyncio.run(first(trigger))
    assert len(looks) > 50
    assert len(taken) < len(looks) - 30
    assert setting.study("idle").state.works[0].state is TrialState.USER_CANCELED


def test_what_is_said_at_the_end_stands_in_the_log_before_the_trigger_ends(setting: Setting) -> None:
    setting.create("said")
    lines = [f"line {number}" for number in range(5000)]
    asyncio.run(first(setting.trigger("said", 0, Report(lines=lines, notes=["its pod waits"]), good())))
    said = setting.said.lines
    assert said[-1].startswith("trial 0, attempt 1: SUCCEEDED")
    assert "its pod waits" in said
    [*gaps] = [line for line in said if line.endswith("only in log.txt]")]
    left_out = sum(int(gap[1:].split()[0].replace(",", "")) for gap in gaps)
    assert gaps
    assert left_out + sum(line.startswith("line ") or line == "accuracy=0.5" for line in said) == 5001


class Hanging(StoreWrapper):
    """A store that answers nobody while its gate is shut."""

    gate = threading.Event()

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        self.gate.wait()
        return call()


def test_a_store_that_hangs_holds_up_its_own_trials_alone(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create("hangs", trials=20)
    setting.create("good")
    opened = session.open_experiment_store
    gate = Hanging.gate = threading.Event()
    where = str(setting.folder / "hangs")

    def open_one(storage: str, connection: str | None) -> ObjectStore:
        store = opened(storage, connection)
        return Hanging(store) if storage == where else store

    monkeypatch.setattr(session, "open_experiment_store", open_one)

    async def everything() -> None:
        hanging = [asyncio.create_task(first(setting.trigger("hangs", slot, good()))) for slot in range(20)]
        while threads_of(where, None).stuck(0.0) is None:
            await asyncio.sleep(0.001)
        others = [first(setting.trigger("good", slot, Report(lines=["accuracy=0.1"]), good())) for slot in range(4)]
        events = await asyncio.gather(*others)
        assert all(isinstance(event, TaskSuccessEvent) for event in events)
        assert not any(each.done() for each in hanging)
        gate.set()
        assert all(isinstance(event, TaskSuccessEvent) for event in await asyncio.gather(*hanging))

    try:
        asyncio.run(everything())
    finally:
        gate.set()
