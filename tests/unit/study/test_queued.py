"""Time in a queue outside Airflow: no time of the trial, no cost, and nothing of the state's format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.states import TrialState
from automl_core.study import Outcome, Study, StudyJournal
from automl_core.study.entities import Attempt
from automl_core.study.progress import spent
from automl_core.study.queued import is_queued, seconds_of
from tests.unit.study.test_study import Clock, bound, experiment, good, open_study

QUEUED = json.dumps({"kind": "pod", "name": "p", "queue": "team-a"})
FREE = json.dumps({"kind": "pod", "name": "p"})


def queued(folder: Path) -> tuple[Study, Clock]:
    clock = Clock()
    spec = experiment(tasks=[{"name": "train", "command": ["true"], "cost_per_hour": 36}])
    return open_study(folder, spec, clock), clock


def test_an_attempt_starts_when_it_has_left_its_queue(tmp_path: Path) -> None:
    study, clock = queued(tmp_path)
    binding = bound(study.ask(0))
    study.external(binding, QUEUED)
    clock.now += 5000
    assert spent(study.state, study.experiment, clock.now) == 0.0
    study.external(binding, FREE, began=clock.now)
    clock.now += 100
    assert spent(study.state, study.experiment, clock.now) == pytest.approx(1.0)
    study.tell(binding, good(0.5))
    work = study.state.works[0]
    assert work.seconds == pytest.approx(100)
    assert work.attempts[0].started == 6000
    again = Study.load(StudyJournal(study.journal.store, study.journal.prefix))
    assert again.state == study.state, "read from the records, it is the same"


def test_one_that_ends_in_its_queue_has_run_for_no_time(tmp_path: Path) -> None:
    study, clock = queued(tmp_path)
    binding = bound(study.ask(0))
    study.external(binding, QUEUED)
    clock.now += 5000
    study.tell(binding, Outcome(TrialState.USER_CANCELED, "cleared"))
    assert study.state.works[0].seconds == 0.0


def test_a_clock_that_is_behind_starts_no_attempt_before_it_was_bound(tmp_path: Path) -> None:
    study, _ = queued(tmp_path)
    binding = bound(study.ask(0))
    study.external(binding, QUEUED)
    study.external(binding, FREE, began=10.0)
    assert study.state.works[0].attempts[0].started == 1000.0


@pytest.mark.parametrize("identity", ["", "{}", '"queue"', '{"queue": ""}', 'no json "queue"', '[{"queue": "a"}]'])
def test_other_identities_name_no_queue(identity: str) -> None:
    attempt = Attempt(number=1, task=0, worker="w", started=5.0, external=identity)
    assert not is_queued(attempt)
    assert seconds_of(attempt, 7.0) == 2.0
