"""Two models, a random sample, and what is taken of a pool."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.agreement import Labeller, Promise, SameFamily, agree, families
from automl_core.annotation.agreement.comparing import apply, compare, fit_temperature
from automl_core.annotation.agreement.draws import drawn
from automl_core.annotation.agreement.families import check_different, shared
from tests.support.examples import examples

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
ASSETS = Path(__file__).parents[3] / "assets" / "modelfile"


def world(seed: int, items: int = 3000, heat: float = 1.0) -> Arrays:
    """(first, second, truth): two models that see the same margin with noise of their own; heat makes them too sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 6, (items, 3))
    chance = np.exp(logits)
    chance /= chance.sum(axis=1, keepdims=True)
    truth = (chance.cumsum(axis=1) > random.random((items, 1))).argmax(axis=1)
    found = []
    for _ in range(2):
        own = np.exp((logits + random.normal(0, 0.3, logits.shape)) * heat)
        found.append(own / own.sum(axis=1, keepdims=True))
    return found[0], found[1], truth


def taken_of(seed: int, heat: float = 1.0, **options: object):
    first, second, truth = world(seed, heat=heat)
    items = [f"i{each}" for each in range(len(truth))]
    inside = np.flatnonzero(drawn(items, 0.3, seed=seed, purpose="random"))
    labels = {items[each]: int(truth[each]) for each in inside}
    pair = Labeller("trees", {"trees": 1}, first), Labeller("linear", {"linear": 1}, second)
    return agree(*pair, items, labels, seed=seed, **options), truth, inside  # type: ignore[arg-type]


def test_the_labels_that_are_taken_are_as_right_as_promised() -> None:
    broken, shares = 0, []
    for seed in range(20):
        found, truth, inside = taken_of(seed, heat=2.0)
        assert not found.taken[inside].any(), "people have labelled these"
        assert found.found.takes == found.taken.sum()
        assert found.calibrating + found.testing == len(inside)
        shares.append(found.taken.mean())
        broken += bool((found.compared.label != truth)[found.taken].mean() > 0.03) if found.taken.any() else 0
    assert broken <= 3
    assert np.median(shares) > 0.25


def test_models_that_are_too_sure_are_calibrated_before_they_are_compared() -> None:
    once, twice = ([each["temperature"] for each in taken_of(1, heat=heat)[0].calibrations] for heat in (1.0, 2.0))
    assert np.divide(twice, once) == pytest.approx([2.0, 2.0], rel=0.1)


def test_later_items_are_judged_by_the_same_threshold() -> None:
    found, _, inside = taken_of(2)
    first, second, _ = world(2)
    takes, label = found.would_take(first, second)
    rest = np.ones(len(takes), dtype=bool)
    rest[inside] = False
    assert (takes[rest] == found.taken[rest]).all()
    assert (label == found.compared.label).all()


def test_a_repeated_search_is_stricter() -> None:
    once, again = (taken_of(3, look=look)[0].found for look in (1, 6))
    assert once.takes > again.takes


def test_two_models_of_one_family_are_refused_as_two() -> None:
    first, second, truth = world(0, items=10)
    one, other = Labeller("churn 3", {"trees": 0.8, "linear": 0.2}, first), Labeller("boosted", {"trees": 1}, second)
    with pytest.raises(SameFamily, match=r"churn 3 and boosted are of one family \(trees: 80% of their weight\)"):
        agree(one, other, [str(each) for each in range(10)], {"0": int(truth[0])})
    with pytest.raises(SameFamily, match="learned nothing"):
        check_different({"constant": 1.0}, {"trees": 1.0}, names=("a", "b"))
    check_different({"trees": 0.5, "dense": 0.5}, {"trees": 1.0}, names=("a", "b"))


@given(st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 9), min_size=1),
       st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 9), min_size=1))  # fmt: skip
@settings(max_examples=examples(40), deadline=None)
def test_what_two_models_share_is_a_share_and_the_same_from_both_sides(one: dict, other: dict) -> None:
    one, other = families(one), families(other)
    assert shared(one, other) == pytest.approx(shared(other, one))
    assert 0 <= shared(one, other) <= shared(one, one) + 1e-9 == pytest.approx(1 + 1e-9)


