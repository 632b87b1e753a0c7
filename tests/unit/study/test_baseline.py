"""``search.baseline``: the trial of the defaults, what it needs, and what the search gains over it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.cli.display import baseline_text
from automl_core.cli.served import summary_of
from automl_core.results.entries import baseline_entry, baseline_words, controller
from automl_core.results.leaderboard import Leaderboard
from automl_core.results.summary import summary
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Study
from automl_core.study.baseline import gain
from automl_core.views.overview import overview
from automl_core.views.view import ExperimentView
from tests.support.memory_store import MemoryStore
from tests.unit.results.lab import Lab, experiment

DEFAULTS: dict[str, Any] = {
    "lr": {"type": "loguniform", "low": 1e-5, "high": 0.1, "default": 0.001},
    "solver": {"type": "choice", "values": ["adam", "sgd"], "default": "adam"},
}  # fmt: skip


def lab(**groups: Any) -> Lab:
    return Lab(experiment(search={"baseline": True}, space=DEFAULTS, **groups))


@pytest.mark.parametrize(
    ("before", "after", "maximize", "absolute", "relative"),
    [
        (0.8, 0.9, True, 0.1, 0.125), (0.8, 0.9, False, -0.1, -0.125), (2.0, 1.5, False, 0.5, 0.25),
        (-4.0, -3.0, True, 1.0, 0.25), (-4.0, -5.0, False, 1.0, 0.25), (0.0, 0.5, True, 0.5, None),
    ],
)  # fmt: skip
def test_a_gain_is_above_0_where_it_is_better(
    before: float, after: float, maximize: bool, absolute: float, relative: float | None
) -> None:
    found = gain(before, after, maximize=maximize)
    assert found.absolute == pytest.approx(absolute)
    assert found.relative == (None if relative is None else pytest.approx(relative))


@pytest.mark.parametrize(("direction", "better"), [("maximize", 0.9), ("minimize", 0.7)])
def test_the_result_says_what_is_gained(direction: str, better: float) -> None:
    run = lab(goal={"metric": "accuracy", "direction": direction})
    for value in (0.8, better, 0.8):
        run.trial(value)
    run.stop()
    entry = controller(run.spec, run.state)["experiment"]["baseline"]
    assert entry == {
        "trial": 0, "state": "SUCCEEDED", "value": 0.8, "best_trial": 1, "gain": pytest.approx(0.1),
        "relative_gain": pytest.approx(0.125),
    }  # fmt: skip
    assert summary(run.state, run.spec, run.clock.now).to_json()["baseline"] == entry
    board = Leaderboard.from_controller(controller(run.spec, run.state))
    assert board.head().endswith("0.1 (12.5 %) better than the defaults (0.8, trial 0).")
    assert "0 (defaults)" in board.to_markdown()


def test_where_nothing_is_gained_that_is_said() -> None:
    run = lab()
    run.trial(0.8)
    run.trial(0.7)
    entry = baseline_entry(run.spec, run.state)
    assert entry is not None
    assert (entry["best_trial"], entry["gain"]) == (0, 0.0)
    assert baseline_words(entry) == "nothing better than the defaults (0.8, trial 0)"


def test_a_baseline_that_failed_says_so() -> None:
    run = lab()
    run.trial(None)
    run.trial(0.7)
    entry = baseline_entry(run.spec, run.state)
    assert entry is not None
    assert (entry["value"], entry["gain"], entry["best_trial"]) == (None, None, 1)
    assert baseline_words(entry) == "the defaults (trial 0) have no value: failed"


def test_several_objectives_have_a_gain_each() -> None:
    goals = [{"metric": "accuracy", "direction": "maximize"}, {"metric": "latency", "direction": "minimize"}]
    body = experiment(search={"baseline": True}, space=DEFAULTS).model_dump(mode="json") | {
        "goal": {"objectives": goals}
    }
    run = Lab(Experiment.model_validate(body))
    for accuracy, latency in ((0.8, 20.0), (0.9, 10.0)):
        slot = run.bind()
        run.end(slot, accuracy, metrics={"accuracy": accuracy, "latency": latency})
    entry = baseline_entry(run.spec, run.state)
    assert entry is not None
    assert entry["gains"] == {
        "accuracy": {"gain": pytest.approx(0.1), "relative_gain": pytest.approx(0.125)},
        "latency": {"gain": 10.0, "relative_gain": 0.5},
    }


def test_without_one_nothing_is_said() -> None:
    run = Lab(experiment(space=DEFAULTS))
    run.trial(0.8)
    assert "baseline" not in controller(run.spec, run.state)["experiment"]
    assert summary(run.state, run.spec, run.clock.now).baseline is None
    assert "defaults" not in Leaderboard.from_controller(controller(run.spec, run.state)).head()


FILE = """\
name: x
goal: {metric: loss, direction: minimize}
search: {baseline: true, algorithm: random}
trials: {max: 3}
space:
  lr: {type: uniform, low: 0, high: 1}
  solver: {type: choice, values: [a, b], default: a}
  momentum: {type: uniform, low: 0, high: 1, when: {solver: [b]}}
  nested: {type: choice, values: [x, {value: y, space: {depth: {type: int, low: 1, high: 3}}}], default: y}
  seed: {type: fixed, value: 7}
  one: {type: int, low: 3, high: 3}
