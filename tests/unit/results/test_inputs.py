"""What a run works on, in its result, its summary and its pages."""

from __future__ import annotations

from typing import Any

from automl_core.results.entries import controller
from automl_core.results.inputs import data_lines
from automl_core.results.summary import summary
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.views.overview import overview
from automl_core.views.trial import trial_page
from automl_core.views.view import ExperimentView
from tests.support.memory_store import MemoryStore
from tests.unit.running.promises import experiment

FOUND = {"place": "s3://lake/a.csv", "kind": "file", "digest": "0123456789ab", "files": 1, "bytes": 12, "quick": "x"}
CHANGED = "data.train (s3://lake/a.csv) has changed since the run began: it was …"


def study(**inputs: Any) -> Study:
    spec = experiment(data={"train": "s3://lake/a.csv", "valid": "s3://lake/b.csv"}, trials={"max": 3})
    made = Study.create(StudyJournal(MemoryStore(), "e/r/"), spec, "r", [], inputs=inputs)
    for slot in range(3):
        binding = made.ask(slot)
        assert isinstance(binding, Binding)
        if slot == 1:
            made.warn(binding, CHANGED)
        made.tell(binding, Outcome(TrialState.SUCCEEDED, value=0.5, metrics={"accuracy": 0.5}))
    return made


def test_the_result_has_the_fingerprints_and_which_trials_found_others() -> None:
    made = study(data={"train": FOUND, "valid": {"place": "s3://lake/b.csv", "missing": True, "why": "nothing"}})
    result = controller(made.experiment, made.state)
    data = result["experiment"]["data"]
    assert data["train"] == {
        "place": "s3://lake/a.csv", "kind": "file", "digest": "0123456789ab", "files": 1, "bytes": 12,
        "told": "1 file, 12 bytes (01234567)", "changed_in": [1],
    }  # fmt: skip
    assert (data["valid"]["told"], data["valid"]["changed_in"]) == ("not there when the run began", [])
    assert [trial.get("warnings") for trial in result["trials"]] == [None, [CHANGED], None]
    assert "prepared_by" not in result["experiment"]


def test_whose_prepare_it_uses() -> None:
    made = study(prepare={"key": "k", "taken": {"run": "earlier", "prefix": "e/earlier/"}})
    assert controller(made.experiment, made.state)["experiment"]["prepared_by"] == "earlier"


def test_a_run_without_data_has_nothing_of_it() -> None:
    made = study()
    assert not {"data", "prepared_by"} & controller(made.experiment, made.state)["experiment"].keys()
    assert list(data_lines(summary(made.state, made.experiment, 0.0).data)) == []


def test_the_summary_and_the_pages_have_it_too() -> None:
    made = study(data={"train": FOUND})
    found = summary(made.state, made.experiment, 0.0)
    assert list(data_lines(found.data)) == [
        "data.train: s3://lake/a.csv: 1 file, 12 bytes (01234567); changed before trial 1"
    ]
    view = ExperimentView(made)
    assert overview(view)["data"] == found.data
    assert trial_page(view, 1, lambda *_: {})["warnings"] == [CHANGED]
    assert trial_page(view, 0, lambda *_: {})["warnings"] == []


def test_a_restarted_attempt_is_warned_of_once() -> None:
    made = study(data={"train": FOUND})
    attempt = made.state.works[1].attempts[0]
    assert attempt.warnings == [CHANGED]
    made.warn(made.binding(1, 0), CHANGED)  # it has ended: nothing is noted with it any more
    assert made.refresh().works[1].attempts[0].warnings == [CHANGED]
