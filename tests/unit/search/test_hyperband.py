"""Hyperband on a simulated experiment: the published rungs, who is promoted, who waits."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from automl_core.search import BudgetRange, Exhausted, NewTrial, PastTrial, Promote, Wait, create
from automl_core.search.base import Context
from automl_core.search.brackets import BracketSearch, fit
from automl_core.search.schedule import schedule
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, Simulation, build

SPACE = build(SPACES["mixed"])


def by_number(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
    """The lower the number, the better."""
    return TrialState.SUCCEEDED, float(trial.number)


def simulation(budget: BudgetRange, max_trials: int = 500, outcome: Any = by_number, **more: Any) -> Simulation:
    workers = more.pop("workers", 1)
    return Simulation(create("hyperband", Context(SPACE, max_trials, budget=budget, **more)), outcome, workers)


@pytest.mark.parametrize(("R", "recommendations", "jobs", "units"), [(27, 42, 61, 234), (81, 123, 182, 999)])
@pytest.mark.parametrize("workers", [1, 7])
def test_runs_the_published_schedule(R: int, recommendations: int, jobs: int, units: int, workers: int) -> None:
    run = simulation(BudgetRange(1, R, 3), workers=workers).run(1000)

    rungs = Counter((d.bracket, d.budget) for d in run.decisions)  # type: ignore[union-attr]
    assert [[(rungs[b, r], r) for _, r in bracket] for b, bracket in enumerate(schedule(R, 3))] == schedule(R, 3)
    plan = run.algorithm.plan()
    assert (plan.trials, plan.slots, plan.units) == (recommendations, jobs, units)
    assert (len(run.trials), len(run.decisions)) == (recommendations, jobs)


def test_the_best_of_a_complete_rung_are_promoted_best_first() -> None:
    run = simulation(BudgetRange(1, 9, 3))
    for _ in range(9):
        assert isinstance(run.ask(), NewTrial)
    assert isinstance(run.ask(), Wait)
    for number in range(9):
        assert isinstance(run.ask(), Wait)
        run.finish(number)

    promoted = [run.ask() for _ in range(3)]

    assert [(d.trial, d.budget, d.rung) for d in promoted] == [(0, 3, 1), (1, 3, 1), (2, 3, 1)]  # type: ignore[union-attr]
    assert isinstance(run.ask(), Wait)


def test_ties_go_to_the_lower_number() -> None:
    run = simulation(BudgetRange(1, 9, 3), outcome=lambda trial, budget: (TrialState.SUCCEEDED, 0.5)).run()

    promoted = [d.trial for d in run.decisions if isinstance(d, Promote)]
    assert promoted[:3] == [0, 1, 2]


def test_failures_complete_a_rung_and_are_never_promoted() -> None:
    def outcome(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
        return (TrialState.FAILED, None) if trial.number < 7 else by_number(trial, budget)

    run = simulation(BudgetRange(1, 9, 3), outcome=outcome).run()

    first = [d for d in run.decisions if d.bracket == 0]  # type: ignore[union-attr]
    assert [d.trial for d in first if isinstance(d, Promote)] == [7, 8, 7]  # two survivors for three places


def test_a_rung_of_failures_ends_its_bracket_and_the_next_one_starts() -> None:
    def outcome(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
        return (TrialState.FAILED, None) if trial.number < 9 else by_number(trial, budget)

    run = simulation(BudgetRange(1, 9, 3), outcome=outcome).run()

    assert {d.bracket for d in run.decisions} == {0, 1}  # type: ignore[union-attr]
    assert isinstance(run.end, Exhausted)


def test_nan_counts_as_no_value() -> None:
    run = simulation(
        BudgetRange(1, 9, 3), outcome=lambda t, b: (TrialState.SUCCEEDED, math.nan if t.number < 8 else 1.0)
    ).run()

    assert [d.trial for d in run.decisions if isinstance(d, Promote) and d.bracket == 0] == [8, 8]


def test_a_unit_is_the_least_budget() -> None:
    run = simulation(BudgetRange(2, 54, 3)).run()

    assert {d.budget for d in run.decisions} == {2, 6, 18, 54}  # type: ignore[union-attr]
    assert run.algorithm.plan().units == 2 * 234


def test_the_multiplier_of_the_file() -> None:
    run = simulation(BudgetRange(1, 120, 3), options={"R": 27, "epoch_multiplier": 4.3, "schedule": "tao"}).run()

    assert {d.budget for d in run.decisions} == {4, 12, 36, 108}  # type: ignore[union-attr]

    run = simulation(BudgetRange(1, 120, 3), options={"R": 27, "epoch_multiplier": 4.3}).run()

    assert {d.budget for d in run.decisions} == {4, 13, 40, 120}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["hyperband", "bohb", "dehb"])
@pytest.mark.parametrize("most", [50, 4, 26, 28, 80, 100])
def test_every_bracket_ends_at_the_highest_budget(name: str, most: int) -> None:
    algorithm = create(name, Context(SPACE, 200, budget=BudgetRange(1, most, 3)))
    assert isinstance(algorithm, BracketSearch)

    assert {rungs[-1][1] for rungs in algorithm.whole} == {most}
    assert all(level < above for rungs in algorithm.whole for (_, level), (_, above) in pairwise(rungs))
    assert f"each ends at {most}" in algorithm.plan().note
    run = Simulation(algorithm, by_number).run()
    highest = {d.budget for d in run.decisions if d.rung == len(algorithm.whole[0]) - 1}  # type: ignore[union-attr]
    assert highest == {most}


def test_the_best_of_one_bracket_is_compared_with_that_of_another_at_the_same_budget() -> None:
    """Of 50 units TAO's brackets end at 27, 45 and 48, where a worse value at 48 stands before a better one at 27."""
    full, tao = (simulation(BudgetRange(1, 50, 3), options={"schedule": each}) for each in ("full", "tao"))

    assert [[level for _, level in rungs] for rungs in full.algorithm.whole] == [  # type: ignore[attr-defined]
        [1, 5, 16, 50], [5, 16, 50], [16, 50],
    ]  # fmt: skip
    assert [rungs[-1][1] for rungs in tao.algorithm.whole] == [27, 45, 48]  # type: ignore[attr-defined]
    assert "they end at 27, 45, 48" in tao.algorithm.plan().note
    sizes = [[[n for n, _ in rungs] for rungs in each.algorithm.whole] for each in (full, tao)]  # type: ignore[attr-defined]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("most", [27, 81])
