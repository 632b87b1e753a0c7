"""Documents go through their files letter for letter and bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from automl_core.modelfile.archives import packed, save_arrays
from automl_core.modelfile.scoring.documents import LaterFormat, check_format, flatten, load, unflatten
from tests.support.examples import examples

TYPES = arrays.scalar_dtypes().filter(lambda kind: kind.kind in "biuf" and kind.itemsize <= 8)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64),
    st.floats(),
    st.text(max_size=5),
    arrays.arrays(TYPES, arrays.array_shapes()),
    st.lists(st.text(max_size=4), min_size=30, max_size=40),
)  # fmt: skip
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        native = one.astype(one.dtype.newbyteorder("<"))
        return isinstance(other, np.ndarray) and native.shape == other.shape and native.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


@settings(max_examples=examples(100), deadline=None)
@given(DOCUMENTS)
def test_what_is_flattened_comes_back(document: Any) -> None:
    plain, held = flatten(document)
    assert same(document, unflatten(json.loads(json.dumps(plain, allow_nan=False)), held))


def test_what_occurs_twice_is_kept_once() -> None:
    array, texts = np.arange(1000.0), [f"level {each}" for each in range(100)]
    plain, held = flatten({"a": array, "b": array.copy(), "c": texts, "d": list(texts), "small": np.arange(3)})
    assert len(held) == 2
    assert plain["a"] == plain["b"]
    assert "$bytes" in plain["small"]


def test_what_would_have_to_be_pickled_is_refused() -> None:
    for value in (np.asarray([object()]), object(), {1, 2}, np.asarray(["a"])):
        with pytest.raises(ValueError, match=r"document\.x\[0\]"):
            flatten({"x": [value]})


def test_files(tmp_path: Path) -> None:
    document = {"format": 1, "values": np.arange(100), "more": np.eye(20, dtype=np.float32)}
    plain, held = flatten(document)
    (tmp_path / "scorer.json").write_text(json.dumps(plain))
    save_arrays(tmp_path / "scorer.npz", held)
    assert same(document, load(tmp_path))
    with np.load(tmp_path / "scorer.npz", allow_pickle=False) as file:  # any reader of numpy's files reads it
        assert sorted(file) == ["a0", "a1"]
    assert packed([("a", b"x")]) == packed([("a", b"x")])


def test_a_later_format_is_refused_by_name() -> None:
    with pytest.raises(LaterFormat, match="has the format 3, and this release reads formats up to 2"):
        check_format({"format": 3})
    with pytest.raises(ValueError, match="names no format"):
        check_format({})
