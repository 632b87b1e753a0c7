"""Editing an experiment while it runs, and opening it again: what may change, what it does, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automl_core.running.simulation import SimulatedRun, SimulatedTraining, Simulation
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment, Stop
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.editing import EDITABLE, NotEditable, concurrency_at_most, edit
from automl_core.study.layout import experiment_prefix
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore

SPEC: dict[str, Any] = {
    "name": "edited",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 3},
    "space": {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1, "default": 0.05},
        "solver": {"type": "choice", "values": ["adam", "sgd", "lbfgs"], "weights": [2, 1, 1]},
    },
    "trials": {"max": 12, "concurrency": 3},
    "tasks": [{"name": "train", "command": ["true"]}],
}


def trainer(binding: Binding, params: Any) -> SimulatedTraining:
    return SimulatedTraining({1: {"accuracy": 0.5 + binding.trial / 1000}})


def simulation(store: MemoryStore, **groups: Any) -> Simulation:
    spec = {**SPEC, **{name: {**SPEC.get(name, {}), **value} for name, value in groups.items()}}
    return Simulation(Experiment.model_validate(spec), trainer, store)


def edited_at(seconds: float, wanted: dict[str, Any], store: MemoryStore, **groups: Any) -> SimulatedRun:
    sim = simulation(store, **groups)
    sim.at(seconds, lambda study: edit(study, wanted, "ann"))
    return sim.run()


def reopened(store: MemoryStore) -> Study:
    return Study.load(StudyJournal(store, experiment_prefix("edited", "simulated"), clock=lambda: 2_000_000.0))


def test_fewer_trials_end_it_earlier() -> None:
    run = edited_at(1.5, {"trials": {"max": 7}}, MemoryStore())
    assert run.stop.state == ExperimentState.FINISHED
    assert len(run.study.state.trials) == 7


def test_an_option_that_is_taken_out_is_no_default_any_more() -> None:
    sized = {"type": "ordinal", "values": [8, 16, 32], "default": 32}
    solver = {**SPEC["space"]["solver"], "default": "adam"}
    wanted = {"space": {"size": {"values": [8, 16]}, "solver": {"values": ["sgd", "adam"]}}}
    run = edited_at(1.5, wanted, MemoryStore(), space={"size": sized, "solver": solver})
    assert {trial.params["size"] for trial in run.study.state.trials[6:]} <= {8, 16}
    assert run.study.experiment.space["size"].default is None
    assert run.study.experiment.space["solver"].default == "adam", "it is among those that stay"


def test_more_trials_make_more_slots() -> None:
    store = MemoryStore()
    sim = simulation(store)
    sim.at(1.5, lambda study: edit(study, {"trials": {"max": 20}}, "ann"))
    state = sim.run().study.state
    assert state.plan["slots"] == 20
    assert state.acts[0].text == "trials.max 12 → 20"
    # the twelve slots that the simulation knew were run; Airflow starts the further ones
    assert len(state.trials) == 12
    assert state.stop is not None


def test_a_lowered_concurrency_holds_from_then_on() -> None:
    sim = simulation(MemoryStore())
    running: list[int] = []
    sim.at(1.5, lambda study: edit(study, {"trials": {"concurrency": 1}}, "ann"))
    for tenth in range(26, 60):
        sim.at(tenth / 10, lambda study: running.append(len(study.state.running)))
    assert len(sim.run().study.state.trials) == 12
    assert max(running) == 1


def test_concurrency_comes_back_up_to_the_files_and_no_further() -> None:
    study = simulation(MemoryStore()).study
    edit(study, {"trials": {"concurrency": 1}}, "ann")
    assert concurrency_at_most(study.state) == 3
    edit(study, {"trials": {"concurrency": 3}}, "ann")
    assert study.experiment.trials.concurrency == 3
    with pytest.raises(SpecError, match=r"trials.concurrency: 4 is above the file's 3"):
        edit(study, {"trials": {"concurrency": 4}}, "ann")


def test_a_new_target_is_judged_by() -> None:
    run = edited_at(2.5, {"stop": {"target": 0.503}}, MemoryStore())
    assert run.stop.kind == "target"
    assert len(run.study.state.trials) < 12


def test_a_narrowed_space_holds_for_every_trial_after_it() -> None:
    wanted = {"space": {"lr": {"high": 0.001}, "solver": {"values": ["sgd", "lbfgs"]}}}
    for algorithm in ("random", "bayesian", "tpe", "sobol", "evolution", "annealing"):
        state = edited_at(1.5, wanted, MemoryStore(), search={"algorithm": algorithm}).study.state
        edited = next(act.seq for act in state.acts)
        later = [trial.params for trial in state.trials if trial.seen >= edited]
        assert len(later) >= 5
        assert all(params["lr"] <= 0.001 and params["solver"] in ("sgd", "lbfgs") for params in later), algorithm


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"space": {"lr": {"high": 1.0}}}, r"space.lr: a space can be narrowed .* Allowed: a range within 0.0001..0.1"),
        ({"space": {"lr": {"low": 0.2}}}, r"low \(0.2\) is above high"),
        (
            {"space": {"solver": {"values": ["adam", "rmsprop"]}}},
            r"space.solver.values: a value that the space doesn't",
        ),
        ({"space": {"solver": {"values": []}}}, "a list of values is wanted"),
        ({"space": {"solver": {"low": 1}}}, "only its limits can be edited"),
        ({"space": {"momentum": {"low": 1}}}, "there is no such parameter"),
        ({"goal": {"metric": "loss"}}, "'goal' can't be edited while an experiment runs"),
        ({"trials": {"budget": None}}, "trials.budget: 'budget' can't be edited"),
        ({"trials": {"mx": 3}}, r"Did you mean 'max'\?"),
        ({"trials": {"max": 0}}, r"trials.max"),
        ({"trials": 3}, "trials: a mapping is wanted"),
        ({"space": [1]}, "space: a mapping is wanted"),
        ({"trials": {"max": 1001}}, "at most 1000"),
        ({"stop": {"target": "high"}}, r"stop.target"),
    ],
)
def test_what_can_not_be_edited_is_said_in_words(wanted: dict[str, Any], message: str) -> None:
    study = simulation(MemoryStore()).study
    before = study.state.seq
    with pytest.raises(SpecError, match=message):
        edit(study, wanted, "ann")
    assert study.refresh().seq == before


def test_rungs_are_not_laid_out_anew() -> None:
    study = simulation(MemoryStore(), search={"algorithm": "hyperband"}, trials={"budget": {"max": 9}}).study
    with pytest.raises(SpecError, match="the rungs of hyperband are laid out before the start"):
        edit(study, {"trials": {"max": 50}}, "ann")
    edit(study, {"stop": {"target": 0.7}}, "ann")
    assert study.experiment.stop.target == 0.7


def test_an_edit_that_changes_nothing_leaves_no_record() -> None:
    study = simulation(MemoryStore()).study
    before = study.state.seq
    assert edit(study, {"trials": {"max": 12}}, "ann").changes == ()
    assert study.refresh().seq == before


def test_what_has_ended_is_extended_not_edited() -> None:
    store = MemoryStore()
    simulation(store).run()
    study = reopened(store)
    with pytest.raises(NotEditable, match="extend it instead"):
        edit(study, {"trials": {"max": 20}}, "ann")
    with pytest.raises(NotEditable, match=r"it would stop again at once: .*trials.max"):
        edit(study, {}, "ann", reopen=True)


def test_what_runs_is_edited_not_extended() -> None:
    with pytest.raises(NotEditable, match="still runs"):
        edit(simulation(MemoryStore()).study, {"trials": {"max": 20}}, "ann", reopen=True)


def test_an_extended_experiment_goes_on_with_what_it_knows() -> None:
    store = MemoryStore()
    simulation(store).run()
    study = reopened(store)
    done = edit(study, {"trials": {"max": 14}}, "ann", reopen=True)
    assert (done.slots_before, done.slots) == (12, 14)
    assert study.unbound() == (12, 13)
    binding = study.ask(12)
    assert isinstance(binding, Binding)
    assert binding.trial == 12
    assert study.state.stop is None
    assert [act.act for act in study.state.acts] == ["extend"]


def test_every_reader_folds_the_same_from_records_and_from_a_snapshot() -> None:
    store = MemoryStore()
    run = edited_at(1.5, {"space": {"solver": {"values": ["sgd"]}}, "trials": {"max": 20}}, store)
    state = run.study.state
    assert State.decode(state.encode()) == state
    fresh = State()
    for record in run.study.journal.records():
        fresh.apply(record)
    assert fresh == state


def test_processes_that_hold_the_study_follow_an_edit() -> None:
    store = MemoryStore()
    one = simulation(store).study
    other = Study.load(StudyJournal(store, experiment_prefix("edited", "simulated")))
    edit(one, {"stop": {"target": 0.9}, "space": {"solver": {"values": ["sgd"]}}}, "ann")
    assert other.experiment.stop.target is None
    other.refresh()
    assert other.experiment.stop.target == 0.9
    assert other.space.by_name["solver"].values_within(0, 0) == ["sgd"]


def test_an_edit_raced_by_others_is_made_on_what_they_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    one = simulation(store).study
    other = Study.load(StudyJournal(store, experiment_prefix("edited", "simulated")))
    create: Callable[[str, bytes], bool] = store.create

    def raced(key: str, data: bytes) -> bool:
        monkeypatch.setattr(store, "create", create)
        other.stop("user", ExperimentState.USER_CANCELED, "stopped by bob", by="bob")
        return create(key, data)

    monkeypatch.setattr(store, "create", raced)
    with pytest.raises(NotEditable, match="stopped by bob"):
        edit(one, {"trials": {"max": 20}}, "ann")


def test_every_stop_condition_can_be_edited_and_so_any_end_by_one_be_extended() -> None:
    assert set(EDITABLE["stop"]) == set(Stop.model_fields)


def failed_alike(store: MemoryStore) -> Study:
    """An experiment of twelve trials that the same error in three of them has ended."""
    spec = {**SPEC, "stop": {"same_error": 3}, "trials": {"max": 12, "concurrency": 1, "retries": 0}}
    journal = StudyJournal(store, experiment_prefix("edited", "simulated"), clock=lambda: 1_000_000.0)
    study = Study.create(journal, Experiment.model_validate(spec), "simulated", [])
    for slot in range(3):
        failed(study, slot)
    assert study.state.stop is not None
    assert study.state.stop.kind == "same_error"
    return study


def failed(study: Study, slot: int) -> None:
    binding = study.ask(slot)
    assert isinstance(binding, Binding)
    study.tell(binding, Outcome(TrialState.FAILED, "no module named nope", error="e1"))


@pytest.mark.parametrize(("same_error", "ends_after"), [(5, 2), (None, None)])
def test_what_the_same_error_ended_is_extended_by_the_limit_that_it_names(
    same_error: int | None, ends_after: int | None
) -> None:
    study = failed_alike(MemoryStore())
    with pytest.raises(NotEditable, match=r"it would stop again at once: 3 trials .*\(stop.same_error\).*; change"):
        edit(study, {}, "ann", reopen=True)
    done = edit(study, {"stop": {"same_error": same_error}}, "ann", reopen=True)
    assert done.text == f"stop.same_error 3 → {'null' if same_error is None else same_error}"
    assert study.unbound() == tuple(range(3, 12))
    for count in range(1, 6):
        failed(study, 2 + count)
        stopped = study.state.stop is not None
        assert stopped is (ends_after is not None and count >= ends_after)
        if stopped:
            break
