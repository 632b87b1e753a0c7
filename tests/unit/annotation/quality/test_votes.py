"""Several annotators: who is right, how far they agree, and how they do on gold items."""

from __future__ import annotations

import math
import random as standard

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from automl_core.annotation.quality import Votes, cohen, dawid_skene, krippendorff, on_gold, pairs
from tests.support.examples import examples

CLASSES = ("cat", "dog", "fox")


def crowd(
    seed: int, accuracies: tuple[float, ...] = (0.9, 0.85, 0.5, 0.45), items: int = 150
) -> tuple[Votes, list[str]]:
    """(votes of annotators who are so often right, the right labels by item)."""
    random = np.random.default_rng(seed)
    truth = random.choice(3, items, p=[0.5, 0.3, 0.2])
    votes = []
    for name, accuracy in zip("wxyz", accuracies, strict=False):
        for item in np.flatnonzero(random.random(items) < 0.8):
            label = truth[item] if random.random() < accuracy else (truth[item] + random.integers(1, 3)) % 3
            votes.append((f"{item:04}", name, CLASSES[label]))
    found = Votes.of(votes, CLASSES)
    return found, [CLASSES[truth[int(item)]] for item in found.items]


def right(votes: Votes, label: np.ndarray, truth: list[str]) -> float:
    return float(np.mean([votes.classes[each] == own for each, own in zip(label, truth, strict=True)]))


def test_labels_are_righter_than_those_of_most_votes_where_annotators_differ() -> None:
    gains = []
    for seed in range(8):
        votes, truth = crowd(seed)
        gains.append(right(votes, dawid_skene(votes).label, truth) - right(votes, votes.counts.argmax(axis=1), truth))
    assert np.mean(gains) > 0.02


def test_annotators_errors_are_found() -> None:
    votes, _ = crowd(1, items=600)
    assert dawid_skene(votes).accuracy == pytest.approx([0.9, 0.85, 0.5, 0.45], abs=0.08)


@given(st.integers(0, 500), st.sampled_from([(0.0, 0.0), (2.0, 1.0), (5.0, 0.5)]))
@settings(max_examples=examples(20), deadline=None)
def test_each_step_is_at_least_as_likely_as_the_one_before(seed: int, prior: tuple[float, float]) -> None:
    votes, _ = crowd(seed, items=30)
    found = dawid_skene(votes, right=prior[0], wrong=prior[1], steps=200)
    assert (np.diff(found.objective) >= -1e-7).all()
    assert found.probability.sum(axis=1) == pytest.approx(np.ones(len(votes.items)))
    assert found.confusion.sum(axis=2) == pytest.approx(np.ones((len(votes.annotators), 3)))


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xyz"), st.sampled_from("01")), min_size=1,
                unique_by=lambda vote: vote[:2]), st.integers(0, 99))  # fmt: skip
@settings(max_examples=examples(40), deadline=None)
def test_the_order_of_votes_makes_no_difference(votes: list[tuple[str, str, str]], seed: int) -> None:
    other = list(votes)
    standard.Random(seed).shuffle(other)
    one, two = (Votes.of(each, "01") for each in (votes, other))
    assert (one.table() == two.table())[~np.isnan(one.table())].all()
    assert (dawid_skene(one).probability == dawid_skene(two).probability).all()


def test_an_annotator_who_was_alone_keeps_the_labels_and_is_named_as_alone() -> None:
    """crowd-kit 1.4.2 gives both items the commonest class: an annotator whom nobody can be compared with is noise."""
    votes, _ = crowd(0)
    held = [
        (votes.items[i], votes.annotators[a], votes.classes[c])
        for i, a, c in zip(votes.item, votes.annotator, votes.label, strict=True)
    ]
    alone = Votes.of([*held, ("9998", "stranger", "fox"), ("9999", "stranger", "dog")], CLASSES)
    found = dawid_skene(alone)
    assert [CLASSES[found.label[alone.items.index(item)]] for item in ("9998", "9999")] == ["fox", "dog"]
    assert alone.single[[alone.items.index(item) for item in ("9998", "9999")]].all()
    assert found.probability.max(axis=1)[alone.items.index("9998")] < 0.9


