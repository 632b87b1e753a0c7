from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState
from automl_core.stopping.experiment import Progress, Verdict, judge

Values = list[tuple[int, float | None]]


def experiment(direction: str = "maximize", trials: dict[str, Any] | None = None, **stop: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "x",
            "goal": {"metric": "auc", "direction": direction},
            "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": 10, **(trials or {})},
            "stop": stop,
            "tasks": [{"name": "train", "command": ["true"]}],
        }
    )


def results(*values: float | None) -> tuple[tuple[int, float | None], ...]:
    return tuple(enumerate(values))


def running(started: int = 5, **fields: Any) -> Progress:
    return Progress(**{"started": started, "running": 2, "succeeded": max(started - 2, 0), **fields})


def ended(started: int = 10, **fields: Any) -> Progress:
    return Progress(**{"started": started, "succeeded": started, **fields})


STILL = {"trials": 3, "min_delta": 0.01}


@pytest.mark.parametrize(
    ("progress", "file", "kind", "state", "reason"),
    [
        (
            running(cancelled_by="anna"),
            experiment(),
            "user",
            ExperimentState.USER_CANCELED,
            "stopped by anna",
        ),
        (
            running(failed=3),
            experiment(trials={"max_failed": 2}),
            "max_failed",
            ExperimentState.FAILED,
            "3 trials failed, at most 2 may (trials.max_failed)",
        ),
        (
            running(failed=1),
            experiment(trials={"max_failed": 0}),
            "max_failed",
            ExperimentState.FAILED,
            "1 trial failed, at most 0 may (trials.max_failed)",
        ),
        (
            running(values=results(0.5, None, 0.991)),
            experiment(target=0.99),
            "target",
            ExperimentState.EARLY_STOPPED,
            "trial 2 reached auc 0.991, the target is 0.99 or more (stop.target)",
        ),
        (
            running(values=results(0.5, 0.1)),
            experiment("minimize", target=0.1),
            "target",
            ExperimentState.EARLY_STOPPED,
            "trial 1 reached auc 0.1, the target is 0.1 or less (stop.target)",
        ),
        (
            ended(),
            experiment(),
            "max_trials",
            ExperimentState.FINISHED,
            "10 of at most 10 trials have ended (trials.max)",
        ),
        (
            ended(succeeded=0, failed=10),
            experiment(),
            "max_trials",
            ExperimentState.FAILED,
            "10 of at most 10 trials have ended (trials.max), none with a value: 10 trials failed",
        ),
        (
            running(10),
            experiment(),
            "max_trials",
            ExperimentState.FINISHED,
            "10 of at most 10 trials have started, 2 go on (trials.max)",
        ),
        (
            ended(6, exhausted="all 6 combinations are evaluated"),
            experiment(),
            "exhausted",
            ExperimentState.NO_MORE_TRIAL,
            "all 6 combinations are evaluated; 6 trials of at most 10 were run",
        ),
        (
            ended(6, slots_left=0),
            experiment(),
            "exhausted",
            ExperimentState.NO_MORE_TRIAL,
            "the algorithm has handed out all it planned; 6 trials of at most 10 were run",
        ),
        (
            ended(10, budgeted=True, slots_left=0),
            experiment(),
            "max_trials",
            ExperimentState.FINISHED,
            "10 of at most 10 trials have ended (trials.max)",
        ),
        (
            running(elapsed=7384.0),
            experiment(max_duration="2h"),
            "max_duration",
            ExperimentState.EARLY_STOPPED,
            "it ran for 2h 03m, 2h 00m is allowed (stop.max_duration)",
        ),
        (
            running(cost=20.0),
            experiment(max_cost=20),
            "max_cost",
            ExperimentState.EARLY_STOPPED,
            "it cost 20.00, 20.00 is allowed (stop.max_cost)",
        ),
        (
            running(values=results(0.5, 0.8, 0.7, 0.805, None, 0.81)),
            experiment(no_improvement=STILL),
            "no_improvement",
            ExperimentState.EARLY_STOPPED,
            "no improvement by more than 0.01 on auc 0.8 of trial 1 in the 3 trials finished since, "
            "3 may pass without (stop.no_improvement)",
        ),
    ],
)
def test_each_condition_with_its_words(
    progress: Progress, file: Experiment, kind: str, state: ExperimentState, reason: str
) -> None:
    assert judge(progress, file) == Verdict(kind, state, reason)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({}, "no trial was bound: Airflow started none of its slots in that time"),
        ({"started": 3, "running": 3, "jobless": 2}, "of 2 of 3 that were bound no job could be started"),
        ({"started": 1, "running": 1}, "none of the 1 trial bound has ended"),
    ],
)
def test_time_that_is_over_before_a_trial_has_ended_says_what_it_went_into(counts: dict[str, int], why: str) -> None:
    verdict = judge(Progress(elapsed=105.0, **counts), experiment(max_duration="100s"))
    assert verdict is not None
    assert (verdict.kind, verdict.state) == ("max_duration", ExperimentState.EARLY_STOPPED)
    assert verdict.reason.startswith("it ran for 1m 45s, 1m 40s is allowed (stop.max_duration); ")
    assert why in verdict.reason


