"""The format of the journal: experiments of every release so far can be read, those of later ones are refused in words.

The assets were written by the release that brought their format (`journal_v1`) and are never written again.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_core.journal import JOURNAL, LaterFormat, LaterRelease, Record
from automl_core.journal import SNAPSHOT as SNAPSHOT_V2
from automl_core.journal.records import FORMAT_VERSION
from automl_core.journal.snapshots import SNAPSHOT_V1 as SNAPSHOT
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from automl_core.study.state import STATE_VERSION, Attempt, State, StopRecord, Trial, Work
from tests.support.memory_store import MemoryStore
from tests.unit.study.journal_assets import (
    ASSET,
    ASSET_STATE_3,
    ASSET_V2,
    INPUTS,
    PREFIX,
    SPEC,
    START,
    WARNING,
    write,
    write_on_data,
)

TORN = 15

LATER = frozenset({"edited"})
"""Kinds of record that the format got after the asset was written."""

ADDED = frozenset({"identity", "environment"})
"""Keys that the first record got after the asset was written."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the asset."""
    return Path(shutil.copytree(ASSET, tmp_path / "v1"))


def opened(folder: Path) -> StudyJournal:
    return StudyJournal(FolderStore(folder), PREFIX, sleep=lambda _: None)


def at(tens: int) -> float:
    return START + 10 * tens


def attempt(task: int, number: int, started: int, ended: int, state: TrialState, **rest: Any) -> Attempt:
    return Attempt(task, number, at(started), at(ended), state, **rest)


WORKS = {
    0: Work(
        slot=0, trial=0, bound=at(3), state=TrialState.SUCCEEDED, ended=at(8), value=0.8, step=2,
        metrics={"loss": 0.4, "accuracy": 0.9}, curve="0:0.25 1:0.5 2:0.8", cost=0.05, seconds=30.0,
        attempts=[
            attempt(0, 1, 3, 5, TrialState.SUCCEEDED, worker="host-1:11", external="pod-0-1"),
            attempt(1, 1, 7, 8, TrialState.SUCCEEDED, worker="host-1:12"),
        ],
    ),
    1: Work(
        slot=1, trial=1, bound=at(11), state=TrialState.FAILED, ended=at(14), reason="exit code 1", cost=0.02,
        seconds=20.0, failures=2,
        attempts=[
            attempt(0, 1, 11, 12, TrialState.FAILED, reason="exit code 1", worker="host-2:21"),
            attempt(0, 2, 13, 14, TrialState.FAILED, reason="exit code 1", worker="host-2:22"),
        ],
    ),
    2: Work(
        slot=2, trial=2, bound=at(17), state=TrialState.EARLY_STOPPED, ended=at(20), reason="worse than the median",
        value=0.2, step=1, metrics={"accuracy": 0.3}, curve="0:0.1 1:0.2", cost=0.02, seconds=10.0,
        attempts=[
            attempt(0, 1, 17, 18, TrialState.SYS_CANCELED, reason="lost", worker="host-3:31"),
            attempt(0, 2, 19, 20, TrialState.EARLY_STOPPED, reason="worse than the median", worker="host-3:32"),
        ],
    ),
    3: Work(
        slot=3, trial=3, bound=at(23), state=TrialState.USER_CANCELED, ended=at(25), reason="cancelled by ada",
        cost=0.01, seconds=20.0,
        attempts=[attempt(0, 1, 23, 25, TrialState.USER_CANCELED, reason="cancelled by ada", worker="host-1:13")],
    ),
    4: Work(
        slot=4, trial=4, bound=at(29), state=TrialState.USER_CANCELED, ended=at(32), reason="stopped by grace",
        cost=0.01, seconds=10.0, failures=1,
        attempts=[attempt(0, 1, 29, 30, TrialState.FAILED, reason="exit code 1", worker="host-2:23")],
    ),
}  # fmt: skip