def test_what_is_no_vote_is_refused_with_who_and_what() -> None:
    with pytest.raises(ValueError, match=r"1 votes are second ones by the same annotator .* first by 'ann' on '7'"):
        Votes.of([("7", "ann", "cat"), ("7", "bob", "cat"), ("7", "ann", "dog")])
    with pytest.raises(ValueError, match=r"'ann' labelled '7' as 'dgo', which is no class \(known: cat, dog, fox\)"):
        Votes.of([("7", "ann", "dgo")], CLASSES)
    with pytest.raises(TypeError, match="leave out what is missing"):
        Votes.of([("7", "ann", None)])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="no votes"):
        dawid_skene(Votes.of([], CLASSES))
    with pytest.raises(ValueError, match="two classes"):
        dawid_skene(Votes.of([("7", "ann", "cat")]))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60))
@settings(max_examples=examples(50), deadline=None)
def test_kappa_is_scikit_learns_and_the_same_from_both_sides(labels: list[tuple[int, int]]) -> None:
    one, other = (np.asarray(each) for each in zip(*labels, strict=True))
    found = cohen(one, other, classes=3)
    if len(set(one) | set(other)) == 1:
        assert math.isnan(found.value)
        assert found.observed == 1
        return
    assert found.value == pytest.approx(cohen_kappa_score(one, other, labels=[0, 1, 2]))
    assert found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12
    assert cohen(other, one, classes=3).value == pytest.approx(found.value)


def test_the_interval_of_kappa_holds_the_true_value_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(4), 0
    for _ in range(400):
        truth = random.integers(0, 2, 200)
        one, other = (np.where(random.random(200) < 0.9, truth, 1 - truth) for _ in range(2))
        found = cohen(one, other, classes=2)
        held += found.low <= 0.64 <= found.high  # (0.82 - 0.5) / 0.5
    assert 0.91 <= held / 400 <= 0.985


def example() -> np.ndarray:
    """Krippendorff's own: four observers, twelve units, values 1 to 5."""
    nan = np.nan
    table = np.asarray(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        ]
    )
    return np.stack([(table == each).sum(axis=0) for each in range(1, 6)], axis=1)


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_example(level: str, value: float) -> None:
    """K. Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section D; krippendorff 0.9 says the same."""
    found = krippendorff(example(), level=level, resamples=50)  # type: ignore[arg-type]
    assert found.value == pytest.approx(value, abs=5e-4)
    assert found.low <= found.value <= found.high
    assert found.items == 11


def test_where_nothing_can_differ_there_is_no_agreement_and_no_error() -> None:
    same = krippendorff([[2, 0], [3, 0]])
    assert math.isnan(same.value)
    assert same.observed == 1
    assert math.isnan(krippendorff([[1, 0], [0, 1]]).value), "no item has two labels"
    assert cohen([], [], classes=2).items == 0


def test_the_bootstrap_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = krippendorff(example(), resamples=64)
    monkeypatch.setattr("automl_core.annotation.quality.raters.AT_ONCE", 100)
    assert krippendorff(example(), resamples=64) == whole


def test_annotators_are_compared_on_what_both_have_labelled() -> None:
    votes = Votes.of(
        [("1", "a", "x"), ("2", "a", "y"), ("3", "a", "x"), ("1", "b", "x"), ("2", "b", "y"), ("4", "b", "x"),
         ("4", "c", "y")]
    )  # fmt: skip
    found = pairs(votes)
    assert set(found) == {("a", "b"), ("b", "c")}
    assert (found["a", "b"].value, found["a", "b"].items) == (1.0, 2)


def test_gold_items_tell_who_is_below_what_is_demanded() -> None:
    gold = {f"{each:02}": "x" for each in range(40)}
    votes = [(item, "good", "x") for item in gold] + [(item, "few", "x") for item in list(gold)[:5]]
    votes += [(item, "bad", "x" if int(item) < 20 else "y") for item in gold] + [("other", "idle", "y")]
    found = {each.annotator: each for each in on_gold(Votes.of(votes), gold, demanded=0.8)}
    assert {name: each.verdict for name, each in found.items()} == {
        "good": "kept", "few": "open", "bad": "below", "idle": "open"
    }  # fmt: skip
    assert (found["bad"].right, found["bad"].answered, found["bad"].missed[0]) == (20, 40, "20")
    assert (found["idle"].low, found["idle"].high) == (0, 1)
    with pytest.raises(ValueError, match="the gold label of '7' is 'z', which is no class"):
        on_gold(Votes.of(votes), {"7": "z"})