def test_families_are_read_from_a_models_folder() -> None:
    folders = sorted(each for each in ASSETS.iterdir() if (each / "scorer.json").exists())
    read = 0
    for folder in folders:
        if json.loads((folder / "model.json").read_text())["problem"]["kind"] == "forecasting":
            with pytest.raises(ValueError, match="is a model of series"):
                families(folder)
            continue
        read += 1
        found = families(folder)
        assert sum(found.values()) == pytest.approx(1)
        assert set(found) <= {"trees", "linear", "dense", "bayes", "neighbours", "svm", "constant"}, found
    assert read
    with pytest.raises(ValueError, match="families of a model have weights"):
        families({"trees": 0})


def test_an_estimator_of_a_library_is_of_the_family_that_its_class_names(tmp_path: Path) -> None:
    from tests.unit.annotation.agreement.folders import write

    members = [
        {"weight": 3, "model": {"type": "estimator", "name": "t1"}},
        {
            "weight": 1,
            "model": {"type": "mean", "members": [{"model": {"type": "linear"}}, {"model": {"type": "trees"}}]},
        },
    ]
    write(tmp_path, members, [{"name": "t1", "class": "sklearn.ensemble._forest.ExtraTreesClassifier"}])
    assert families(tmp_path) == pytest.approx({"trees": 0.875, "linear": 0.125})
    write(tmp_path, members, [{"name": "t1", "class": "acme.Oracle"}])
    assert families(tmp_path) == pytest.approx({"acme.Oracle": 0.75, "trees": 0.125, "linear": 0.125})
    assert json.loads((tmp_path / "model.json").read_text())


def test_a_draw_of_an_item_knows_of_no_other_item() -> None:
    items = [f"item {each}" for each in range(4000)]
    found = drawn(items, 0.2, seed=1, purpose="random")
    assert (drawn(items[1000:], 0.2, seed=1, purpose="random") == found[1000:]).all()
    assert 0.16 < found.mean() < 0.24
    assert found[drawn(items, 0.2, seed=1, purpose="another")].mean() < 0.4
    assert (drawn(items, 0.1, seed=1, purpose="random") <= found).all(), "a larger share has the smaller one in it"


def test_a_perfect_model_or_no_label_leaves_a_temperature_that_is_a_number() -> None:
    right = np.eye(2)[[0, 1, 0, 1]] * 0.8 + 0.1
    assert 0.05 < fit_temperature(right, [0, 1, 0, 1])["temperature"] < 1
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int))["temperature"] == pytest.approx(1, abs=1e-3)


@given(st.integers(0, 1000))
@settings(max_examples=examples(15), deadline=None)
def test_the_temperature_makes_labels_likelier_and_moves_no_label(seed: int) -> None:
    first, _, truth = world(seed, items=300, heat=1.7)
    after = apply(fit_temperature(first, truth), first)
    rows = np.arange(len(truth))
    assert np.log(after[rows, truth]).sum() >= np.log(np.clip(first[rows, truth], 1e-15, 1)).sum() - 1e-6
    assert (after.argmax(axis=1) == first.argmax(axis=1)).all()


def test_the_less_sure_model_counts_and_where_they_differ_nothing() -> None:
    found = compare([[0.9, 0.1], [0.9, 0.1]], [[0.7, 0.3], [0.4, 0.6]])
    assert found.sure.tolist() == [0.7, 0.0]
    assert found.agreement == 0.5


def test_what_fits_no_pool_is_refused_with_its_name() -> None:
    first, second, _ = world(0, items=4)
    pair = Labeller("trees", {"trees": 1}, first), Labeller("linear", {"linear": 1}, second)
    ids = ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="1 labels are of items that the pool has not, the first of 'z'"):
        agree(*pair, ids, {"z": 0})
    with pytest.raises(ValueError, match="1 ids occur twice"):
        agree(*pair, ["a", "b", "c", "a"], {})
    with pytest.raises(ValueError, match="from 0 to 2"):
        agree(*pair, ids, {"a": 3})
    with pytest.raises(ValueError, match="trees has probabilities of 4 items, the pool has 3"):
        agree(*pair, ids[:3], {})
    broken = first.copy()
    broken[2, 0] = np.nan
    with pytest.raises(ValueError, match="trees: 1 rows are no probabilities that sum to 1, the first is row 2"):
        agree(Labeller("trees", {"trees": 1}, broken), pair[1], ids, {})
    assert agree(*pair, ids, {}, Promise()).found.threshold is None
