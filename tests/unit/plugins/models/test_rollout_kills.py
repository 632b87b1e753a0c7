"""A rollout's tasks killed before and after each thing that they write, and tried again as Airflow does.

Whatever was killed where: one acceptance in the journal, one version in use, nothing in use before it was accepted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.models.life import VersionState
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from tests.unit.plugins.models.rolling import Airflow

WRITES = ("put", "create", "copy_file", "upload_file", "delete", "delete_prefix")


class Killed(BaseException):
    """The process is gone."""


class Deadly:
    """A store whose caller is killed at one of its writes: before it is done, or when it is, the answer lost."""

    def __init__(self, store: ObjectStore, count: list[int], at: int, after: bool) -> None:
        self._store, self._count, self._at, self._after = store, count, at, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in WRITES:
            return found

        def write(*arguments: Any, **more: Any) -> Any:
            self._count[0] += 1
            struck = self._count[0] == self._at
            if struck and not self._after:
                raise Killed
            done = found(*arguments, **more)
            if struck:
                raise Killed
            return done

        return write


def roll(airflow: Airflow, *, version: int) -> int:
    """A whole run, each task tried again where it was killed. Returns how often that was."""
    killed = 0
    run = airflow.begin(f"run{version}")

    def tried(call: Any) -> Any:
        nonlocal killed
        for tries in (1, 2):
            try:
                return call(tries)
            except Killed:
                killed += 1
        raise AssertionError("killed twice")

    tried(lambda tries: airflow.do(run, "offer", tries=tries))
    tried(lambda tries: airflow.do(run, "evaluate", tries=tries))
    tried(lambda tries: airflow.do(run, "ask", tries=tries))
    tried(lambda tries: airflow.do(run, "accept", tries=tries))
    tried(lambda tries: airflow.answer(run, "Accept"))
    tried(lambda tries: airflow.do(run, "decide", tries=tries))
    tried(lambda tries: airflow.do(run, "deploy", tries=tries))
    return killed


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    monkeypatch.setattr("automl_airflow.models.pages.body_of", lambda *_: "the evidence")

    def evaluate(task: Any, context: Any, life: Any, version: Any) -> Any:
        data, verdict = {"place": "latest.csv"}, {"ok": True, "reasons": []}
        return {"champion": life.state.champion, "version": version.number, "data": data, "verdict": verdict}, {}

    monkeypatch.setattr("automl_airflow.models.evaluating.EvaluateOperator._evaluate", evaluate)
    return Airflow.make(tmp_path, monkeypatch)


def deadly(airflow: Airflow, monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> list[int]:
    """Have every task's store kill at one write. Returns the count of writes."""
    count = [0]
    monkeypatch.setattr(
        "automl_airflow.session.open_experiment_store",
        lambda storage, connection: Deadly(open_store(storage), count, at, after),
    )
    return count


def test_a_kill_at_any_write_changes_nothing(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow.publish("r1", at=1000.0)
    count = deadly(airflow, monkeypatch, 0, after=False)
    assert roll(airflow, version=1) == 0
    writes, version, killed = count[0], 1, 0
    assert writes >= 8, "its file, a copy, offered, taken, two of evidence, asked, decided, in use"
    for at in range(1, writes + 2):
        for after in (False, True):
            version += 1
            airflow.publish(f"r{version}", at=1000.0 * version)
            count = deadly(airflow, monkeypatch, at, after)
            killed += roll(airflow, version=version)
            life = airflow.life.state
            assert sorted(life.versions) == list(range(1, version + 1)), "each result once"
            found = life.version(version)
            assert found.state is VersionState.IN_USE
            assert [each.what for each in found.decisions] == ["accepted"], f"write {at}, after: {after}"
            assert found.decision is not None
            assert life.champion == version
            assert len(life.shares) == version, "in use once"
            assert life.shares[-1].accepted == {version: found.decision.evidence}
            assert life.skipped == {}
    assert killed >= writes, "the tasks of one run write less often than the first one, which writes the file"
