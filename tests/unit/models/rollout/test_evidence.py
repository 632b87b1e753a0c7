"""What tallies come to."""

from __future__ import annotations

import math

import msgspec
import pytest

from automl_core.models.file.values import Loss
from automl_core.models.rollout.evidence import Alone, Compared, Evidence
from automl_core.models.rollout.judging import Judge
from automl_core.models.rollout.measures import Hour, Measured
from automl_core.models.rollout.rules import Ab, Metric, Rules
from automl_core.models.rollout.tallies import Counts, Tally
from automl_core.models.traffic.planned import Score

STEPS = [0.05, 0.25, 1.0]


def test_the_difference_is_that_within_blocks() -> None:
    found = Compared()
    found.add(19_000, 190, 1_000, 10)
    found.add(15_000, 750, 5_000, 250)
    assert found.difference == pytest.approx(0.0)
    found.add(0, 0, 5_000, 5_000)
    assert (found.answers, found.difference) == ((34_000, 6_000), pytest.approx(0.0)), (
        "alone it is compared with nobody"
    )
    found.add(100, 0, 100, 10)
    weights = (19_000 * 1_000 / 20_000, 15_000 * 5_000 / 20_000, 50.0)
    assert found.difference == pytest.approx(0.1 * 50 / sum(weights))
    assert found.weight == pytest.approx(sum(weights))


def test_the_evidence_is_that_of_the_test() -> None:
    found, alone = Compared(), Alone()
    for hits in (3, 9, 1):
        found.add(950, 10, 50, hits)
        alone.add(50, hits, 0.02)
    assert found.value == pytest.approx(found.test().value)
    assert alone.value == pytest.approx(alone.test().value)
    alone.add(10**6, 10**6, 0.01)
    assert math.isfinite(alone.value)
    again = msgspec.json.decode(msgspec.json.encode(found), type=Compared)
    assert (again, again.value) == (found, found.value)


