"""Why a run was started, as its conf says it."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.reason import LONGEST, reason_of


@pytest.mark.parametrize(
    ("conf", "found"),
    [
        ({}, {}),
        ({"reason": None}, {}),
        ({"reason": ""}, {}),
        ({"reason": " new prices "}, {"text": "new prices"}),
        ({"reason": {"text": "worse", "model": "churn", "retraining": 3}, "max_trials": 2},
         {"text": "worse", "model": "churn", "retraining": 3}),
    ],
)  # fmt: skip
def test_a_reason_is_a_line_or_a_mapping_with_one(conf: dict[str, Any], found: dict[str, Any]) -> None:
    assert reason_of(conf) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "text, or a mapping"),
        (["a"], "text, or a mapping"),
        ({"model": "churn"}, "says in words why"),
        ({"text": "  "}, "says in words why"),
        ({"text": "a", "at": float("nan")}, "plain JSON"),
        ({"text": "a" * LONGEST}, "at most 4,000 characters"),
    ],
)
def test_anything_else_is_refused_where_it_stands(given: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said) as error:
        reason_of({"reason": given})
    assert "conf of the run" in str(error.value)
