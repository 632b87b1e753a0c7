from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from automl_core.spec.models import BanditRule, MedianRule, PatienceRule, TruncationRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, StopDecision, TrialCurve, create_rule


def curve(number: int, *losses: float, start: int = 1, ended: bool = False) -> TrialCurve:
    return TrialCurve(number, tuple(enumerate(losses, start)), ended)


def others(*rows: Sequence[float]) -> list[TrialCurve]:
    return [curve(number, *row) for number, row in enumerate(rows, 100)]


def rule(kind: type, direction: Direction = "minimize", **fields: Any) -> EarlyStoppingRule:
    name = kind.model_fields["rule"].annotation.__args__[0]
    made = create_rule(kind(rule=name, **fields), direction)
    assert made is not None
    assert made.name == name
    return made


def stops(kind: type, losses: Sequence[float], rows: Sequence[Sequence[float]], **fields: Any) -> bool:
    return rule(kind, **fields).decide(curve(0, *losses), others(*rows)) is not None


def test_no_rule_is_asked_for() -> None:
    assert create_rule(None, "minimize") is None


# --- when a rule is asked


class Spy(EarlyStoppingRule):
    name = "spy"

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        self.asked = [*getattr(self, "asked", []), len(trial.points)]
        self.others = [other.number for other in others]
        return None


def spy(interval: int = 1, delay: int = 0) -> Spy:
    return Spy(PatienceRule(rule="patience", patience=1, interval=interval, delay=delay), "minimize")