@pytest.mark.parametrize(
    ("progress", "file"),
    [
        (Progress(), experiment(target=0.9, max_duration="1h", max_cost=1, no_improvement=STILL)),
        (running(failed=2), experiment(trials={"max_failed": 2})),
        (running(failed=100), experiment()),
        (running(values=results(0.98, None, math.nan)), experiment(target=0.99)),
        (running(elapsed=7199.9), experiment(max_duration="2h")),
        (running(cost=19.99), experiment(max_cost=20)),
        (running(9), experiment()),
        (ended(9), experiment()),
        (ended(10, budgeted=True), experiment()),
        (ended(10, budgeted=True, slots_left=3), experiment()),
        (running(6, exhausted="all 6 combinations are evaluated"), experiment()),
        (running(6, running=0, waiting=1, slots_left=0), experiment()),
        (running(values=results(0.5, 0.8, 0.7, 0.7)), experiment(no_improvement=STILL)),
        (running(values=results(0.5, 0.8, 0.7, 0.7, 0.82)), experiment(no_improvement=STILL)),
        (running(values=results(0.8, None, None, None, None)), experiment(no_improvement=STILL)),
        (running(values=results(None, None, None, None)), experiment(no_improvement=STILL)),
    ],
)
def test_what_is_no_reason_to_stop(progress: Progress, file: Experiment) -> None:
    assert judge(progress, file) is None


def test_the_first_of_several_is_named() -> None:
    file = experiment(trials={"max_failed": 0}, target=0.5, max_duration="1s", max_cost=1, no_improvement={"trials": 1})
    fields: dict[str, Any] = {"values": results(0.7, 0.6), "elapsed": 10.0, "cost": 5.0, "started": 10, "succeeded": 9}
    order = []
    for change in (
        {"cancelled_by": "anna", "failed": 1},
        {"cancelled_by": None},
        {"failed": 0},
        {"values": results(0.4, 0.3)},
        {"running": 1},
        {"elapsed": 0.0},
        {"cost": 0.0},
        {"values": ()},
    ):
        fields |= change
        verdict = judge(Progress(**fields), file)
        assert verdict is not None
        order.append(verdict.kind)
    assert order == [
        "user",
        "max_failed",
        "target",
        "max_trials",
        "max_duration",
        "max_cost",
        "no_improvement",
        "max_trials",
    ]


def test_only_what_cuts_short_may_end_running_trials() -> None:
    for progress, file, cuts in (
        (running(10), experiment(), False),
        (ended(5, exhausted="grid done"), experiment(), False),
        (running(elapsed=9.0), experiment(max_duration="1s"), True),
        (running(cancelled_by=""), experiment(), True),
    ):
        verdict = judge(progress, file)
        assert verdict is not None
        assert verdict.cuts_short is cuts


def test_slow_gains_add_up_to_an_improvement() -> None:
    creeping = results(*(0.5 + 0.004 * i for i in range(30)))
    assert judge(running(values=creeping), experiment(no_improvement=STILL)) is None


