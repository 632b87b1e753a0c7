"""Figures of what a process writes: right, and without looking at trials that ended long ago."""

from __future__ import annotations

from typing import Any

import pytest

from automl_airflow import figures
from automl_airflow.reporting import report
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome
from tests.support.memory_store import MemoryStore
from tests.unit.study.test_sealed import CHUNK, KEPT, opened, run_trial, small_chunks


class Gauges:
    """Airflow's metrics, as far as they are gauges."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {}

    def gauge(self, name: str, value: Any, tags: Any = None, **_: Any) -> None:
        self.last[name] = value

    def incr(self, *_: Any, **__: Any) -> None:
        """Not looked at."""

    timing = incr


def test_the_figures_of_a_record_unpack_no_trial_that_is_set_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker sends them with every record: it would read all of a long experiment's past each time."""
    gauges = Gauges()
    monkeypatch.setattr(figures, "_stats", lambda: gauges)
    with small_chunks():
        store = MemoryStore()
        for _ in range(3 * CHUNK + KEPT):
            run_trial(opened(store))
        opened(store).journal.write_snapshot()
        study = report(opened(store))
        assert len(study.state.sealed) == 3 * CHUNK
        first, second = study.ask(), study.ask()
        assert isinstance(first, Binding)
        assert isinstance(second, Binding)
        assert gauges.last["automl.slots.running"] == 2
        study.tell(first, Outcome(TrialState.FAILED, "it broke", retryable=True))
        study.tell(second, Outcome(TrialState.SUCCEEDED, value=0.5, step=1))
        assert (gauges.last["automl.slots.running"], gauges.last["automl.slots.waiting"]) == (0, 1)
        assert gauges.last["automl.slots.used"] == 0
        assert not any("_rest" in chunk.__dict__ for chunk in study.state.sealed.chunks)
