"""Stages as studies of their own: what they obey, what they find, and the time that is kept for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.results.forecast import forecast
from automl_core.running.places import Places, carried, context_of
from automl_core.spec.models import Experiment
from automl_core.spec.stages import StageExperiment, StageName, experiment_in, stage_of
from automl_core.spec.validation import validate
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, Outcome, Over, Study, StudyJournal
from automl_core.study.prepared import NOTHING_TO_SEARCH, over_in
from automl_core.study.progress import reserve_of
from automl_core.study.stages import StageStudy, begin_stage, made_by, open_study
from tests.support.memory_store import MemoryStore

PREFIX = "a/r/"


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def experiment(**groups: Any) -> Experiment:
    data = {
        "name": "a", "goal": {"metric": "accuracy", "direction": "maximize"},
        "space": {"x": {"type": "choice", "values": [1, 2, 3]}}, "search": {"algorithm": "grid"},
        "trials": {"max": 3, "concurrency": 3, "retries": 2, "canary": False, "timeout": "9s"},
        "tasks": [{"command": "true ${x}"}], "prepare": [{"name": "split", "command": "true"}],
        "conclude": [{"name": "refit", "command": "true"}], **groups,
    }  # fmt: skip
    found, problems = validate(data)
    assert found is not None, problems
    return found


def study(clock: Clock, **groups: Any) -> Study:
    journal = StudyJournal(MemoryStore(), PREFIX, clock=clock, sleep=lambda _: None)
    return Study.create(journal, experiment(**groups), "r", [], {"run": "r"})


def begun(whole: Study, stage: StageName) -> tuple[StageStudy, Binding]:
    made = begin_stage(whole, stage)
    binding = made.ask(0)
    assert isinstance(binding, Binding)
    return made, binding


def test_a_stage_is_an_experiment_with_one_trial_and_nothing_to_measure() -> None:
    stage = stage_of(experiment(), "prepare")
    assert (stage.trials.max, stage.trials.retries, stage.trials.timeout) == (1, 2, None)
    assert stage.goal.metrics == ()
    again = experiment_in(stage.model_dump(mode="json"))
    assert isinstance(again, StageExperiment)
    assert again == stage
    with pytest.raises(ValueError, match="has no conclude"):
        stage_of(experiment(conclude=[]), "conclude")


def test_beginning_a_stage_twice_is_beginning_it_once() -> None:
    whole = study(Clock())
    first, binding = begun(whole, "prepare")
    second = begin_stage(Study.load(StudyJournal(whole.journal.store, PREFIX)), "prepare")
    assert second.state.works[0].attempts == first.state.works[0].attempts
    assert first.tell(binding, Outcome(TrialState.SUCCEEDED)).accepted
    found = open_study(StudyJournal(whole.journal.store, PREFIX + "prepare/"))
    assert isinstance(found, StageStudy)
    assert found.state.identity == {"run": "r"}
    assert isinstance(open_study(StudyJournal(whole.journal.store, PREFIX)), Study)
    assert whole.refresh().trials == []


def test_what_stops_the_experiment_stops_prepare_and_not_conclude() -> None:
    whole = study(Clock())
    prepare, one = begun(whole, "prepare")
    conclude, two = begun(whole, "conclude")
    whole.stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="cancel")
    assert prepare.order(one) == (TrialState.USER_CANCELED, "stopped by anna")
    assert conclude.order(two) is None, "when it concludes the search is over, whatever ended it"


def test_a_stop_that_lets_running_trials_finish_lets_prepare_finish() -> None:
    whole = study(Clock())
    prepare, binding = begun(whole, "prepare")
    whole.stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="drain")
    assert prepare.order(binding) is None


def test_the_search_ends_early_enough_for_conclude() -> None:
    clock = Clock()
    whole = study(clock, stop={"deadline": "100s"}, conclude=[{"name": "refit", "command": "true", "timeout": "25s"}])
    slot = whole.ask(0)
    assert isinstance(slot, Binding)
    clock.now += 64
    assert whole.order(slot) is None
    clock.now += 1
    ordered = whole.order(slot)
    assert ordered is not None
    assert ordered[0] is TrialState.SYS_CANCELED, "a deadline waits for nobody, whatever stop.running_trials says"
    assert whole.state.stop is not None
    assert (whole.state.stop.kind, whole.state.stop.running) == ("deadline", "cancel")
    assert "less 35s that are kept for conclude" in whole.state.stop.reason


def test_the_deadline_ends_prepare_and_conclude_too() -> None:
    clock = Clock()
    whole = study(clock, stop={"deadline": "100s"})
    prepare, one = begun(whole, "prepare")
    clock.now += 91  # a tenth is kept
    ordered = prepare.order(one)
    assert ordered is not None
    assert "stop.deadline" in ordered[1]
    conclude, two = begun(whole, "conclude")
    assert conclude.order(two) is None
    clock.now += 10
    assert conclude.order(two) == (TrialState.SYS_CANCELED, "the experiment's 1m 40s are over (stop.deadline)")
    conclude.tell(two, Outcome(TrialState.SYS_CANCELED, "over"))
    later = conclude.ask(0)  # a person clears it: they want it, however late
    assert isinstance(later, Binding)
    assert conclude.order(later) is None


def test_an_experiment_without_stages_may_search_until_its_deadline() -> None:
    clock = Clock()
    whole = study(clock, stop={"deadline": "100s"}, prepare=[], conclude=[])
    slot = whole.ask(0)
    assert isinstance(slot, Binding)
    clock.now += 99
    assert whole.order(slot) is None
    clock.now += 1
    assert whole.order(slot) is not None


def test_what_is_kept_for_conclude_follows_what_trials_take() -> None:
    clock = Clock()
    whole = study(clock, stop={"deadline": "100s"})
    assert reserve_of(whole.state, whole.experiment) == 20, "ten seconds more than it takes: Airflow has to start it"
    for slot, seconds in ((0, 20.0), (1, 30.0), (2, 40.0)):
        binding = whole.ask(slot)
        assert isinstance(binding, Binding)
        clock.now += seconds
        whole.tell(binding, Outcome(TrialState.SUCCEEDED, value=1.0))
    assert reserve_of(whole.state, whole.experiment) == 40, "the median: it often trains the best of them once more"
    longer = experiment(stop={"deadline": "40s"})
    assert reserve_of(whole.state, longer) == 20, "never more than half"
    assert reserve_of(whole.state, experiment()) == 0


def test_a_pod_finds_what_was_prepared_where_it_is_for_it() -> None:
    whole = study(Clock())
    binding = whole.ask(0)
    assert isinstance(binding, Binding)
    places = Places(whole.journal.store, PREFIX, binding, "/mnt/runs")
    context = context_of(whole, binding, places)
    assert context.prepared_dir == "/mnt/runs/a/r/prepare/experiment_0/model"
    assert context.trials_file is None
    conclude, two = begun(whole, "conclude")
    places = Places(whole.journal.store, conclude.journal.prefix, two, "s3://bucket/models")
    context = context_of(conclude, two, places)
    assert context.prepared_dir == "s3://bucket/models/a/r/prepare/experiment_0/model"
    assert context.trials_file == "s3://bucket/models/a/r/conclude/input/trials.json"
    here, order = carried(context, places, "/work", 5.0, "/work/ended")
    assert (here.prepared_dir, here.trials_file) == ("/work/prepared", "/work/input/trials.json")
    assert order.fetch["a/r/prepare/experiment_0/model/"] == "/work/prepared"
    assert order.fetch["a/r/conclude/input/"] == "/work/input"


@pytest.mark.parametrize(
    ("where", "command", "says"),
    [
        ("prepare", "split ${x}", "belongs to no trial"),
        ("prepare", "split ${prepared_dir}", "its own place is ${model_dir}"),
        ("conclude", "refit ${budget}", "belongs to no trial"),
        ("tasks", "train ${x} ${trials_file}", "only the training tasks of conclude"),
    ],
)
def test_a_placeholder_has_a_meaning_in_its_place_alone(where: str, command: str, says: str) -> None:
    data = experiment().model_dump(mode="json")
    data[where] = [{"name": "t", "command": command}]
    found, problems = validate(data)
    assert found is None
    assert any(says in problem.message and problem.path[0] == where for problem in problems), problems


def test_what_was_prepared_is_not_there_without_prepare() -> None:
    data = experiment(prepare=[]).model_dump(mode="json")
    data["tasks"] = [{"name": "t", "command": "train ${x} ${prepared_dir}"}]
    assert any("has no prepare" in problem.message for problem in validate(data)[1])
    data["prepare"] = [{"name": "a", "command": "true"}, {"name": "a", "command": "true"}]
    assert any("prepare" in problem.path and "two training tasks" in problem.message for problem in validate(data)[1])


def test_a_duration_that_prepare_has_used_up_is_not_laid_to_airflow() -> None:
    clock = Clock()
    whole = study(clock, stop={"max_duration": "1h", "running_trials": "cancel"})
    stage, binding = begun(whole, "prepare")
    clock.now += 3601
    ordered = stage.order(binding)
    assert ordered is not None
    assert ordered[0] is TrialState.SYS_CANCELED
    assert "prepare took that time" in ordered[1]
    assert "a pool" not in ordered[1]


def prepared(whole: Study, said: bytes | None) -> None:
    """`prepare` ends well, and has left word of what there is to search, or none."""
    key = made_by(PREFIX, "prepare") + NOTHING_TO_SEARCH
    stage, binding = begun(whole, "prepare")
    if said is None:
        whole.journal.store.delete_prefix(key)
    else:
        whole.journal.store.put(key, said)
    assert stage.tell(binding, Outcome(TrialState.SUCCEEDED)).accepted


def test_where_prepare_finds_nothing_to_search_one_trial_stands_for_all() -> None:
    whole = study(Clock())
    prepared(whole, b'{"reason": "all rows are of one class"}')
    first = whole.ask(0)
    assert isinstance(first, Binding), "a model needs one"
    second = whole.ask(1)
    assert isinstance(second, Over)
    assert second.reason == "all rows are of one class"
    told = whole.tell(first, Outcome(TrialState.SUCCEEDED, value=0.5))
    assert told.stop is not None
    assert (told.stop.state, told.stop.reason) == (
        ExperimentState.NO_MORE_TRIAL, "all rows are of one class; 1 trial of at most 3 were run",
    )  # fmt: skip
    conclude, binding = begun(whole, "conclude")
    assert conclude.tell(binding, Outcome(TrialState.FAILED, "no room", retryable=True)).retry, (
        "stages have no search that could end"
    )
    assert isinstance(conclude.ask(0), Binding)


@pytest.mark.parametrize(
    "said",
    [
        None, b"{}", b"[1]", b"no JSON", b'{"reason": ""}', b'{"reason": " "}', b'{"reason": true}', b'{"reason": [1]}',
        b"[" * 200_000,
    ],
    ids=lambda said: repr(said)[:20],
)  # fmt: skip
def test_where_prepare_says_nothing_of_it_all_trials_run(said: bytes | None) -> None:
    whole = study(Clock())
    prepared(whole, said)
    assert all(isinstance(whole.ask(slot), Binding) for slot in range(3))


def test_a_table_that_was_mended_is_searched_once_prepare_was_cleared() -> None:
    whole = study(Clock())
    prepared(whole, b'{"reason": "all rows are of one class"}')
    assert over_in(whole.refresh().inputs)
    stage = begin_stage(whole, "prepare")
    again = stage.ask(0, generation=1)
    assert isinstance(again, Binding)
    whole.journal.store.delete_prefix(made_by(PREFIX, "prepare") + NOTHING_TO_SEARCH)
    stage.tell(again, Outcome(TrialState.SUCCEEDED))
    assert not over_in(whole.refresh().inputs)
    assert isinstance(whole.ask(0), Binding)
    assert isinstance(whole.ask(1), Binding)


def test_the_word_of_prepare_is_kept_in_one_line() -> None:
    whole = study(Clock())
    prepared(whole, json.dumps({"reason": "all rows are of one class\n" + "x" * 1_000_000}).encode())
    assert over_in(whole.refresh().inputs).startswith("all rows are of one class")
    assert len(over_in(whole.refresh().inputs)) < 1_000


def test_once_one_trial_stands_for_all_forecasts_await_no_other() -> None:
    whole = study(Clock())
    assert forecast(whole.state, whole.experiment, 0.0).trials_left == 3
    prepared(whole, b'{"reason": "all rows are of one class"}')
    assert isinstance(whole.ask(0), Binding)
    assert forecast(whole.state, whole.experiment, 0.0).trials_left == 1