def test_a_trial_that_is_promoted_counts_once() -> None:
    values = ((0, 0.8), (1, 0.5), (2, 0.4), (1, 0.6), (1, 0.7), (0, 0.8))
    assert judge(running(values=values), experiment(no_improvement=STILL)) is None
    assert judge(running(values=(*values, (3, 0.1))), experiment(no_improvement=STILL)) is not None


VALUES = st.lists(st.one_of(st.none(), st.floats(-1e3, 1e3)), max_size=30)
PATIENCE = st.fixed_dictionaries({"trials": st.integers(1, 8), "min_delta": st.floats(0, 10)})


@given(VALUES, PATIENCE, st.sampled_from(["maximize", "minimize"]))
def test_a_better_value_never_makes_it_give_up_earlier(
    values: list[float | None], patience: dict[str, Any], direction: str
) -> None:
    sign = 1 if direction == "maximize" else -1
    best = max((sign * v for v in values if v is not None), default=0.0)
    better = sign * (best + patience["min_delta"] + 1)
    file = experiment(direction, no_improvement=patience)
    assert judge(running(values=results(*values, better)), file) is None
    for more in range(patience["trials"]):
        assert judge(running(values=results(*values, better, *[values[0] if values else 0.0] * more)), file) is None


@given(VALUES, PATIENCE)
def test_it_gives_up_by_and_by(values: list[float | None], patience: dict[str, Any]) -> None:
    file = experiment(no_improvement=patience)
    verdict = judge(running(values=results(0.0, *values, *[-1e4] * patience["trials"])), file)
    assert verdict is not None
    assert verdict.kind == "no_improvement"


@given(VALUES, PATIENCE, st.floats(-1e3, 1e3), st.integers(0, 12), st.integers(0, 3))
def test_maximise_and_minimise_are_mirror_images(
    values: list[float | None], patience: dict[str, Any], target: float, started: int, busy: int
) -> None:
    def kind(direction: str, sign: int) -> tuple[str, ExperimentState] | None:
        turned = results(*(None if v is None else sign * v for v in values))
        file = experiment(direction, target=sign * target, no_improvement=patience)
        verdict = judge(Progress(values=turned, started=started, running=busy, succeeded=1), file)
        return (verdict.kind, verdict.state) if verdict else None

    assert kind("maximize", 1) == kind("minimize", -1)


@given(VALUES, VALUES, PATIENCE)
def test_failures_neither_improve_nor_use_up_patience(
    values: list[float | None], more: list[float | None], patience: dict[str, Any]
) -> None:
    file = experiment(no_improvement=patience)
    numbered = list(enumerate([*values, *more]))
    assume(numbered)
    kept = [(number, value) for number, value in numbered if value is not None]
    assert judge(running(values=tuple(numbered)), file) == judge(running(values=tuple(kept)), file)


def test_what_breaks_a_constraint_reaches_no_target() -> None:
    progress = running(values=results(0.5, 0.95, 0.7), infeasible=frozenset({1}))
    assert judge(progress, experiment(target=0.9)) is None
    assert judge(running(values=results(0.5, 0.95)), experiment(target=0.9)) is not None


def test_what_breaks_a_constraint_is_no_improvement_but_counts_as_a_trial_without_one() -> None:
    values = results(0.5, 0.9, 0.9, 0.9)
    verdict = judge(running(values=values, infeasible=frozenset({1, 2, 3})), experiment(no_improvement=STILL))
    assert verdict is not None
    assert "no improvement by more than 0.01 on auc 0.5 of trial 0 in the 3 trials" in verdict.reason
    assert judge(running(values=values, infeasible=frozenset(range(4))), experiment(no_improvement=STILL)) is None


@pytest.mark.parametrize(
    ("gains", "stops"),
    [
        ([0.0, 0.0, 0.01], True),
        ([0.02, 0.0, 0.0], False),
        ([0.0, 0.0], False),
    ],
)
def test_with_several_objectives_no_improvement_is_a_front_that_stands_still(gains: list[float], stops: bool) -> None:
    progress = running(values=results(1, 2, 3, 4), gains=tuple(enumerate(gains)))
    verdict = judge(progress, experiment(no_improvement=STILL))
    assert (verdict is not None) is stops
    if verdict is not None:
        assert verdict.reason.startswith("the Pareto front's hypervolume did not grow by more than 0.01 of its box in")
