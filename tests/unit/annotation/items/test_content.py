"""What an item is, and which are the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.items import BadItem, content_of, is_id, item_id, shown_digests
from tests.support.examples import examples

VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.booleans(), st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
ITEMS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), VALUES, min_size=1, max_size=5)


@settings(max_examples=examples(40))
@given(ITEMS)
def test_the_order_of_columns_makes_no_other_item(content: dict[str, object]) -> None:
    turned = dict(reversed(content.items()))
    assert item_id(turned) == item_id(content)
    assert is_id(item_id(content))
    assert content_of(content_of(content)) == content_of(content)


@settings(max_examples=examples(40))
@given(ITEMS, ITEMS)
def test_different_items_have_different_ids(one: dict[str, object], other: dict[str, object]) -> None:
    def typed(content: dict[str, object]) -> dict[str, tuple[bool, object]]:
        return {column: (isinstance(value, bool), value) for column, value in content.items()}  # True == 1 in Python

    assert (item_id(one) == item_id(other)) == (typed(one) == typed(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": 1.0}),
        ({"n": 0}, {"n": -0.0}),
        ({"t": "x", "n": None}, {"t": "x", "n": math.nan}),
    ],
)
def test_the_same_row_from_a_csv_and_from_a_parquet_file_is_one_item(one: dict, other: dict) -> None:  # type: ignore[type-arg]
    assert item_id(one) == item_id(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"t": "a"}, {"t": "a "}),
        ({"t": "1"}, {"t": 1}),
        ({"t": True}, {"t": 1}),
        ({"t": "é"}, {"t": "e\u0301"}),
        ({"t": "x", "n": None}, {"t": "x"}),
    ],
)
def test_what_people_could_tell_apart_is_two_items(one: dict, other: dict) -> None:  # type: ignore[type-arg]
    assert item_id(one) != item_id(other)


def test_an_id_never_changes() -> None:
    """It stands in files and in Label Studio: another digest would make labels those of nothing. By sha256sum."""
    assert item_id({"text": "where is my order?"}) == "iaa5f01def12e1dc874ba"
    assert item_id({"b": "ü", "a": 1.5}) == "i01864f2e28bd5a5492be"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "without any column"),
        ({"text": ""}, "nothing but missing values"),
        ({"a": None, "b": math.nan}, "nothing but missing values"),
        ({"a": math.inf}, "column a: inf"),
        ({"a": ["x"]}, "column a: list"),
        ({"a": {"b": 1}}, "column a: dict"),
        ({1: "x"}, "no name of a column"),
        ({"a": "\ud800"}, "no valid Unicode"),
        ({"a": 2**63}, "beyond 64 bits"),
        ({"a": "x" * 1_000_001}, "keep it in a file"),
        (["x"], "a mapping of columns, not list"),
    ],
)
def test_what_is_no_item_is_told(content: object, words: str) -> None:
    with pytest.raises(BadItem, match=words):
        content_of(content)  # type: ignore[arg-type]


def test_what_was_shown_is_the_item_all_of_it_or_the_columns_that_people_see() -> None:
    item, beside = content_of({"text": "hello", "lang": "en"}), content_of({"hint": "greeting"})
    digests = shown_digests(item, beside, ["text", "hint"])
    assert digests == {item_id(item), item_id(item | beside), item_id({"text": "hello", "hint": "greeting"})}
    assert item_id({"text": "hello!", "lang": "en"}) not in digests
    assert shown_digests(item, {}) == {item_id(item)}


@pytest.mark.parametrize("text", ["", "i", "i123", "x" + "0" * 20, "i" + "g" * 20, "i" + "0" * 21])
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_id(text)
