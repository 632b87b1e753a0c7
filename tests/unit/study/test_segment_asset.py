"""A run whose snapshot stands on segments, as the release that brought them wrote it: readable ever after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from automl_core.journal import JOURNAL, SEGMENTS, SNAPSHOT
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from automl_core.study.state import State
from tests.unit.study.journal_assets import PREFIX
from tests.unit.study.segment_assets import ASSET, ASSET_V3, MORE, TRIALS


def read(folder: Path) -> State:
    return Study.load(StudyJournal(FolderStore(folder), PREFIX, sleep=lambda _: None)).state


def test_a_run_with_segments_is_read_field_by_field() -> None:
    state = read(ASSET)
    assert len(state.sealed) >= TRIALS // 2, "by its segments, not by its records"
    assert len(state.trials) == TRIALS
    assert state.running == [state.works[1]]
    assert [attempt.worker for attempt in state.works[1].attempts] == ["", "ann"]
    assert state.labels[2].name == "the one"
    assert 0 in state.sealed.trials
    assert 1 not in state.sealed.trials
    for number in set(range(TRIALS)) - {1}:
        trial, work = state.trials[number], state.works[number]
        failed, value = number % 5 == 4, (number * 7 % TRIALS) / TRIALS
        assert (trial.number, trial.slots, work.trial) == (number, [number], number)
        assert work.state is (TrialState.FAILED if failed else TrialState.SUCCEEDED)
        assert (work.value, work.cost) == ((None, 0.0) if failed else (value, 0.25))
        assert work.points == (() if failed else ((0, 0.5), (1, value)))
        assert set(trial.params) in ({"lr", "solver"}, {"lr", "solver", "momentum"})
    assert list(state.order) == [0, *range(2, TRIALS)]


def test_a_run_whose_records_repeat_only_the_newest_is_read_too() -> None:
    newest = max((ASSET_V3 / PREFIX / JOURNAL).iterdir())
    line, _, _ = newest.read_bytes().partition(b"\n")
    body = json.loads(line)
    assert (body["version"], body["seq"], body["base"] < body["via"] < body["seq"]) == (3, int(newest.stem), True)
    state, before = read(ASSET_V3), read(ASSET)
    assert state.sealed.trials
    assert len(state.trials) == MORE
    assert [state.works[slot].value for slot in range(TRIALS, MORE)] == [n / MORE for n in range(TRIALS, MORE)]
    assert [state.works[n].value for n in range(TRIALS)] == [before.works[n].value for n in range(TRIALS)]


@pytest.mark.parametrize("asset", [ASSET, ASSET_V3])
def test_its_records_tell_the_same(tmp_path: Path, asset: Path) -> None:
    for left_out in (SNAPSHOT, SEGMENTS):
        folder = Path(shutil.copytree(asset, tmp_path / left_out.rstrip("/")))
        lost = folder / PREFIX / left_out
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        state = read(folder)
        assert state == read(asset)
        assert not state.sealed.trials