@pytest.mark.parametrize(
    ("interval", "delay", "asked"),
    [
        (1, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (1, 4, [4, 5, 6, 7, 8, 9, 10]),
        (3, 0, [3, 6, 9]),
        (3, 2, [2, 5, 8]),
        (20, 9, [9]),
        (1, 11, []),
    ],
)
def test_interval_and_delay_count_reported_steps(interval: int, delay: int, asked: list[int]) -> None:
    made = spy(interval, delay)
    for length in range(1, 11):
        trial = TrialCurve(0, tuple((100 * step, 1.0) for step in range(length)))
        made.decide(trial, [])
        made.decide(trial, [])
    assert getattr(made, "asked", []) == asked


def test_of_several_evaluations_that_are_due_the_latest_is_made() -> None:
    made = spy(interval=3)
    made.decide(curve(0, *range(8)), [])
    assert made.asked == [6]
    made.decide(curve(0, *range(9)), [])
    assert made.asked == [6, 9]


def test_a_curve_that_has_been_thinned_since_is_still_asked_about() -> None:
    made = spy()
    made.decide(curve(0, *range(8)), [])
    made.decide(TrialCurve(0, ((1, 1.0), (4, 1.0), (8, 1.0))), [])
    made.decide(TrialCurve(0, ((1, 1.0), (4, 1.0), (8, 1.0), (9, 1.0))), [])
    assert made.asked == [8, 4]


def test_the_others_are_not_even_read_where_nothing_is_due() -> None:
    def unreadable() -> Iterator[TrialCurve]:
        raise AssertionError("read")
        yield

    assert spy(delay=5).decide(curve(0, 1, 2), unreadable()) is None


def test_each_trial_is_asked_about_by_itself() -> None:
    made = spy()
    made.decide(curve(0, 1, 2), [])
    made.decide(curve(1, 1, 2), [])
    assert made.asked == [2, 2]


def test_a_trial_is_not_its_own_rival_and_what_is_not_finite_is_passed_over() -> None:
    made = spy()
    rivals = [curve(0, 1.0), curve(1, math.nan, math.inf), curve(2), curve(3, math.nan, 1.0)]
    made.decide(curve(0, 1.0, math.nan), rivals)
    assert made.asked == [1]
    assert made.others == [3]


def test_an_ended_trial_is_not_stopped() -> None:
    made = rule(PatienceRule, patience=1)
    assert made.decide(curve(0, 1, 1, 1, ended=True), []) is None


# --- median


def test_median_compares_the_best_with_the_others_running_averages() -> None:
    rows = [[1.0, 0.5], [1.0, 0.7], [1.0, 0.9]]  # averages at step 2: 0.75, 0.85, 0.95
    assert not stops(MedianRule, [2.0, 0.84], rows)
    assert not stops(MedianRule, [2.0, 0.85], rows)
    assert stops(MedianRule, [2.0, 0.86], rows)
    assert not stops(MedianRule, [0.8, 9.0], rows)  # its best counts, not its last


def test_median_looks_at_no_later_step_and_only_at_trials_that_reached_it() -> None:
    assert not stops(MedianRule, [0.9], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert not stops(MedianRule, [9.0, 9.0], [[0.1, 0.1], [0.1, 0.1], [0.1]])
    assert stops(MedianRule, [9.0, 9.0], [[0.1, 0.1], [0.1, 0.1], [0.1]], min_trials=2)


def test_median_proportion_and_window() -> None:
    rows = [[1.0], [2.0], [3.0], [4.0], [5.0]]
    assert stops(MedianRule, [3.5], rows)
    assert not stops(MedianRule, [3.5], rows, proportion=0.25)
    assert stops(MedianRule, [4.5], rows, proportion=0.25)
    falling = [[9.0, 1.0]] * 3
    assert not stops(MedianRule, [9.0, 4.0], falling)
    assert stops(MedianRule, [9.0, 4.0], falling, window=1)


def test_median_of_large_numbers_does_not_overflow() -> None:
    assert stops(MedianRule, [1.7e308] * 2, [[1e308, 1e308]] * 3)


def test_median_says_why() -> None:
    decision = rule(MedianRule, "maximize").decide(curve(0, -0.5, -0.61), others(*[[-0.7, -0.9]] * 3))
    assert decision == StopDecision(
        "median",
        2,
        "its best value 0.61 up to step 2 is worse than 0.8, the median of the running averages of 3 other trials "
        "at that step",
    )


# --- bandit


@pytest.mark.parametrize(
    ("direction", "best", "limit"),
    [
        ("maximize", 0.8, 0.8 / 1.25),
        ("minimize", 0.8, 0.8 * 1.25),
        ("maximize", -100.0, -125.0),
        ("minimize", -100.0, -80.0),
        ("maximize", 0.0, 0.0),
        ("minimize", 0.0, 0.0),
    ],
)
def test_bandit_factor_is_a_ratio_whatever_the_sign_and_direction(
    direction: Direction, best: float, limit: float
) -> None:
    sign = -1 if direction == "maximize" else 1
    for value, stopped in ((limit, False), (limit - sign * 1e-6, False), (limit + sign * 1e-6, True)):
        decision = rule(BanditRule, direction, slack_factor=0.25).decide(curve(0, sign * value), others([sign * best]))
        assert (decision is not None) is stopped


def test_bandit_amount() -> None:
    assert not stops(BanditRule, [1.2], [[1.0], [5.0]], slack_amount=0.2)
    assert stops(BanditRule, [1.21], [[1.0], [5.0]], slack_amount=0.2)
    assert not stops(BanditRule, [0.0, 9.0], [[1.0, 0.5]], slack_amount=0.2)  # its best counts


def test_bandit_compares_with_what_was_reached_up_to_the_same_step() -> None:
    assert not stops(BanditRule, [1.0], [[1.0, 0.1]], slack_amount=0.2)
    assert stops(BanditRule, [1.0, 1.0], [[0.1]], slack_amount=0.2)  # as good after fewer steps


def test_bandit_says_why() -> None:
    decision = rule(BanditRule, "maximize", slack_factor=0.25).decide(curve(0, -0.5), others([-0.7], [-0.8]))
    assert decision is not None
    assert decision.reason == (
        "its best value 0.5 up to step 1 is worse than 0.64, which is the best value up to that step, 0.8 of "
        "trial 101, with a slack factor of 0.25"
    )


# --- truncation


def test_truncation_stops_the_worst_share() -> None:
    rows = [[float(value)] for value in range(1, 10)]
    assert stops(TruncationRule, [9.5], rows)  # 10 trials, the worst 2 go
    assert stops(TruncationRule, [8.5], rows)
    assert not stops(TruncationRule, [7.5], rows)
    assert stops(TruncationRule, [4.5], rows, fraction=0.6)


def test_truncation_spares_equals_and_small_fields() -> None:
    assert not stops(TruncationRule, [1.0], [[1.0]] * 9)
    assert not stops(TruncationRule, [9.0], [[1.0]] * 4)
    assert stops(TruncationRule, [9.0], [[1.0]] * 5)
    assert not stops(TruncationRule, [9.0], [[1.0]] * 5, fraction=0.1)  # a tenth of six is none


def test_truncation_counts_only_trials_that_reached_the_step() -> None:
    assert not stops(TruncationRule, [9.0, 9.0], [[1.0, 1.0]] * 4 + [[1.0]] * 9)


def test_truncation_says_why() -> None:
    decision = rule(TruncationRule, "maximize").decide(curve(0, 3.0), others(*[[-1.0]] * 9))
    assert decision is not None
    assert decision.reason == (
        "its best value -3 up to step 1 is number 10 of the 10 trials that reached that step; the worst 2 are "
        "stopped (20 %)"
    )


# --- patience


def test_patience_counts_steps_without_improvement() -> None:
    assert not stops(PatienceRule, [3, 2, 2, 2], [], patience=3)
    assert stops(PatienceRule, [3, 2, 2, 2, 2], [], patience=3)
    assert not stops(PatienceRule, [3, 2, 2, 2, 1], [], patience=3)
    assert not stops(PatienceRule, [3], [], patience=1)


def test_patience_wants_more_than_min_delta_but_lets_gains_add_up() -> None:
    assert stops(PatienceRule, [3, 2.95, 2.92], [], patience=2, min_delta=0.1)
    assert not stops(PatienceRule, [3, 2.95, 2.89, 2.85, 2.78], [], patience=2, min_delta=0.1)


def test_patience_says_why() -> None:
    decision = rule(PatienceRule, "maximize", patience=2, min_delta=0.5).decide(curve(0, -1, -0.5, -1.2), [])
    assert decision is not None
    assert decision.reason == (
        "its value has not improved by more than 0.5 for 2 steps: still 1, from step 1, at step 3"
    )
