"""What every early-stopping rule promises. A new rule gets a line in RULES, and keeps all of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.spec.models import EarlyStopping
from automl_core.stopping.base import Direction, StopDecision, TrialCurve, create_rule
from tests.support.examples import examples

STEPS = 12
_RULE = TypeAdapter(EarlyStopping)  # made once: that takes longer than a decision


@dataclass(frozen=True)
class Rule:
    """A rule under test, and what of the contract it is excused from."""

    file: dict[str, object]
    scales: bool = True
    """Decides the same when every loss is multiplied by a positive number."""
    shifts: bool = True
    """Decides the same when a number is added to every loss."""
    least: int = 3
    """Others without which it stops nobody; 0: it looks at none."""

    def decide(
        self, trial: TrialCurve, others: list[TrialCurve], direction: Direction = "minimize", **fields: object
    ) -> StopDecision | None:
        rule = create_rule(_RULE.validate_python({**self.file, **fields}), direction)
        assert rule is not None
        return rule.decide(trial, others)


RULES = {
    "median": Rule({"rule": "median"}),
    "median-quarter-window": Rule({"rule": "median", "proportion": 0.25, "window": 2, "min_trials": 5}),
    "bandit-amount": Rule({"rule": "bandit", "slack_amount": 0.5}, scales=False, least=1),
    "bandit-factor": Rule({"rule": "bandit", "slack_factor": 0.25}, shifts=False, least=1),
    "truncation": Rule({"rule": "truncation", "fraction": 0.3}),
    "patience": Rule({"rule": "patience", "patience": 3}, least=0),
    "patience-delta": Rule({"rule": "patience", "patience": 3, "min_delta": 1e-4}, scales=False, least=0),
    "learning-curve": Rule({"rule": "learning_curve", "last_step": STEPS}),
    "learning-curve-unknown-end": Rule({"rule": "learning_curve", "probability": 0.1}),
}


def every(wanted: Callable[[Rule], bool] = lambda rule: True) -> pytest.MarkDecorator:
    """One test a rule."""
    return pytest.mark.parametrize(
        "rule", [pytest.param(rule, id=name) for name, rule in RULES.items() if wanted(rule)]
    )


def curve(number: int, losses: list[float], *, ended: bool = False) -> TrialCurve:
    return TrialCurve(number, tuple(enumerate(losses, 1)), ended)


def learner(number: int, final: float, steps: int = STEPS, *, ended: bool | None = None) -> TrialCurve:
    """A trial whose loss falls from near 3 to a value, never standing still."""
    losses = [final + 2 * 0.6**step - 1e-3 * step for step in range(steps)]
    return curve(number, losses, ended=steps == STEPS if ended is None else ended)


def field_of(*finals: float) -> list[TrialCurve]:
    return [learner(number, final) for number, final in enumerate(finals, 100)]


GOOD = field_of(1.0, 1.1, 1.2, 0.9, 1.05, 1.15, 0.95)
HOPELESS = curve(0, [9.0, *[9.5] * (STEPS - 2)])

NUMBERS = st.integers(-800, 800).map(lambda eighths: eighths / 8)
LOSSES = st.lists(NUMBERS, min_size=1, max_size=STEPS - 1)
FIELDS = st.lists(st.tuples(st.lists(NUMBERS, min_size=1, max_size=STEPS), st.booleans()), max_size=8).map(
    lambda rows: [curve(number, row, ended=ended) for number, (row, ended) in enumerate(rows, 100)]
)
some = settings(max_examples=examples(40))


def mapped(trial: TrialCurve, change: Callable[[float], float]) -> TrialCurve:
    return TrialCurve(trial.number, tuple((step, change(loss)) for step, loss in trial.points), trial.ended)


@every()
def test_a_clearly_worse_trial_is_stopped_for_a_reason_with_numbers(rule: Rule) -> None:
    decision = rule.decide(HOPELESS, GOOD)
    assert decision is not None
    assert decision.rule == rule.file["rule"]
    assert decision.step == STEPS - 1
    assert any(character.isdigit() for character in decision.reason)


@every()
@pytest.mark.parametrize("reported", range(1, STEPS))
def test_the_best_trial_is_never_stopped(rule: Rule, reported: int) -> None:
    assert rule.decide(learner(0, 0.5, reported), GOOD) is None


@every(lambda rule: rule.least > 0)
@some
@given(losses=LOSSES, others=FIELDS)
def test_no_trial_that_leads_is_stopped_by_comparison(
    rule: Rule, losses: list[float], others: list[TrialCurve]
) -> None:
    # the best of all so far, whenever the others had their best
    lowest = min([min(losses), *(min(other.losses) for other in others)])
    leading = [loss + lowest - min(losses) for loss in losses]
    assert rule.decide(curve(0, leading), others) is None


@every(lambda rule: rule.least > 0)
def test_too_few_others_stop_nobody(rule: Rule) -> None:
    for count in range(rule.least):
        assert rule.decide(HOPELESS, GOOD[:count]) is None


@every(lambda rule: rule.least > 1)
def test_others_that_have_not_reached_the_step_are_too_few(rule: Rule) -> None:
    # (who was as good after fewer steps is a rival of a bandit)
    short = [TrialCurve(other.number, other.points[:2], False) for other in GOOD]
    assert rule.decide(HOPELESS, short) is None


@every(lambda rule: rule.least > 0)
def test_equal_trials_are_not_stopped(rule: Rule) -> None:
    equals = [learner(number, 1.0) for number in range(100, 110)]
    for reported in range(1, STEPS):
        assert rule.decide(learner(0, 1.0, reported), equals) is None


@every()
@some
@given(losses=LOSSES, others=FIELDS, shuffle=st.randoms(use_true_random=False))
def test_the_same_question_has_the_same_answer_in_whatever_order(
    rule: Rule, losses: list[float], others: list[TrialCurve], shuffle: random.Random
) -> None:
    answer = rule.decide(curve(0, losses), others)
    assert rule.decide(curve(0, losses), others) == answer
    assert rule.decide(curve(0, losses), shuffle.sample(others, len(others))) == answer
    assert rule.decide(curve(0, losses), [*others, curve(0, [-1e6, *losses[1:]])]) == answer  # itself is no rival


@every()
@some
@given(losses=LOSSES, others=FIELDS)
def test_maximise_and_minimise_are_mirror_images(rule: Rule, losses: list[float], others: list[TrialCurve]) -> None:
    down = rule.decide(curve(0, losses), others, "minimize")
    up = rule.decide(curve(0, losses), others, "maximize")
    assert (down is None) == (up is None)


@every()
def test_reasons_name_values_as_people_know_them(rule: Rule) -> None:
    turned = rule.decide(
        mapped(HOPELESS, lambda loss: loss - 9.75), [mapped(o, lambda x: x - 9.75) for o in GOOD], "maximize"
    )
    assert turned is not None
    assert "0.75" in turned.reason  # a loss of -0.75
    assert "-0.75" not in turned.reason


@every(lambda rule: rule.scales)
@pytest.mark.parametrize("factor", [2.0**-20, 0.5, 4.0, 2.0**30])
@pytest.mark.parametrize("final", [0.5, 0.93, 1.3, 2.0, 5.0])
def test_scale_does_not_matter(rule: Rule, factor: float, final: float) -> None:
    for reported in range(1, STEPS):
        plain = rule.decide(learner(0, final, reported), GOOD)
        scaled = rule.decide(
            mapped(learner(0, final, reported), lambda loss: loss * factor),
            [mapped(other, lambda loss: loss * factor) for other in GOOD],
        )
        assert (plain is None) == (scaled is None)


@every(lambda rule: rule.shifts)
@pytest.mark.parametrize("amount", [-1024.0, -2.0, 64.0])
@pytest.mark.parametrize("final", [0.5, 0.93, 1.3, 2.0, 5.0])
def test_shift_does_not_matter(rule: Rule, amount: float, final: float) -> None:
    for reported in range(1, STEPS):
        plain = rule.decide(learner(0, final, reported), GOOD)
        shifted = rule.decide(
            mapped(learner(0, final, reported), lambda loss: loss + amount),
            [mapped(other, lambda loss: loss + amount) for other in GOOD],
        )
        assert (plain is None) == (shifted is None)


@every()
@pytest.mark.parametrize(("interval", "delay"), [(1, 0), (1, 6), (4, 0), (4, 6), (3, 10)])
def test_interval_and_delay_are_honoured(rule: Rule, interval: int, delay: int) -> None:
    stops = [
        reported
        for reported in range(1, STEPS)
        if rule.decide(curve(0, [9.0, *[9.5] * (reported - 1)]), GOOD, interval=interval, delay=delay)
    ]
    always = [r for r in range(1, STEPS) if rule.decide(curve(0, [9.0, *[9.5] * (r - 1)]), GOOD)]
    first = delay or interval
    due = [reported for reported in always if reported >= first and (reported - first) % interval == 0]
    assert due
    assert min(stops) == min(due)
    # between two evaluations the answer is the one of the earlier, which a fresh rule makes again
    assert all(stops[0] + i == reported for i, reported in enumerate(stops))


@every()
def test_each_evaluation_is_made_once(rule: Rule) -> None:
    made = create_rule(_RULE.validate_python({**rule.file, "interval": 4}), "minimize")
    assert made is not None
    answers = [made.decide(curve(0, [9.0, *[9.5] * (n - 1)]), GOOD) for n in range(1, STEPS) for _ in range(2)]
    stopped = [index // 2 + 1 for index, answer in enumerate(answers) if answer]
    assert stopped
    assert set(stopped) <= {4, 8}
    assert len(stopped) == len(set(stopped))


@every()
@some
@given(losses=LOSSES, others=FIELDS, data=st.data())
def test_what_is_not_finite_is_as_if_it_had_not_been_reported(
    rule: Rule, losses: list[float], others: list[TrialCurve], data: st.DataObject
) -> None:
    bad = st.sampled_from([math.nan, math.inf, -math.inf])

    def spoil(trial: TrialCurve) -> tuple[TrialCurve, TrialCurve]:
        holes = data.draw(st.sets(st.integers(0, len(trial.points) - 1), max_size=2))
        spoilt = tuple((step, data.draw(bad) if i in holes else loss) for i, (step, loss) in enumerate(trial.points))
        kept = tuple(point for i, point in enumerate(trial.points) if i not in holes)
        return TrialCurve(trial.number, spoilt, trial.ended), TrialCurve(trial.number, kept, trial.ended)

    trial, tidy_trial = spoil(curve(0, losses))
    pairs = [spoil(other) for other in others]
    assert rule.decide(trial, [a for a, _ in pairs]) == rule.decide(tidy_trial, [b for _, b in pairs])


@every()
@some
@given(
    losses=st.lists(st.floats(allow_nan=True), min_size=1, max_size=STEPS - 1),
    rows=st.lists(st.lists(st.floats(), min_size=1, max_size=STEPS), max_size=6),
)
def test_no_number_is_too_strange(rule: Rule, losses: list[float], rows: list[list[float]]) -> None:
    rule.decide(curve(0, losses), [curve(number, row, ended=True) for number, row in enumerate(rows, 100)])


@every()
def test_an_ended_or_silent_trial_is_left_alone(rule: Rule) -> None:
    assert rule.decide(TrialCurve(0, HOPELESS.points, ended=True), GOOD) is None
    assert rule.decide(TrialCurve(0, ()), GOOD) is None


@every(lambda rule: rule.file.get("last_step") is None)
@some
@given(losses=LOSSES, others=FIELDS)
def test_steps_may_be_fractions(rule: Rule, losses: list[float], others: list[TrialCurve]) -> None:
    """Evaluations four times an epoch are judged as evaluations once an epoch are."""

    def quarters(trial: TrialCurve) -> TrialCurve:
        return TrialCurve(trial.number, tuple((step / 4, loss) for step, loss in trial.points), trial.ended)

    whole = rule.decide(curve(0, losses), others)
    parted = rule.decide(quarters(curve(0, losses)), [quarters(other) for other in others])
    assert (whole is None) == (parted is None)
    if whole is not None and parted is not None:
        assert parted.step == whole.step / 4


@every()
def test_steps_need_not_be_regular_nor_those_of_the_others(rule: Rule) -> None:
    steps = [10, 15, 40, 41, 90, 200, 210, 300, 400, 500, 550]
    assert all(a < b for a, b in pairwise(steps))
    trial = TrialCurve(0, tuple(zip(steps, HOPELESS.losses, strict=True)))
    others = [TrialCurve(o.number, tuple((50 * s, loss) for s, loss in o.points), ended=True) for o in GOOD]
    assert rule.decide(trial, others, **({"last_step": 600} if "last_step" in rule.file else {})) is not None
