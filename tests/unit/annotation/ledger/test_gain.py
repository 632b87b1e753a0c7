"""What rounds brought: differences on the same items, what a point cost, what the next round would bring."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.annotation.ledger import Answer, Facts, Judged, RoundFacts, ledger
from automl_core.annotation.ledger.gain import gain_of, paired

counts = st.integers(0, 60)


def test_the_interval_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II: 36, 12, 2 and 0 of 50, method 10."""
    assert paired(36, 12, 2, 0) == (pytest.approx(0.0569, abs=5e-5), pytest.approx(0.3404, abs=5e-5))


def by_hand(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """The same formula as the paper writes it, where both shares go together (its phi is corrected then)."""
    n, z = a + b + c + d, 1.959963984540054

    def wilson(x: int) -> tuple[float, float]:
        p = x / n
        reach = z * math.sqrt(z * z + 4 * n * p * (1 - p))
        return (2 * n * p + z * z - reach) / (2 * (n + z * z)), (2 * n * p + z * z + reach) / (2 * (n + z * z))

    (l1, u1), (l2, u2) = wilson(a + b), wilson(a + c)
    p1, p2 = (a + b) / n, (a + c) / n
    phi = max(a * d - b * c - n / 2, 0) / math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    low = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return p1 - p2 - low, p1 - p2 + high


@pytest.mark.parametrize("table", [(40, 10, 3, 20), (12, 5, 4, 3), (200, 31, 9, 60)])
def test_what_both_have_in_common_is_corrected_for_continuity(table: tuple[int, int, int, int]) -> None:
    low, high = by_hand(*table)
    assert paired(*table) == (pytest.approx(low), pytest.approx(high))


@given(counts, counts, counts, counts)
def test_it_holds_the_difference_and_turns_round_with_it(both: int, won: int, lost: int, neither: int) -> None:
    low, high = paired(both, won, lost, neither)
    of = both + won + lost + neither
    assert -1 <= low <= high <= 1
    if of:
        assert low <= (won - lost) / of + 1e-12
        assert high >= (won - lost) / of - 1e-12
        assert high > low
    turned = paired(both, lost, won, neither)
    assert turned == (pytest.approx(-high), pytest.approx(-low))


def test_it_covers_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    shares = np.array([0.7, 0.12, 0.05, 0.13])  # both, won, lost, neither
    tables = draw.multinomial(150, shares, size=1500)
    held = [low <= 0.07 <= high for low, high in (paired(*(int(each) for each in table)) for table in tables)]
    assert 0.935 <= sum(held) / len(held) <= 0.975


def test_two_rounds_are_compared_on_the_items_that_both_were_judged_on() -> None:
    earlier = {1: True, 2: False, 3: True, 4: None, 5: False}
    later = {2: True, 3: False, 4: True, 5: None, 6: True, 7: True}
    found = gain_of(later, earlier, since=1, labels=50, cost=2.5)
    assert (found.items, found.won, found.lost, found.value) == (4, 2, 1, 0.25)
    assert found.low < 0.25 < found.high
    assert found.per_point(50)["value"] == 2.0
    assert found.per_point(50)["most"] is None, "it may be that no amount would do"


def test_no_items_in_common_say_nothing() -> None:
    found = gain_of({1: True}, {2: True}, since=1, labels=50, cost=2.5)
    assert (found.items, found.value, found.low, found.high) == (0, None, -1.0, 1.0)
    assert found.to_json()["cost_per_point"] == {"value": None, "least": None, "most": None}


def course(rounds: int, items: int = 300) -> Facts:
    """A project whose model gets better: items differ in how hard they are."""
    chance = random.Random(5)
    hard = {n: chance.random() for n in range(items)}
    made, answers = [], []
    for number in range(1, rounds + 1):
        reached = 0.95 - 0.45 * (50 * number) ** -0.5 * 5
        hits = {n: hard[n] < reached for n in hard}
        best = Judged("trees", hits, {"order": (3, 4)})
        made.append(
            RoundFacts(
                number, 10.0 * number, 10.0 * number + 9, labels=50 * number, best="trees",
                models=[best, Judged("linear", {1: False})],
            )
        )  # fmt: skip
        answers += [
            Answer(number * 1000 + n, "order", "anna", "person", 2.0, 0.04, 10.0 * number, number) for n in range(50)
        ]
    return Facts("p", "EUR", ("order", "refund"), 9999, answers, made)


def test_each_round_tells_what_it_brought_and_what_a_point_of_accuracy_cost() -> None:
    first, second, third = ledger(course(3)).steps
    assert first.gain is None
    assert first.so_far is None
    assert (first.cost, second.cost, third.cost) == (2.0, 4.0, 6.0)
    assert second.gain is not None
    assert third.so_far is not None
    assert second.gain.value == pytest.approx((second.accuracy.right - first.accuracy.right) / 300)
    assert (second.gain.labels, second.gain.cost, second.gain.lost) == (50, 2.0, 0)
    assert (third.so_far.since, third.so_far.labels, third.so_far.cost) == (1, 100, 4.0)
    per = third.so_far.per_point(third.so_far.cost)
    assert per["value"] == pytest.approx(4.0 / (100 * (third.so_far.value or 0)))
    assert per["least"] is not None
    assert per["most"] is not None
    assert per["least"] < per["value"] < per["most"]  # type: ignore[operator]


def test_pairs_say_more_than_two_intervals_side_by_side() -> None:
    first, *_, last = ledger(course(6)).steps
    assert last.so_far is not None
    apart = (last.accuracy.high - last.accuracy.low) + (first.accuracy.high - first.accuracy.low)
    assert last.so_far.high - last.so_far.low < apart
    assert last.so_far.low > 0


def test_the_next_round_is_told_once_there_are_rounds_enough() -> None:
    assert ledger(course(3)).next is None
    found = ledger(course(6)).next
    assert found is not None
    assert (found.labels, found.cost, found.rounds) == (50, pytest.approx(2.0), 6)
    assert found.low <= found.gain <= found.high
    assert 0 < found.gain < 0.05
    assert found.to_json()["cost_per_point"] == pytest.approx(found.cost / (100 * found.gain))


def test_rounds_show_every_model_and_what_was_not_evaluated() -> None:
    facts = course(2)
    rounds = [*facts.rounds, RoundFacts(3, 40.0)]
    found = ledger(Facts("p", "EUR", facts.classes, 9999, facts.answers, rounds)).rounds_json()
    assert [each["round"] for each in found] == [1, 2, 3]
    assert [each["model"] for each in found[0]["models"]] == ["trees", "linear"]
    (of_class,) = found[0]["models"][0]["classes"]
    assert (of_class["class"], of_class["right"], of_class["of"], of_class["value"]) == ("order", 3, 4, 0.75)
    assert (of_class["low"], of_class["high"]) == (pytest.approx(0.1941, abs=1e-4), pytest.approx(0.9937, abs=1e-4))
    assert found[1]["brought"]["gain"]["since"] == 1
    assert (found[2]["brought"], found[2]["answers"]["labels"], found[2]["ended"]) == (None, 0, None)
