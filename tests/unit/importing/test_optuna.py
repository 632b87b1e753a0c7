"""Studies as four releases of Optuna wrote them (tests/assets/optuna), beside what each said of its own."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from automl_core.importing.optuna import read_optuna
from automl_core.importing.optuna_journal import Replay
from automl_core.importing.optuna_sqlite import read_studies
from automl_core.importing.trials import CannotImport
from tests.sources import ROOT
from tests.support.old_studies import check_against, database, said

ASSETS = ROOT / "tests" / "assets" / "optuna"
RELEASES = ("2.10.1", "3.6.2", "4.5.0", "5.0.0")
JOURNALS = RELEASES[1:]


@pytest.fixture(autouse=True)
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the assets were recorded: times without a zone are local ones."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", ["branches", "two", "empty"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_database_is_read_as_the_release_that_wrote_it_does(release: str, name: str, tmp_path: Path) -> None:
    study = read_optuna(f"sqlite:///{database(ASSETS, tmp_path, release)}", name)
    check_against(study, said(ASSETS, release, "sqlite")[name])


@pytest.mark.parametrize("name", ["branches", "two", "empty"])
@pytest.mark.parametrize("release", JOURNALS)
def test_a_journal_is_read_as_the_release_that_wrote_it_does(release: str, name: str) -> None:
    check_against(read_optuna(str(ASSETS / f"journal-{release}.log"), name), said(ASSETS, release, "journal")[name])


@pytest.mark.parametrize("release", JOURNALS)
def test_both_say_what_was_measured_beside_the_values(release: str, tmp_path: Path) -> None:
    for storage in (str(database(ASSETS, tmp_path, release)), str(ASSETS / f"journal-{release}.log")):
        study = read_optuna(storage, "two")
        assert study.metrics == ("loss", "accuracy")
        for trial in study.trials:
            assert trial.metrics == {"latency_ms": pytest.approx(10 * trial.params["x"])}  # type: ignore[operator]
            assert trial.constraints == {"0": pytest.approx(trial.params["x"] - 0.5), "1": -1.0}  # type: ignore[operator]
        first = read_optuna(storage, "branches").trials[1]
        assert first.metrics == {"seconds": 1.5}, "an attribute that is no number is no metric"


def test_reading_changes_nothing_and_makes_nothing(tmp_path: Path) -> None:
    path = database(ASSETS, tmp_path, "5.0.0")
    before = path.read_bytes()
    read_optuna(str(path), "branches")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(CannotImport, match=r"missing\.db: No such file"):
        read_optuna(f"sqlite:///{tmp_path}/missing.db", "x")
    with pytest.raises(CannotImport, match="unable to open database file"):
        read_studies(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()


def test_a_path_is_written_as_for_sqlalchemy_or_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database(ASSETS, tmp_path, "5.0.0")
    monkeypatch.chdir(tmp_path)
    for storage in (f"sqlite:///{path}", "sqlite:///5.0.0.db", "sqlite+pysqlite:///5.0.0.db?timeout=3", "5.0.0.db"):
        assert len(read_optuna(storage, "two").trials) == 4


@pytest.mark.parametrize(
    ("storage", "name", "message"),
    [
        ("{db}", None, "holds 3 studies; say which with --study: branches, two, empty"),
        ("{db}", "branchs", "holds no study 'branchs'. Did you mean 'branches'? There are: branches, two, empty"),
        ("postgresql://me:secret@host/db", "x", "postgresql://…: only files are read. Copy the study into one"),
        ("{text}", "x", "is neither a SQLite database nor a journal of Optuna's"),
        ("{other}", "x", "can't be read as a database of Optuna's: no such table: studies"),
        ("{old}", "x", "it was written before Optuna 2.4: `optuna storage upgrade` brings it up to date"),
    ],
)
def test_what_is_wrong_is_said(storage: str, name: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("lr,accuracy\n")
    for file, sql in (
        ("other", "CREATE TABLE t (x)"),
        ("old", "CREATE TABLE studies (study_id INTEGER, study_name TEXT, direction TEXT);"
                "CREATE TABLE version_info (library_version TEXT); INSERT INTO studies VALUES (1, 'x', 'MINIMIZE')"),
    ):  # fmt: skip
        with closing(sqlite3.connect(tmp_path / file)) as made:
            made.executescript(sql)
    places = {"db": database(ASSETS, tmp_path, "5.0.0"), **{each: tmp_path / each for each in ("text", "other", "old")}}
    with pytest.raises(CannotImport) as error:
        read_optuna(storage.format(**places), name)
    assert message in str(error.value)
    assert "secret" not in str(error.value)


# --- a journal, line by line: what Optuna passes over when it replays one --------------------------------------

FLOAT = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}'
LOG = FLOAT.replace('"low": 0.0', '"low": 0.1').replace("false", "true")
WIDER = FLOAT.replace("1.0", "9.0")
OPTIONS = '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}'
MORE_OPTIONS = OPTIONS.replace('"b"]', '"b", "c"]')


def made(name: str = "s") -> dict[str, Any]:
    return {"op_code": 0, "study_name": name, "directions": [1]}


def began(study: int = 0) -> dict[str, Any]:
    return {"op_code": 4, "study_id": study, "datetime_start": "2026-11-29T10:00:00"}


def drew(trial: int, value: float, distribution: str = FLOAT, name: str = "x") -> dict[str, Any]:
    return {
        "op_code": 5, "trial_id": trial, "param_name": name, "param_value_internal": value, "distribution": distribution
    }  # fmt: skip


def ended(trial: int, value: float | None, state: int = 1) -> dict[str, Any]:
    values = None if value is None else [value]
    return {
        "op_code": 6, "trial_id": trial, "state": state, "values": values, "datetime_complete": "2026-11-29T11:00:00"
    }  # fmt: skip


def replayed(tmp_path: Path, *records: dict[str, Any], tail: str = "") -> Replay:
    path = tmp_path / "journal.log"
    path.write_text("".join(f"{json.dumps({**each, 'worker_id': 'w'})}\n" for each in records) + tail)
    return Replay(path)


def test_ids_of_trials_count_over_all_studies_and_go_on_after_one_was_deleted(tmp_path: Path) -> None:
    replay = replayed(
        tmp_path, made("a"), began(0), made("b"), began(1), {"op_code": 1, "study_id": 0}, began(0), began(1),
        drew(1, 0.25), ended(1, 1.0), drew(2, 0.75), ended(2, 2.0), made("a"), began(2), ended(3, 3.0),
    )  # fmt: skip
    assert replay.names == ["b", "a"], "a study of a deleted one's name is a new one"
    assert [(t.place, t.params, t.values) for t in replay.study("b").trials] == [
        ("trial 0", {"x": 0.25}, (1.0,)), ("trial 1", {"x": 0.75}, (2.0,)),
    ]  # fmt: skip
    assert [t.values for t in replay.study("a").trials] == [(3.0,)]


def test_what_another_worker_was_faster_with_counts(tmp_path: Path) -> None:
    replay = replayed(
        tmp_path, made(), made(), began(), drew(0, 0.5), ended(0, 1.0), ended(0, 9.0), drew(0, 0.1),
        {"op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": 5.0}, ended(7, 1.0),
    )  # fmt: skip
    (trial,) = replay.study("s").trials
    assert (trial.params, trial.values, trial.curve) == ({"x": 0.5}, (1.0,), ())
    assert replay.names == ["s"], "the second study of a name is none, and counts for no id"


def test_a_range_may_change_from_trial_to_trial_and_options_may_not(tmp_path: Path) -> None:
    replay = replayed(
        tmp_path, made(), began(), drew(0, 0.5), drew(0, 1, OPTIONS, "c"), ended(0, 1.0),
        began(), drew(1, 8.0, WIDER), drew(1, 2, MORE_OPTIONS, "c"), ended(1, 1.0),
        began(), drew(2, 0.5, LOG), ended(2, 1.0),
    )  # fmt: skip
    assert [t.params for t in replay.study("s").trials] == [{"x": 0.5, "c": "b"}, {"x": 8.0}, {}]


@pytest.mark.parametrize("tail", ['{"op_code": 6, "trial_id"', '{"op_code": 6, "tri\n', "\n"])
def test_a_last_line_that_is_not_whole_is_no_error(tail: str, tmp_path: Path) -> None:
    replay = replayed(tmp_path, made(), began(), drew(0, 0.5), ended(0, 1.0), tail=tail)
    study = replay.study("s")
    assert len(study.trials) == 1
    assert study.problems == {"the last line of the file is not whole": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{torn", "line 2: no record of Optuna's journal"),
        ('{"op_code": 77}', "line 2: not what Optuna writes: ValueError: there is no operation 77"),
        ('{"op_code": 6}', "line 2: not what Optuna writes: KeyError: 'trial_id'"),
        ('{"op_code": 5, "trial_id": 0, "param_name": "x", "param_value_internal": 1, "distribution": "{}"}',
         "no distribution of Optuna's: {}"),
    ],
)  # fmt: skip
def test_a_damaged_line_in_the_middle_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    before = [json.dumps(made())] if 'trial_id": 0' not in line else [json.dumps(made()), json.dumps(began())]
    path.write_text("\n".join([*before, line, json.dumps(began())]) + "\n")
    with pytest.raises(CannotImport) as error:
        Replay(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_choice_that_is_none_leaves_its_trial_out(tmp_path: Path) -> None:
    path = database(ASSETS, tmp_path, "5.0.0")
    with closing(sqlite3.connect(path)) as made_worse:
        made_worse.execute("UPDATE trial_params SET param_value = 17 WHERE param_id = 1")
        made_worse.commit()
    study = read_optuna(str(path), "branches")
    assert study.trials[0].state == "its model can't be read: choice 17 of 6"
    assert study.trials[1].state == "pruned"