TRIALS: list[tuple[Params, int, str]] = [
    ({"lr": 0.0484626734002, "solver": "sgd", "momentum": 0.89226095844}, 1, ""),
    ({"lr": 0.00397706970562, "solver": "adam"}, 6, ""),
    ({"lr": 0.00395149022663, "solver": "adam"}, 10, ""),
    ({"lr": 0.00103872913069, "solver": "adam"}, 14, "ada"),
    ({"lr": 0.00239047497514, "solver": "sgd", "momentum": 0.849140370908}, 19, ""),
]


@pytest.mark.parametrize("snapshot", [True, False])
def test_the_first_format_is_read_field_by_field(folder: Path, snapshot: bool) -> None:
    if not snapshot:
        (folder / PREFIX / SNAPSHOT).unlink()
    study = Study.load(opened(folder))
    state = study.state
    assert state.works == WORKS
    assert state.trials == [
        Trial(number, params, [number], None, "known before the start", seen, cancel)
        for number, (params, seen, cancel) in enumerate(TRIALS)
    ]
    assert state.order == [0, 1, 2, 3, 4]
    assert state.stop == StopRecord("user", "USER_CANCELED", "stopped by grace", "cancel", "grace", at(31))
    assert (state.version, state.seq, state.created, state.updated) == (STATE_VERSION, 23, at(1), at(32))
    assert (state.name, state.run) == ("digits", "manual__2026-11-21T04:00:00+00:00")
    assert (state.algorithm, state.lanes) == ("random", None)
    assert state.overrides == [{"path": "trials.max", "old": 20, "new": 6}]
    assert state.plan == {"slots": 6, "trials": 6, "units": None, "note": ""}
    assert state.proposals[5]
    assert len(state.proposals) == 6
    assert study.experiment == Experiment.model_validate(SPEC)
    assert study.best() == (0, 0.8)


def test_a_torn_record_is_named_and_a_foreign_object_passed_over(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / PREFIX / SNAPSHOT).unlink()
    state = opened(folder).refresh()
    assert list(state.skipped) == [TORN]
    assert state.skipped[TORN].startswith("not JSON")
    assert "0000000003.json.bak is no record of this journal" in caplog.text


def test_the_asset_has_every_kind_of_record(folder: Path) -> None:
    assert {record.kind for record in opened(folder).records()} == State.kinds - LATER


def shape(record: Record) -> tuple[str, frozenset[str]]:
    return record.kind, frozenset(record.data) - ADDED


def test_what_todays_records_tell_is_what_those_of_the_first_format_told() -> None:
    written = list(write(MemoryStore()).journal.records())
    assert [shape(record) for record in written] == [shape(record) for record in opened(ASSET).records()], (
        "records have changed: raise FORMAT_VERSION, and keep reading this one"
    )


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A copy of the second format's asset."""
    return Path(shutil.copytree(ASSET_V2, tmp_path / "v2"))


def untimed(work: Work) -> dict[str, Any]:
    """Work without its times: the assets' clock moves with each look, and formats differ in how often they look."""
    body = msgspec.to_builtins(work)
    for each in (body, *body["attempts"]):
        for name in ("bound", "started", "ended", "seconds"):
            each.pop(name, None)
    return dict(body) | {"curve": work.points}


@pytest.mark.parametrize("snapshot", [True, False])
def test_the_second_format_is_read_field_by_field(second: Path, snapshot: bool) -> None:
    if not snapshot:
        (second / PREFIX / SNAPSHOT_V2).unlink()
    state = Study.load(opened(second)).state
    assert {slot: untimed(work) for slot, work in state.works.items()} == {
        slot: untimed(work) for slot, work in WORKS.items()
    }
    assert (state.version, state.seq) == (STATE_VERSION, 23)
    assert state.identity == {"run_after": "2026-11-21T04:00:00+00:00"}
    assert state.environment["release"] == "0.1.0"
    assert list(state.skipped) == [TORN]


