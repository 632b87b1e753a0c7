"""What a pool refuses, and that it says where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.annotation.selection import Pool

EVEN = np.full((2, 2), 0.5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"probabilities": np.full((3, 2), 0.5)}, "probabilities: 3 rows for 2 items"),
        ({"probabilities": np.array([0.5, 0.5])}, "1 dimensions"),
        ({"probabilities": [["a", "b"], ["c", "d"]]}, "probabilities: numbers"),
        ({"probabilities": np.array([[0.5, 0.5], [0.5, 0.4]])}, "probabilities of item 'b': 0.5, 0.4"),
        ({"probabilities": np.array([[0.5, 0.5], [1.5, -0.5]])}, "probabilities of item 'b'"),
        ({"probabilities": np.array([[0.5, 0.5], [np.inf, 0.0]])}, "probabilities of item 'b'"),
        ({"second": EVEN}, "no first model"),
        ({"probabilities": EVEN, "second": np.full((2, 4), 0.25)}, "second: 4 classes, and probabilities has 2"),
        ({"probabilities": EVEN, "second": EVEN * 2}, "second of item 'a'"),
        ({"features": np.array([[1.0], [np.inf]])}, "features of item 'b'"),
        ({"probabilities": EVEN, "classes": ["yes"]}, "classes: 1 names for 2"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pool(["a", "b"], **given)


def test_a_row_without_a_prediction_and_rounded_ones_are_taken() -> None:
    Pool(["a", "b"], np.array([[np.nan, 0.5], [0.5, 0.5]]))
    thirds: Any = np.full((1, 3), 1 / 3, dtype=np.float16)
    assert Pool(["a"], thirds).probabilities is not None


def test_every_piece_of_a_large_table_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.annotation.selection.pool.PIECE", 2)
    table = np.full((5, 2), 0.5)
    table[4] = 0.7
    with pytest.raises(ValueError, match="item 'i4'"):
        Pool([f"i{each}" for each in range(5)], table)
