"""A batch: what is in it, in which order, why, and that nothing is ever asked twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.selection import Batch, Pool, Rules, Stratum, select
from automl_core.annotation.selection.usefulness import margin
from tests.support.examples import examples
from tests.unit.annotation.selection.pools import pool

KINDS = ("bad case", "stratum", "useful", "cold start", "unpredicted")


def _stratum(of: Pool, seed: int = 0, share: float = 0.1) -> set[str]:
    return {item for item in of.ids if Stratum(seed, share).has(item)}


def test_without_diversity_the_most_useful_are_chosen() -> None:
    of = pool()
    batch = select(of, Rules(diversity="none"), many=20, seed=0)
    assert of.probabilities is not None
    values = dict(zip(of.ids, margin(of.probabilities), strict=True))
    outside = sorted(set(of.ids) - _stratum(of), key=lambda item: -values[item])
    assert [each.item for each in batch.of("useful")] == outside[:18]
    assert [each.value for each in batch.of("useful")] == pytest.approx([values[item] for item in outside[:18]])
    assert len(batch.of("stratum")) == 2
    assert batch.notes == ()


def test_the_stratum_is_there_alone_to_evaluate() -> None:
    of = pool(500)
    closed: set[str] = set()
    drawn: list[str] = []
    for _ in range(8):
        batch = select(Pool(of.ids, of.probabilities, features=of.features, closed=closed), many=20, seed=3)
        assert {each.item for each in batch.choices if each.evaluates} == set(batch.ids) & _stratum(of, 3)
        drawn += [each.item for each in batch.of("stratum")]
        closed |= set(batch.ids)
    places = [Stratum(3, 0.1).place(item) for item in drawn]
    assert places == sorted(places)
    assert len(drawn) == 16


def test_labels_of_the_stratum_tell_the_accuracy_and_useful_ones_do_not() -> None:
    # A model that is wrong where it hesitates: right on 70 % of all.
    random = np.random.default_rng(0)
    sure = random.random(4_000)
    of = Pool([f"x{each}" for each in range(4_000)], np.column_stack([0.5 + sure / 2, 0.5 - sure / 2]))
    right = sure > 0.3
    batch = select(of, Rules(random_share=0.5), many=700, seed=1)
    assert np.mean([right[each.row] for each in batch.of("stratum")]) == pytest.approx(0.7, abs=0.08)
    assert np.mean([right[each.row] for each in batch.of("useful")]) < 0.5


@given(st.data())
@settings(max_examples=examples(40), deadline=None)
def test_nothing_is_chosen_twice_or_that_is_closed(data: st.DataObject) -> None:
    many_ids = data.draw(st.integers(0, 25))
    ids = data.draw(st.lists(st.sampled_from([f"i{each}" for each in range(20)]), min_size=many_ids, max_size=many_ids))
    closed = set(data.draw(st.lists(st.sampled_from([f"i{each}" for each in range(20)]), max_size=15)))
    table = np.random.default_rng(many_ids).dirichlet(np.ones(3), len(ids)) if data.draw(st.booleans()) else None
    if table is not None and len(ids):
        table[data.draw(st.integers(0, len(ids) - 1))] = np.nan
    of = Pool(
        ids,
        table,
        features=np.zeros((len(ids), 2)) if data.draw(st.booleans()) else None,
        closed=closed,
        bad=data.draw(st.lists(st.sampled_from([f"i{each}" for each in range(20)]), max_size=5)),
    )
    many = data.draw(st.integers(2, 30))
    rules = Rules(
        diversity=data.draw(st.sampled_from(["none", "k-centre", "k-means++"])),
        stratum_share=data.draw(st.sampled_from([0.01, 0.3, 0.99])),
    )
    batch = select(of, rules, many=many, seed=data.draw(st.integers(-3, 3)))
    assert len(set(batch.ids)) == len(batch.ids) == min(many, len(set(ids) - closed))
    assert not set(batch.ids) & closed
    assert [each.priority for each in batch.choices] == list(range(1, len(batch.choices) + 1))
    assert all(ids[each.row] == each.item and each.kind in KINDS and each.reason for each in batch.choices)
    assert bool(batch.notes) or len(batch.choices) == many


def _mixed(of: Pool, order: np.ndarray) -> Pool:
    return Pool(
        [of.ids[row] for row in order],
        None if of.probabilities is None else of.probabilities[order],
        features=None if of.features is None else of.features[order],
        bad=of.bad,
    )


@pytest.mark.parametrize("diversity", ["none", "k-means++", "k-centre"])
@pytest.mark.parametrize(
    "more", [{}, {"features": None}, {"probabilities": None}, {"probabilities": np.full((200, 2), 0.5)}]
)
def test_the_order_of_rows_changes_nothing(diversity: str, more: dict[str, Any]) -> None:
    of = pool(bad={"i3", "i4", "i5"}, **more)
    rules = Rules(diversity=diversity)
    there = select(of, rules, many=20, seed=5)
    for seed in range(3):
        here = select(_mixed(of, np.random.default_rng(seed).permutation(200)), rules, many=20, seed=5)
        assert [(each.item, each.kind, each.reason) for each in here.choices] == [
            (each.item, each.kind, each.reason) for each in there.choices
        ]
    assert select(of, rules, many=20, seed=6).ids != there.ids


def test_the_first_row_of_an_id_counts() -> None:
    table = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1], [0.8, 0.2]])
    batch = select(Pool(["a", "a", "b", "c"], table), Rules(stratum_share=1e-9), many=2, seed=0)
    assert batch.ids == ("c", "b")
    assert "1 rows have the id of an earlier row" in batch.notes[0]


def test_bad_cases_come_first_up_to_their_share() -> None:
    of = pool()
    outside = sorted(set(of.ids) - _stratum(of))
    inside = sorted(_stratum(of))
    batch = select(pool(bad=[*outside[:10], inside[-1]], closed=[outside[0]]), many=20, seed=0)
    assert [each.kind for each in batch.choices[:5]] == ["bad case"] * 5
    values = [each.value or 0 for each in batch.choices[:5]]
    assert values == sorted(values, reverse=True)
    assert any("9 open bad cases, and 5 of 20" in note for note in batch.notes)
    assert any(note.startswith("1 bad cases are of the random stratum") for note in batch.notes)
    assert outside[0] not in batch.ids


def test_who_labels_half_a_batch_has_labelled_half_its_stratum() -> None:
    kinds = [each.kind for each in select(pool(2_000), Rules(random_share=0.2), many=100, seed=0).choices]
    assert kinds.count("stratum") == 20
    assert abs(kinds[:50].count("stratum") - 10) <= 1
    assert kinds[:10].count("stratum") in (1, 2, 3)


def test_a_batch_is_unlike_within_and_still_useful() -> None:
    # Ten clouds of alike items, the most useful ones all in the first.
    random = np.random.default_rng(0)
    cloud = np.repeat(np.arange(10), 20)
    features = cloud[:, None] * 10.0 + random.normal(0, 0.01, (200, 1))
    distance = np.where(cloud == 0, 0.01, 0.1) + random.random(200) * 0.01
    of = Pool([f"i{each}" for each in range(200)], np.column_stack([0.5 + distance, 0.5 - distance]), features=features)

    def clouds(batch: Batch) -> Counter[int]:
        return Counter(int(cloud[each.row]) for each in batch.of("useful"))

    assert set(clouds(select(of, Rules(diversity="none"), many=10, seed=0))) == {0}
    for diversity in ("k-means++", "k-centre"):
        batch = select(of, Rules(diversity=diversity, multiple=30), many=10, seed=0)
        assert len(clouds(batch)) >= 8
        assert any(each.reason.endswith("and is unlike others of the batch") for each in batch.choices)


def test_a_cold_start_is_unlike_and_random_without_features() -> None:
    cloud = np.repeat(np.arange(10), 20)
    of = pool(200, probabilities=None, features=np.column_stack([cloud * 10.0, cloud % 2]))
    batch = select(of, many=11, seed=0)
    assert len({int(cloud[each.row]) for each in batch.of("cold start")}) == 10
    assert batch.notes[0] == "cold start: there is no model yet"
    lot = select(pool(200, probabilities=None, features=None), many=11, seed=0)
    assert {each.reason for each in lot.of("cold start")} == {"cold start: drawn by lot"}
    assert all(each.value is None for each in lot.choices)
    wanted = select(of, Rules(cold="random"), many=11, seed=0)
    assert wanted.ids == lot.ids
    one = select(pool(200, probabilities=np.ones((200, 1)), features=None), many=11, seed=0)
    assert one.ids == lot.ids
    assert "one class alone" in one.notes[0]


def test_items_without_a_prediction_are_drawn_last_and_said() -> None:
    of = pool(40)
    table = np.array(of.probabilities)
    table[5:] = np.nan
    batch = select(pool(40, probabilities=table), Rules(stratum_share=0.01), many=10, seed=0)
    assert {each.row for each in batch.of("useful")} == set(range(5))
    assert len(batch.of("unpredicted")) == 10 - len(batch.of("useful")) - len(batch.of("stratum"))
    assert any("items without a prediction" in note for note in batch.notes)


def test_an_empty_pool_gives_an_empty_batch_and_says_so() -> None:
    batch = select(Pool([], np.zeros((0, 2))), many=10, seed=0)
    assert batch.choices == ()
    assert any("0 items instead of 10" in note for note in batch.notes)


def test_large_batches_are_dealt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    of = pool(3_000)
    asked = []
    for limit in (10**9, 20_000):
        monkeypatch.setattr("automl_core.annotation.selection.selecting.WORK", limit)
        walked: list[int] = []

        def seen(points: np.ndarray, many: int, *more: Any, into: list[int] = walked, **named: Any) -> list[int]:
            into.append(len(points) * many * points.shape[1])
            return k_means_seeds(points, many, *more, **named)

        from automl_core.annotation.selection.diversity import k_means_seeds

        monkeypatch.setattr("automl_core.annotation.selection.selecting.k_means_seeds", seen)
        batch = select(of, many=100, seed=0)
        assert len(set(batch.ids)) == 100
        asked.append(walked)
    assert len(asked[0]) == 1
    assert sum(asked[0]) > 20_000
    assert len(asked[1]) > 1
    assert sum(asked[1]) <= 20_000 * 1.1


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"by": "margn"}, "did you mean 'margin'"),
        ({"diversity": "kmeans"}, "diversity: 'kmeans' is none of"),
        ({"cold": "centers"}, "did you mean 'centres'"),
        ({"multiple": 0}, "multiple: 0"),
        ({"random_share": 0.0}, "random_share: 0.0"),
        ({"stratum_share": 1.5}, "stratum_share: 1.5"),
        ({"bad_share": 0.95}, "bad_share: 0.95"),
    ],
)
def test_rules_that_cannot_be_are_named(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Rules(**rules)


def test_one_item_is_no_batch() -> None:
    with pytest.raises(ValueError, match="many: 1"):
        select(pool(), many=1, seed=0)