@pytest.mark.parametrize("snapshot", [True, False])
def test_the_third_state_is_read_with_what_it_has_more(tmp_path: Path, snapshot: bool) -> None:
    folder = Path(shutil.copytree(ASSET_STATE_3, tmp_path / "v3"))
    if not snapshot:
        (folder / PREFIX / SNAPSHOT_V2).unlink()
    state = Study.load(opened(folder)).state
    assert (state.version, state.seq, state.inputs) == (3, 24, INPUTS)
    assert state.works[0].attempts[0].warnings == [WARNING]
    works = {slot: untimed(work) for slot, work in state.works.items()}
    works[0]["attempts"][0].pop("warnings")
    assert works == {slot: untimed(work) for slot, work in WORKS.items()}


def test_a_state_without_inputs_gets_none(second: Path) -> None:
    state = Study.load(opened(second)).state
    assert state.inputs == {}
    assert not any(attempt.warnings for work in state.works.values() for attempt in work.attempts)


def test_todays_writer_writes_the_second_format_with_the_third_state() -> None:
    store, written = MemoryStore(), FolderStore(ASSET_STATE_3)
    write_on_data(store)
    newest = PREFIX + JOURNAL + "0000000024.json"
    old, new = (json.loads(each.get(newest).partition(b"\n")[0]) for each in (written, store))
    assert new.keys() == old.keys(), "the format has changed: raise FORMAT_VERSION, and keep reading this one"
    assert new["version"] == old["version"] == 2
    old_snapshot, new_snapshot = (
        json.loads(gzip.decompress(where.get(PREFIX + SNAPSHOT_V2))) for where in (written, store)
    )
    assert new_snapshot.keys() == old_snapshot.keys()
    assert new_snapshot["state"].keys() == old_snapshot["state"].keys(), (
        "raise STATE_VERSION, and keep reading this one"
    )


def later(path: Path, version: int = FORMAT_VERSION + 1) -> None:
    body = json.loads(path.read_bytes())
    path.write_text(json.dumps({**body, "version": version}))


def test_an_experiment_that_a_later_release_has_gone_on_with_is_not_written_here(folder: Path) -> None:
    later(folder / PREFIX / JOURNAL / "0000000023.json")
    journal = opened(folder)
    assert 23 not in [record.seq for record in journal.records()]
    study = Study.load(opened(folder))
    assert study.state.seq == 22, "what came before can be looked at"
    wanted = f"format version {FORMAT_VERSION + 1} is later than {FORMAT_VERSION}, the latest this release reads"
    with pytest.raises(LaterRelease, match=wanted):
        study.finish()


def test_an_experiment_of_a_later_format_is_refused_in_words(folder: Path) -> None:
    for path in (folder / PREFIX / JOURNAL).glob("*.json"):
        if path.name != f"{TORN:010d}.json":
            later(path)
    later(folder / PREFIX / SNAPSHOT, STATE_VERSION + 1)
    with pytest.raises(LookupError, match=r"format version 4 is later than 3, the latest this release reads"):
        Study.load(opened(folder))


def test_a_snapshot_of_a_later_release_keeps_this_one_from_writing(folder: Path) -> None:
    later(folder / PREFIX / SNAPSHOT, STATE_VERSION + 1)
    journal = opened(folder)
    assert journal.refresh().works == WORKS, "it is only a shortcut"
    with pytest.raises(LaterRelease, match="snapshot version 4 is later than 3"):
        journal.append("note", {"text": "x"})


def test_a_later_snapshot_that_this_release_cannot_even_parse_is_told_by_its_version() -> None:
    with pytest.raises(LaterFormat, match="snapshot version 7"):
        State.decode(json.dumps({"version": 7, "trials": "in another shape"}).encode())
    with pytest.raises(ValueError, match="trials"):
        State.decode(json.dumps({"version": 2, "trials": "torn"}).encode())
