"""Columns as bytes behind the JSON, as Triton's client sends them."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.serving.binary import BadBinary, with_data
from automl_core.serving.requests import read_infer
from tests.support.examples import examples


def request(*columns: tuple[str, str, bytes], **more: Any) -> tuple[bytes, str]:
    """A body as the client writes it, and its header."""
    inputs = [
        {"name": name, "datatype": kind, "shape": [2], "parameters": {"binary_data_size": len(data)}} | more
        for name, kind, data in columns
    ]
    head = json.dumps({"id": "q", "inputs": inputs}).encode()
    return head + b"".join(data for _, _, data in columns), str(len(head))


def texts(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(each.encode())) + each.encode() for each in values)


def test_columns_are_read_as_the_client_writes_them() -> None:
    body = request(
        ("age", "FP64", np.array([30.0, math.nan]).tobytes()), ("city", "BYTES", texts("Köln", "")),
        ("plan", "INT64", np.array([1, 2**53 + 1]).tobytes()), ("old", "BOOL", b"\x01\x00"),
    )  # fmt: skip
    asked, rows = read_infer(with_data(*body))
    assert asked.id == "q"
    assert rows == [
        {"age": 30.0, "city": "Köln", "plan": 1, "old": True},
        {"age": None, "city": "", "plan": 2**53 + 1, "old": False},
    ]


@given(st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=9))
@settings(max_examples=examples(40), deadline=None)
def test_numbers_of_four_bytes_are_what_they_were(values: list[float]) -> None:
    data = np.array(values, dtype="<f4").tobytes()
    body, length = request(("x", "FP32", data), shape=[len(values)])
    _, rows = read_infer(with_data(body, length))
    expected = [None if math.isnan(each) else each for each in values]
    assert [row["x"] for row in rows] == expected


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([("x", "FP64", b"1234567")], "7 bytes are no whole number of FP64"),
        ([("x", "FP65", b"12345678")], "there is no datatype 'FP65'"),
        ([("x", "BYTES", struct.pack("<I", 9) + b"short")], "text 0 ends behind"),
        ([("x", "BYTES", struct.pack("<I", 1) + b"\xff")], "text 0 is not UTF-8"),
    ],
)
def test_bytes_that_are_something_else_are_said(columns: list[tuple[str, str, bytes]], words: str) -> None:
    with pytest.raises(BadBinary, match=rf"inputs\.x: {words}"):
        with_data(*request(*columns))


def test_lengths_that_do_not_fit_are_said() -> None:
    body, length = request(("x", "FP64", np.array([1.0, 2.0]).tobytes()))
    for wrong in ("-1", "x", "²", str(len(body) + 1)):
        with pytest.raises(BadBinary, match="no length within the body"):
            with_data(body, wrong)
    with pytest.raises(BadBinary, match="is beyond the body"):
        with_data(body[:-1], length)
    with pytest.raises(BadBinary, match="1 bytes that belong to none"):
        with_data(body + b"x", length)
    with pytest.raises(BadBinary, match="no JSON of a request"):
        with_data(body, "3")
    doubled, at = request(("x", "FP64", b""), data=[1.0, 2.0])
    with pytest.raises(BadBinary, match="in the JSON and behind it"):
        with_data(doubled, at)