tasks: [{command: [train]}]
"""


def test_a_parameter_without_default_is_refused_by_name_and_line() -> None:
    with pytest.raises(SpecError) as caught:
        parse_experiment(FILE, "x.yaml")
    assert {problem.line for problem in caught.value.problems} == {6, 9}
    assert "'lr' has none" in str(caught.value)
    assert "'depth' has none" in str(caught.value)
    assert "momentum" not in str(caught.value), "it doesn't exist beside the defaults"
    good = FILE.replace("high: 1}\n", "high: 1, default: 0.5}\n", 1).replace("high: 3}}}", "high: 3, default: 2}}}")
    found = parse_experiment(good, "x.yaml")
    assert found.search.baseline
    with pytest.raises(SpecError, match=r"trials\.max is 1"):
        parse_experiment(good.replace("max: 3", "max: 1"), "x.yaml")
    with pytest.raises(SpecError, match="'lr' has none"):  # also where something else is wrong
        parse_experiment(FILE.replace("name: x", "name: x\ncolor: red"), "x.yaml")


def test_the_first_trial_of_a_run_is_the_baseline_and_no_rule_ends_it() -> None:
    """A rule that ends everything after one step ends everything but the baseline."""
    spec = experiment(
        search={"baseline": True, "algorithm": "random"}, space=DEFAULTS,
        trials={"max": 4, "concurrency": 1, "early_stopping": {"rule": "patience", "patience": 1}},
    )  # fmt: skip

    def trainer(*_: Any) -> SimulatedTraining:
        return SimulatedTraining({step: {"accuracy": 0.9 - 0.1 * step} for step in range(1, 6)}, 10.0)

    state = Simulation(spec, trainer, MemoryStore()).run().study.state
    states = [state.state_of(trial) for trial in state.trials]
    assert states == [TrialState.SUCCEEDED, *[TrialState.EARLY_STOPPED] * 3]
    assert state.trials[0].params == {"lr": 0.001, "solver": "adam"}
    assert state.trials[0].note == "baseline"


def test_the_page_and_those_who_ask_the_server_say_the_same() -> None:
    run = lab()
    for value in (0.8, 0.9):
        run.trial(value)
    view = ExperimentView(Study.load(run.journal))
    told = json.loads(json.dumps(overview(view)))
    assert told["baseline"] == baseline_entry(run.spec, run.state)
    assert summary_of(told).baseline == told["baseline"]
    assert baseline_text(summary_of(told)) == "0.1 (12.5 %) better than the defaults (0.8, trial 0)"
