"""A run whose snapshot stands on segments, as the release that brought them wrote it: readable ever after."""

from __future__ import annotations

import shutil
from pathlib import Path

from automl_core.journal import SEGMENTS, SNAPSHOT
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from automl_core.study.state import State
from tests.unit.study.journal_assets import PREFIX
from tests.unit.study.segment_assets import ASSET, TRIALS


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


def test_its_records_tell_the_same(tmp_path: Path) -> None:
    for left_out in (SNAPSHOT, SEGMENTS):
        folder = Path(shutil.copytree(ASSET, tmp_path / left_out.rstrip("/")))
        lost = folder / PREFIX / left_out
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        state = read(folder)
        assert state == read(ASSET)
        assert not state.sealed.trials