def test_where_the_highest_budget_is_a_power_of_the_factor_both_schedules_are_taos(most: int) -> None:
    for each in ("full", "tao"):
        run = simulation(BudgetRange(1, most, 3), options={"schedule": each})
        assert run.algorithm.whole == schedule(most, 3)  # type: ignore[attr-defined]


PUBLISHED = json.loads((Path(__file__).parents[2] / "assets" / "tao_hyperband.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", PUBLISHED["schedules"])
@pytest.mark.parametrize("name", ["hyperband", "bohb", "dehb"])
def test_the_whole_family_takes_the_published_tables_by_name(name: str, key: str) -> None:
    R, multiplier = int(key.split(",")[0].removeprefix("R=")), 4
    options = {"schedule": "tao", "R": R, "epoch_multiplier": multiplier}
    context = Context(SPACE, 500, budget=BudgetRange(1, R * multiplier, 3), options=options)
    algorithm: Any = create(name, context)
    table = [[(n, r * multiplier) for n, r in bracket] for bracket in PUBLISHED["schedules"][key]]
    assert algorithm.whole == table
    run = Simulation(algorithm, by_number)
    started = [run.ask() for _ in range(table[0][0][0])]
    assert {decision.budget for decision in started} == {multiplier}  # type: ignore[union-attr]


def test_the_automatic_adjustment_never_passes_the_highest_budget() -> None:
    run = simulation(BudgetRange(1, 80, 3), options={"epoch_multiplier": "auto", "schedule": "tao"}).run()

    assert {d.budget for d in run.decisions} == {4, 12, 36, 80}  # type: ignore[union-attr]  # 27 units of 4 would be 108


def test_trials_max_thins_the_last_bracket_out() -> None:
    assert fit(schedule(27, 3), 33, 3, repeat=False) == [schedule(27, 3)[0], [(6, 3), (2, 9), (1, 27)]]
    assert fit(schedule(27, 3), 5, 3, repeat=False) == [[(5, 1), (1, 3), (1, 9), (1, 27)]]

    run = simulation(BudgetRange(1, 27, 3), max_trials=33).run()
    assert len(run.trials) == 33
    assert len(run.decisions) == run.algorithm.plan().slots == 40 + 9


@pytest.mark.parametrize(
    ("budget", "options", "message"),
    [
        (BudgetRange(5, 10, 3), {}, r"trials\.budget: .* no trial can be promoted"),
        (BudgetRange(1, 2, 3), {"epoch_multiplier": "auto"}, r"search\.options\.epoch_multiplier: auto wants"),
        (BudgetRange(1, 27, 3), {"epoch_multiplier": 0.5}, r"search\.options\.epoch_multiplier: found 0\.5"),
        (BudgetRange(1, 27, 3), {"R": 1}, r"search\.options\.R: 1 is too low"),
        (BudgetRange(1, 27, 3), {"epoch_multiplier": "often"}, r"search\.options\.epoch_multiplier"),
    ],
)
def test_options_that_do_not_fit_are_named(budget: BudgetRange, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulation(budget, options=options)


@pytest.mark.parametrize("name", ["bohb", "dehb"])
def test_the_model_based_ones_fill_every_slot(name: str) -> None:
    algorithm = create(name, Context(SPACE, 200, 4, budget=BudgetRange(1, 27, 3)))
    run = Simulation(algorithm, by_number, workers=4)

    for _ in range(60):
        while len(run.running) < 4:
            assert not isinstance(run.ask(), Wait)
        run.finish(run.running[0])