def test_what_was_looked_at_before_there_were_plans_is_gone_on_with() -> None:
    new = Compared()
    new.add(950, 10, 50, 3)
    old = msgspec.to_builtins(new)
    del old["score"]
    found = msgspec.convert(old, Compared)
    assert (found.evidence, found.score) == (new.evidence, Score())
    found.add(950, 10, 50, 9)
    assert found.score.weight == pytest.approx(950 * 50 / 1_000)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(), Rules(p99=0.2), Rules(p99=0.2, metric=Metric("accuracy", Loss(0.01, relative=True))),
        Rules(errors=None, p99=0.2), Rules(ab=Ab()),
        Rules(p99=1.0, ab=Ab(metric=Metric("mae", Loss(0.0, relative=False)))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shares", [STEPS, [1.0], [0.0, 1.0], [0.5]])
def test_all_tests_together_spend_one_alpha(rules: Rules, shares: list[float]) -> None:
    alphas = rules.alphas(shares)
    rates = (rules.errors is not None) + (rules.p99 is not None)
    both, alone = min(shares) < 1 or rules.ab is not None, shares[-1] == 1 and rules.ab is None
    spent = rates * ((alphas.compared if both else 0) + (alphas.alone + alphas.bound if alone else 0))
    spent += alphas.metric * (rules.metric is not None) + alphas.better * (rules.ab is not None)
    assert spent == pytest.approx(rules.alpha)


def test_alone_the_limit_is_the_champions_rate_at_its_highest() -> None:
    def limit(champion: int, errors: int) -> float:
        found, rules = Evidence(), Rules()
        alphas = rules.alphas(STEPS)
        for share, versions in (
            (0.05, {1: Counts(champion, errors), 2: Counts(10, 0)}), (1.0, {2: Counts(10, 0)}),
            (1.0, {2: Counts(10, 9)}),
        ):  # fmt: skip
            tally = Tally(1, 0, "a", 1, 0.0, 1.0, versions)
            found.fold(tally, champion=1, challenger=2, share=share, rules=rules, alphas=alphas, now=0.0)
        assert (found.errors_alone.answers, found.errors_alone.hits) == (20, 9)
        return found.errors_alone.limit

    few, many = limit(100, 1), limit(100_000, 1_000)
    assert 0.02 < many < 0.025
    assert few > 0.08, "few answers say little of the champion's rate"


@pytest.mark.parametrize(("slow", "limit"), [(0, 0.01), (5_000, 0.0534)])
def test_alone_slow_answers_are_held_to_the_champions_or_to_one_in_a_hundred(slow: int, limit: float) -> None:
    found, rules = Evidence(), Rules(p99=0.2)
    alphas = rules.alphas(STEPS)
    for share, versions in ((0.5, {1: Counts(100_000, 0, slow), 2: Counts(10)}), (1.0, {2: Counts(10, 0, 1)})):
        tally = Tally(1, 0, "a", 1, 0.0, 1.0, versions)
        found.fold(tally, champion=1, challenger=2, share=share, rules=rules, alphas=alphas, now=0.0)
    assert found.slow_alone.limit == pytest.approx(limit, abs=0.001)


def judged(rules: Rules, measured: Measured | None) -> tuple[str, str]:
    judge = Judge(1, 2, rules, rules.alphas([0.5]))
    found = judge.tests(Evidence(), {} if measured is None else {measured.name: measured})
    test = next(each for each in found if each.name in ("metric", "better"))
    return test.state, test.words


def hours(champion: float, challenger: float, count: int = 4_000, many: int = 10) -> list[Hour]:
    return [
        Hour(3600.0 * hour, version, count, mean, mean * (1 - mean))
        for hour in range(many)
        for version, mean in ((1, champion), (2, challenger))
    ]


def test_a_metric_that_is_worse_by_more_than_its_margin() -> None:
    rules = Rules(errors=None, metric=Metric("accuracy", Loss(0.02, relative=True)))
    state, words = judged(rules, Measured("accuracy", 0.0, hours(0.85, 0.80)))
    assert state == "worse"
    assert words.startswith(
        "accuracy of version 2 is 0.8 on 40,000 labels, of version 1 0.85 on 40,000; the difference "
    )
    assert words.endswith(": worse by more than 0.017 is shown")
    state, words = judged(rules, Measured("accuracy", 0.0, hours(0.85, 0.838)))
    assert state == "small"
    assert "worse is shown, but not by more than 0.017" in words
    assert judged(rules, Measured("accuracy", 0.0, hours(0.80, 0.85)))[0] == "open"
    assert judged(rules, Measured("accuracy", 0.0, hours(0.85, 0.2, 5, 3)))[1].endswith(
        "fewer than 100 each say nothing"
    )
    assert judged(rules, None) == ("waits", "accuracy: it can't be told: no label has come yet")
    assert judged(rules, Measured("accuracy", 0.0, [], problem="no such column")) == (
        "waits", "accuracy: it can't be told: no such column"
    )  # fmt: skip
    old = Measured("accuracy", 0.0, hours(0.85, 0.80), problem="it took longer than 600 s")
    assert judged(rules, old)[1].endswith("(as of the last measurement that there was: it took longer than 600 s)")


def test_a_loss_is_worse_where_it_is_higher_and_an_ab_has_two_sides() -> None:
    rules = Rules(errors=None, ab=Ab(metric=Metric("mae", Loss(0.0, relative=False))))

    def losses(champion: float, challenger: float) -> Measured:
        return Measured("mae", 0.0, [
            Hour(3600.0 * hour, version, 500, mean, 1.0)
            for hour in range(10) for version, mean in ((1, champion), (2, challenger))
        ])  # fmt: skip

    assert judged(rules, losses(2.0, 1.5))[0] == "better"
    assert judged(rules, losses(1.5, 2.0))[0] == "worse"
    assert judged(rules, losses(1.5, 1.5))[0] == "open"


def test_a_bad_hour_with_other_shares_is_no_difference_in_a_metric() -> None:
    rules = Rules(errors=None, metric=Metric("accuracy", Loss(0.01, relative=True)))
    found = [
        Hour(0.0, 1, 9_500, 0.9, 0.09), Hour(0.0, 2, 500, 0.9, 0.09), Hour(3600.0, 1, 5_000, 0.6, 0.24),
        Hour(3600.0, 2, 5_000, 0.6, 0.24),
    ]  # fmt: skip
    assert Measured("accuracy", 0.0, found).mean(2)[1] < 0.64
    assert judged(rules, Measured("accuracy", 0.0, found))[0] == "open"


def test_metrics_that_are_no_means_over_rows_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"roc_auc can't be followed in a rollout: allowed are means over rows, accuracy"
    ):
        Rules(metric=Metric("roc_auc", Loss(0.01, relative=True)))
    with pytest.raises(ValueError, match="accuracy"):
        Rules(metric=Metric("acuracy", Loss(0.01, relative=True)))


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"least": 0}, {"within": 0.0}, {"errors": 1.0}])
def test_rules_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Rules(**wrong)  # type: ignore[arg-type]


def test_totals_of_nothing_are_no_rate() -> None:
    assert math.isnan(Evidence().step(0).champion.rate)
    assert Measured("mae", 0.0).mean(1)[0] == 0
