"""From another tool's trials to a run that has ended, and what a search makes of it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from automl_core.importing.fitting import check_goal, experiment_of, fit
from automl_core.importing.trials import CannotImport, Distribution, OldStudy, OldTrial
from automl_core.importing.writing import write
from automl_core.results.reading import read_result
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage import open_store
from automl_core.storage.base import StorageError
from automl_core.study import Binding
from automl_core.study.earlier import find_earlier
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore

UNIT = Distribution("float", 0.0, 1.0)
KIND = Distribution("categorical", choices=("a", "b"))


def experiment(**groups: Any) -> Experiment:
    return Experiment.model_validate({
        "name": "e",
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random", "transfer": {}},
        "space": {
            "x": {"type": "uniform", "low": 0.0, "high": 1.0},
            "y": {"type": "uniform", "low": 0.0, "high": 1.0},
            "kind": {"type": "choice", "values": ["a", "b"]},
            "layers": {"type": "int", "low": 1, "high": 4, "when": {"kind": ["a"]}},
        },
        "trials": {"max": 20},
        "tasks": [{"command": ["true"]}],
        **groups,
    })  # fmt: skip


def old(number: int, value: float = 0.5, **changes: Any) -> OldTrial:
    params = {"x": number / 100, "y": 0.5, "kind": "b", **changes.pop("params", {})}
    distributions = {name: KIND if name == "kind" else UNIT for name in params}
    return OldTrial(
        f"trial {number}",
        params={name: value for name, value in params.items() if value != "gone"},
        distributions=distributions,
        values=changes.pop("values", (value,)),
        **changes,
    )


def study(*trials: OldTrial, **changes: Any) -> OldStudy:
    return OldStudy("optuna", "s", "s.db", changes.pop("directions", ("maximize",)), trials=list(trials), **changes)


def state_of(store: Any, run: str, name: str = "e") -> State:
    return StudyJournal(store, experiment_prefix(name, run)).refresh()


def test_a_run_that_has_ended_holds_what_was_taken_and_where_it_is_from() -> None:
    store, of_today = MemoryStore(), experiment()
    trials = [
        old(0, 0.25, started=1_000_000.0, ended=1_000_035.0, curve=((0, 0.1), (5, float("inf")), (9, 0.25))),
        old(1, 0.75, state="pruned", metrics={"seconds": 3.0}),
        old(2, state="failed", values=()),
    ]
    found = study(*trials)
    done = write(store, of_today, found, fit(found, of_today))
    state = state_of(store, done.run)
    assert state.stop is not None
    assert (state.stop.state, state.skipped) == ("FINISHED", {})
    assert state.identity["imported"] == {
        "tool": "optuna", "study": "s", "source": "s.db", "trials": 3, "taken": 2, "left_out": {"failed": 1}
    }  # fmt: skip
    first, second = (state.latest(trial) for trial in state.trials)
    assert (first.state, first.value, first.points) == (TrialState.SUCCEEDED, 0.25, ((0, 0.1), (9, 0.25)))
    assert (second.state, second.value) == (TrialState.EARLY_STOPPED, 0.75)
    assert second.metrics == {"accuracy": 0.75, "seconds": 3.0}
    assert state.trials[0].note == "trial 0, 1970-01-12 13:46 UTC, 35 s"
    assert [trial.params for trial in state.trials] == [trial.params for trial in trials[:2]]


def test_importing_twice_makes_no_second_run_unless_it_is_asked_for() -> None:
    store, of_today, found = MemoryStore(), experiment(), study(old(0), old(1))
    first = write(store, of_today, found, fit(found, of_today))
    before = dict(store.objects)
    second = write(store, of_today, found, fit(found, of_today))
    assert (second.run, second.new, store.objects) == (first.run, False, before)
    again = [write(store, of_today, found, fit(found, of_today), again=True) for _ in range(2)]
    assert [each.run for each in again] == [f"{first.run}-2", f"{first.run}-3"]
    assert again[1].others == (first.run, f"{first.run}-2")
    grown = study(old(0), old(1), old(2))
    later = write(store, of_today, grown, fit(grown, of_today))
    assert later.new
    assert set(later.others) == {first.run, f"{first.run}-2", f"{first.run}-3"}
    moved = OldStudy("optuna", "s", "/elsewhere/s.db", ("maximize",), trials=found.trials)
    assert not write(store, of_today, moved, fit(moved, of_today)).new, "the same trials from another place"


class Dying(MemoryStore):
    """A store that is away after so many records."""

    left = 0

    def create(self, key: str, data: bytes) -> bool:
        if self.left == 0:
            raise StorageError("away")
        self.left -= 1
        return super().create(key, data)


@pytest.mark.parametrize("records", range(6))
def test_an_import_that_was_cut_off_goes_on(records: int) -> None:
    store, of_today, found = Dying(), experiment(), study(old(0), old(1))
    store.left = records
    with pytest.raises(StorageError):
        write(store, of_today, found, fit(found, of_today))
    store.left = 100
    done = write(store, of_today, found, fit(found, of_today))
    assert done.new
    state = state_of(store, done.run)
    assert (len(state.trials), state.seq, state.skipped) == (2, 6, {})
    assert state.stop is not None


@pytest.mark.parametrize(
    ("trial", "reason"),
    [
        (old(1, state="failed"), "failed"),
        (old(1, state="running"), "had not ended"),
        (old(1, state="waiting"), "never began"),
        (old(1, state="pruned", values=()), "ended early before it had a value"),
        (old(1, values=()), "no value"),
        (old(1, float("inf")), "no finite value"),
        (old(1, float("nan")), "no finite value"),
        (old(1, params={"x": 1.5}), "x lies outside the experiment's values"),
        (old(1, params={"x": "0.5"}), "x lies outside the experiment's values"),
        (old(1, params={"kind": "c"}), "kind lies outside the experiment's values"),
        (old(1, params={"x": "gone"}), "has no x"),
        (old(1, params={"kind": "a"}), "has no layers"),
        (old(1, params={"kind": "a", "layers": 2.5}), "layers lies outside the experiment's values"),
        (old(1, constraints={"0": 0.5}), "breaks a constraint of the study"),
    ],
)
def test_what_can_not_be_taken_is_counted_with_its_reason(trial: OldTrial, reason: str) -> None:
    fine = old(0, params={"kind": "a", "layers": 2})
    fitted = fit(study(fine, trial), experiment())
    assert [each.place for each in fitted.trials] == ["trial 0"]
    assert fitted.left_out == {reason: ["trial 1"]}


def test_lists_are_taken_in_the_order_of_their_options() -> None:
    space = {
        "features": {"type": "subset", "values": ["age", "sex", "city"]},
        "size": {"type": "ordinal", "values": ["s", "m", "l"]},
        "always": {"type": "fixed", "value": 3},
    }
    lists = [["city", "age"], ["age", "name"], "age"]
    found = study(*(OldTrial(f"trial {n}", params={"features": each, "size": "m"}, values=(1.0,))  # type: ignore[dict-item]
                    for n, each in enumerate(lists)))  # fmt: skip
    fitted = fit(found, experiment(space=space))
    assert [each.params for each in fitted.trials] == [{"features": ["age", "city"], "size": "m", "always": 3}]
    assert fitted.left_out == {"features lies outside the experiment's values": ["trial 1", "trial 2"]}


def test_choices_that_are_lists_become_their_text_in_a_space_of_their_own() -> None:
    lists = Distribution("categorical", choices=([1, 2], {"a": 1}, None))
    trials = [OldTrial(f"trial {n}", params={"c": choice}, distributions={"c": lists}, values=(1.0,))
              for n, choice in enumerate(lists.choices)]  # fmt: skip
    found = study(*trials)
    made = experiment_of(found, "n", "./runs")
    assert [each.params["c"] for each in fit(found, made, gaps=True).trials] == ["[1, 2]", '{"a": 1}', None]


def test_inactive_unknown_and_absent_parameters() -> None:
    fitted = fit(study(old(0, params={"layers": 3, "momentum": 0.9, "y": "gone"})), experiment())
    assert [each.params for each in fitted.trials] == [{"x": 0.0, "kind": "b"}], "layers is not active beside b"
    assert fitted.notes == [
        "no trial has y: transfer takes the default, where there is one",
        "dropped, for the experiment has no such parameter: momentum",
    ]


@pytest.mark.parametrize(
    ("directions", "goal", "message"),
    [
        (("minimize",), {}, "'s' is to minimize, and e is to maximize accuracy"),
        (("maximize", "minimize"), {}, "has 2 objectives, and the goal of e has 1"),
        (("maximize", "maximize"),
         {"objectives": [{"metric": "a", "direction": "maximize"}, {"metric": "b", "direction": "minimize"}]},
         "objective 2 of 's' is to maximize, and e is to minimize b"),
        (("maximize", "minimize"),
         {"objectives": [{"metric": "a", "direction": "maximize"}, {"metric": {"b": 2.0}, "direction": "minimize"}]},
         "weighs several metrics in one objective"),
    ],
)  # fmt: skip
def test_values_of_another_goal_are_refused(directions: Any, goal: Any, message: str) -> None:
    of_today = experiment(**({"goal": goal} if goal else {}))
    with pytest.raises(CannotImport) as error:
        check_goal(study(directions=directions), of_today)
    assert message in str(error.value)


def test_nothing_is_written_where_nothing_fits() -> None:
    store, found = MemoryStore(), study(old(0, state="failed"), old(1, state="failed"))
    with pytest.raises(CannotImport, match=r"nothing of 's' in s\.db can be taken: 2 failed"):
        write(store, experiment(), found, fit(found, experiment()))
    assert not store.objects
    with pytest.raises(CannotImport, match="no trial that ended with a value"):
        experiment_of(found, "n", "./runs")


def test_a_study_of_its_own_is_an_experiment_with_its_goal_and_constraints(tmp_path: Path) -> None:
    found = study(
        old(0, values=(0.5, 2.0), constraints={"0": -1.0}), old(1, values=(0.6, 3.0), constraints={"0": 2.0}),
        old(2, values=(0.7, 9.0), constraints={"0": -2.0}, params={"x": "gone"}), directions=("maximize", "minimize"),
        metrics=("auc", "loss"),
    )  # fmt: skip
    made = experiment_of(found, "n", str(tmp_path))
    assert made.goal.summary == "maximize auc, minimize loss; constraint_0 ≤ 0"
    done = write(open_store(str(tmp_path)), made, found, fit(found, made, gaps=True))
    result = read_result(done.folder)
    assert [(t["values"], t["feasible"]) for t in result["trials"]] == [
        ({"auc": 0.5, "loss": 2.0}, True), ({"auc": 0.6, "loss": 3.0}, False), ({"auc": 0.7, "loss": 9.0}, True)
    ]  # fmt: skip
    assert json.dumps(result)


def loss(params: Params) -> float:
    x, y = float(params["x"]), float(params["y"])  # type: ignore[arg-type]
    return (x - 0.8) ** 2 + (y - 0.15) ** 2 + (0.2 if params["kind"] == "a" else 0.0)


def trained(binding: Binding, params: Params) -> SimulatedTraining:
    return SimulatedTraining({0: {"accuracy": 1 - loss(params)}})


@pytest.mark.parametrize("algorithm", ["bayesian", "tpe"])
def test_a_search_that_learns_from_an_imported_study_begins_better(algorithm: str) -> None:
    space = {name: model for name, model in experiment().model_dump(mode="json")["space"].items() if name != "layers"}
    found = study()
    rng = random.Random(3)
    for number in range(40):
        params = {"x": rng.random(), "y": rng.random(), "kind": rng.choice("ab")}
        found.trials.append(old(number, 1 - loss(params), params=params))

    def first_best(seed: int, transfer: dict[str, Any] | None) -> float:
        store = MemoryStore()
        search = {"algorithm": algorithm, "seed": seed, "transfer": transfer}
        of_today = experiment(space=space, search=search, trials={"max": 4})
        write(store, of_today, found, fit(found, of_today))
        run = Simulation(of_today, trained, store).run()
        if transfer is not None:
            (earlier,) = run.study.state.earlier
            assert (earlier.reason, len(earlier.params)) == ("", 40)
        return max(work.value or 0.0 for work in run.study.state.works.values())

    with_it = [first_best(seed, {"runs": 3}) for seed in range(2)]
    without = [first_best(seed, None) for seed in range(2)]
    assert sum(with_it) / 2 > sum(without) / 2 + 0.02, (with_it, without)
    assert min(with_it) > 0.95


def test_transfer_names_it_and_says_what_it_took() -> None:
    store, of_today = MemoryStore(), experiment(name="other")
    found = study(*(old(number) for number in range(8)))
    done = write(store, of_today, found, fit(found, of_today))
    today = experiment(search={"transfer": {"runs": 0, "experiments": [f"other@{done.run}"]}})
    (earlier,) = find_earlier(store, today, "e/today/")
    assert str(earlier) == f"other@{done.run}: 8 of 8 trials entered"
