"""Names and values as MLflow takes them (the rules were tried on MLflow 3.17)."""

from __future__ import annotations

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.tracking import words


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("val/loss", "val/loss"), ("größe", "größe"), ("loss@5", "loss_5"), ("a//b", "_a__b"), ("/a", "__a"), ("..", "_")],
)
def test_most_names_stay_what_they_are(ours: str, theirs: str) -> None:
    assert words.names([ours]) == {ours: theirs}


@given(st.lists(st.text(alphabet="ab/.@ _=é", max_size=300), max_size=8, unique=True))
def test_every_name_is_taken_and_no_two_become_one(ours: list[str]) -> None:
    found = words.names(ours)
    assert list(found) == ours
    assert len(set(found.values())) == len(ours)
    for name in found.values():
        assert 0 < len(name) <= words.NAME
        assert re.fullmatch(r"[\w\-. :/]+", name)
        assert posixpath.normpath(name) == name
        assert not name.startswith(("/", ".."))
        assert name != "."


def test_who_has_a_good_name_keeps_it() -> None:
    assert words.names(["a@b", "a_b"]) == {"a@b": "a_b_2", "a_b": "a_b"}


def test_values() -> None:
    assert words.param(0.1) == "0.1"
    assert words.param([1, "ü"]) == '[1, "ü"]'
    assert words.param(True) == "true"
    assert words.param("x") == "x"
    assert words.param("x" * 6000) == "x" * 6000
    assert words.param("x" * 6001) == "x" * 5998 + " …"
    assert [words.number(each) for each in (1.5, float("nan"), float("inf"), -float("inf"))] == [
        1.5, "NaN", "Infinity", "-Infinity",
    ]  # fmt: skip


def test_what_no_request_carries() -> None:
    """Half a letter (JSON has it as an escape) and NUL."""
    assert words.tag("a\ud800b\0c") == "a?b\ufffdc"
    assert words.param(["\udfff"]) == '["?"]'
