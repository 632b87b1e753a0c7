"""Numbers of items in few bytes."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.items import pack, unpack
from tests.support.examples import examples


@settings(max_examples=examples(50))
@given(st.sets(st.integers(0, 400)))
def test_what_was_packed_comes_back(numbers: set[int]) -> None:
    packed = json.loads(json.dumps(pack(numbers)))
    assert unpack(packed) == sorted(numbers)


@pytest.mark.parametrize("span", [401, 5_000, 10**6, 10**9])
def test_many_are_packed_and_come_back(span: int) -> None:
    numbers = random.Random(span).sample(range(span), 400)
    packed = pack(numbers)
    assert isinstance(packed, str) or len(packed) <= 200
    assert unpack(packed) == sorted(numbers)


def test_few_can_be_read_by_people() -> None:
    assert pack([7, 8, 9, 20]) == [8, -2, 11]
    assert pack(range(100_000)) == [1, -99_999]
    assert pack([]) == []


def test_a_hundred_thousand_of_a_million_are_some_kilobytes() -> None:
    scattered = random.Random(0).sample(range(1_000_000), 100_000)
    assert len(pack(scattered)) < 100_000
    half = random.Random(0).sample(range(100_000), 50_000)
    assert len(pack(half)) < 30_000


@pytest.mark.parametrize(
    "packed",
    [
        [0], [-1], [1, True], [1.5], ["1"], "no base 64 !", "AAAA", pack(range(0, 4000, 3))[:-9], [1, -200_000_000],
        {"a": 1},
    ],
)  # fmt: skip
def test_what_is_no_such_list_is_refused(packed: object) -> None:
    with pytest.raises(ValueError, match=r"list of numbers|more than"):
        unpack(packed)  # type: ignore[arg-type]


def test_a_number_below_0_is_none() -> None:
    with pytest.raises(ValueError, match="no number of an item"):
        pack([3, -1])
