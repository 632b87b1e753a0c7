from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.storage import InvalidKey
from automl_core.storage.keys import MAX_KEY_BYTES, TEMPORARY, below, check_key, check_prefix, is_key

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@pytest.mark.parametrize(
    "key", ["a", "journal/0000000001.json", "ü/模型 1.bin", ".hidden", "a..b", "...", "x" * 255, "a/_"]
)
def test_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "empty"),
        ("/etc/passwd", "'' is not a name"),
        ("a/", "'' is not a name"),
        ("a/../b", "'..' is not a name"),
        ("a\tb", "'\\t' is not allowed"),
        ("a\\b", "is not allowed"),
        ("\udcff", "is not allowed"),
        ("x" * 256, "256 bytes; at most 255"),
        ("ü" * 128, "256 bytes; at most 255"),
        ("a/" * 400 + "b", "801 bytes; at most 800"),
        (f"a/{TEMPORARY}1", "half-written"),
    ],
)
def test_what_is_no_key_is_told_why(key: str, problem: str) -> None:
    with pytest.raises(InvalidKey) as raised:
        check_key(key)
    assert problem in str(raised.value)
    assert not is_key(key)


@given(st.lists(names, min_size=1, max_size=4).map("/".join))
def test_every_start_of_a_key_is_a_prefix(key: str) -> None:
    if is_key(key):
        assert len(key.encode()) <= MAX_KEY_BYTES
        for end in range(len(key) + 1):
            assert check_prefix(key[:end]) == key[:end]


@given(st.text(st.sampled_from("a./\\\n"), max_size=6))
def test_what_is_refused_as_prefix_starts_no_key(prefix: str) -> None:
    try:
        check_prefix(prefix)
    except InvalidKey:
        assert not any(is_key(prefix + rest) for rest in ("", "a", "/a", ".a", "a/a"))


def test_below() -> None:
    assert below("run/model", "a") == below("run/model/", "a") == "run/model/a"
    assert below("", "a") == "a"
    assert below("run", "") == "run/"
