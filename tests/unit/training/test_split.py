from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.training.problems import TrainingError
from automl_core.training.split import split

SEEDS = st.integers(0, 2**31)


@given(st.lists(st.sampled_from("abc"), min_size=12, max_size=80), st.floats(0.1, 0.5), SEEDS)
def test_each_class_keeps_its_share_and_a_row_to_learn_from(labels: list[str], fraction: float, seed: int) -> None:
    classes = np.array(labels)
    try:
        learn, held = split(len(labels), fraction, seed, classes=classes)
    except TrainingError:
        assert len(labels) * fraction < 3, "only where hardly a row would be held back"
        return
    assert sorted([*learn, *held]) == list(range(len(labels)))
    assert list(learn) == sorted(learn)
    for each in set(labels):
        total, left = (classes == each).sum(), (classes[learn] == each).sum()
        assert left >= 1
        assert abs((classes[held] == each).sum() - total * fraction) <= 1
    again = split(len(labels), fraction, seed, classes=classes)
    assert np.array_equal(again[1], held), "the same for every trial"


@given(st.lists(st.integers(0, 9), min_size=20, max_size=80), SEEDS)
def test_a_group_is_never_divided(groups: list[int], seed: int) -> None:
    if len(set(groups)) < 2:
        return
    names = np.array([f"g{group}" for group in groups])
    learn, held = split(len(groups), 0.3, seed, groups=names)
    assert not set(names[learn]) & set(names[held])
    order = np.random.default_rng(0).permutation(len(groups))
    _, other = split(len(groups), 0.3, seed, groups=names[order])
    assert set(names[order][other]) == set(names[held]), "whatever the rows' order"


def test_the_latest_rows_are_held_back() -> None:
    times = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 5.0])
    learn, held = split(6, 0.3, 0, times=times, groups=np.array(list("abcdef")))
    assert times[held].min() > times[learn].max()
    assert sorted(times[held]) == [5, 5], "rows of one moment stay together"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fraction": 0.0}, "valid_fraction must be between 0 and 1"),
        ({"fraction": 0.2, "groups": np.array(["a", "a", "a"])}, "too few groups"),
        ({"fraction": 0.2, "times": np.array([1.0, np.nan, 2.0])}, "rows without a time"),
    ],
)
def test_what_cannot_be_divided_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        split(3, seed=0, **options)  # type: ignore[arg-type]
