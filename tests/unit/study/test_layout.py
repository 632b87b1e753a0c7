"""Folders of runs: different ids have different ones, Airflow's own stay readable, and older folders are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.models import Experiment
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from automl_core.study.finding import find_prefix
from automl_core.study.layout import experiment_prefix, folders_of, safe
from tests.unit.plugins.files import body

THEIRS = "manual__2026-11-21T04:10:00+00:00"
TYPES = ("manual", "scheduled", "asset_triggered", "backfill")


@pytest.mark.parametrize(
    ("run", "folder"),
    [
        (THEIRS, "manual__2026-11-21T04_10_00_00_00"),
        ("backfill__2026-11-21T00:00:00+00:00", "backfill__2026-11-21T00_00_00_00_00"),
        ("scheduled__2026-11-21T04:10:00.123456-05:00", "scheduled__2026-11-21T04_10_00.123456-05_00"),
        ("asset_triggered__2026-07-01T00:00:00+00:00_aB12", "asset_triggered__2026-07-01T00_00_00_00_00_aB12"),
        ("nightly-7", "nightly-7"),
    ],
)
def test_usual_ids_keep_their_readable_folder(run: str, folder: str) -> None:
    assert safe(run) == folder
    assert folders_of(run) == (folder,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a+1", "a:1"),
        ("manual__1+1", "manual__1:1"),
        (THEIRS, "manual__2026-11-21T04_10_00_00_00"),
        (THEIRS, "manual__2026-11-21T04:10:00:00:00"),
        ("manual__2026-11-21T04:10:00+00:00_00", "manual__2026-11-21T04:10:00+00:00:00"),
        ("scheduled__2026-11-21T04:10:00+01:00", "scheduled__2026-11-21T04:10:00:01+00"),
        ("x" * 151, "x" * 152),
    ],
)
def test_no_two_ids_share_a_folder(one: str, other: str) -> None:
    assert safe(one) != safe(other)


moments = st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}[:_][0-9]{2}[:_+][0-9]{2}([:_+.-][0-9A-Z]{1,2}){0,4}", fullmatch=True
)
ids = st.one_of(
    st.text(alphabet="a1:+_.-/", min_size=1, max_size=8), st.tuples(st.sampled_from(TYPES), moments).map("__".join)
)


@given(st.lists(ids, min_size=2, max_size=30, unique=True))
def test_folders_are_as_many_as_ids(runs: list[str]) -> None:
    assert len({safe(run) for run in runs}) == len(runs)
    assert all(safe(run) == safe(run).strip("./") and "/" not in safe(run) and ":" not in safe(run) for run in runs)


def started(store: FolderStore, prefix: str, run: str) -> None:
    Study.create(StudyJournal(store, prefix), Experiment.model_validate(body()), run, [])


def test_a_run_that_an_earlier_build_began_is_found_in_its_folder(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    started(store, "first/manual__1_1/", "manual__1+1")
    assert find_prefix(store, "first", "manual__1+1") == "first/manual__1_1/"
    assert find_prefix(store, "first", "manual__1:1") == experiment_prefix("first", "manual__1:1"), "another's folder"


def test_a_folder_s_name_is_no_id_for_a_task_and_one_for_people(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    started(store, experiment_prefix("first", THEIRS), THEIRS)
    folder = safe(THEIRS)
    assert find_prefix(store, "first", folder, by_folder=True) == f"first/{folder}/"
    assert find_prefix(store, "first", folder) == f"first/{safe(folder)}/" != f"first/{folder}/"
