"""A loss is judged by its interval: far enough, near enough, or not to be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.models.file.values import loss_of
from automl_core.models.watching import judging
from automl_core.models.watching.judging import Accepted, difference, judge


def value(middle: float, width: float | None = None) -> dict[str, Any]:
    ends = (None, None) if width is None else (middle - width, middle + width)
    return {"value": middle, "low": ends[0], "high": ends[1]}


def evidence(middle: float, width: float | None, rows: int = 1000, **more: Any) -> dict[str, Any]:
    metric = {"direction": "maximize", "challenger": value(middle, width), "champion": None, "difference": None}
    return {
        "metric": {"name": "roc_auc", "direction": "maximize"}, "metrics": {"roc_auc": metric},
        "data": {"scored": rows, "least_rows": 100}, "difference": None, **more,
    }  # fmt: skip


THEN = Accepted.of("a" * 64, evidence(0.90, 0.01))
LIMIT = loss_of("2%")  # of 0.90: 0.018


@pytest.mark.parametrize(
    ("middle", "width", "state"),
    [
        (0.90, 0.010, "holds"),
        (0.86, 0.010, "worse"),  # by 0.04, interval 0.026 to 0.054
        (0.88, 0.010, "cant_tell"),  # by 0.02, interval 0.006 to 0.034: its point alone would say worse
        (0.86, 0.040, "cant_tell"),  # the same loss on few rows
        (0.95, 0.010, "holds"),
    ],
)
def test_a_loss_is_one_when_its_whole_interval_is(middle: float, width: float, state: str) -> None:
    found = judge(evidence(middle, width), THEN, limit=LIMIT)
    assert (found.state, found.limit) == (state, pytest.approx(0.018))
    assert found.loss["value"] == pytest.approx(0.90 - middle)


def test_smaller_is_better_where_the_metric_says_so() -> None:
    def errors(middle: float) -> dict[str, Any]:
        metric = {"direction": "minimize", "challenger": value(middle, 0.1), "champion": None, "difference": None}
        return evidence(0, 0, metric={"name": "rmse", "direction": "minimize"}, metrics={"rmse": metric})

    then = Accepted.of("a" * 64, errors(2.0))
    assert judge(errors(3.0), then, limit=loss_of(0.5)).state == "worse"
    assert judge(errors(1.0), then, limit=loss_of(0.5)).state == "holds"


def test_too_few_labels_tell_nothing_however_bad_they_look() -> None:
    found = judge(evidence(0.2, 0.01, rows=99), THEN, limit=LIMIT)
    assert found.state == "cant_tell"
    assert found.why == "it can't be told: 99 rows have labels, and 100 are asked for"


def test_what_was_not_measured_is_no_loss() -> None:
    assert judge(evidence(0.5, 0.01), None, limit=LIMIT).state == "cant_tell"
    assert judge(evidence(0.5, 0.01), THEN, limit=LIMIT, metric="f1").state == "cant_tell"
    undefined = evidence(0.5, 0.01)
    undefined["metrics"]["roc_auc"]["challenger"] = {"value": None, "low": None, "high": None}
    assert judge(undefined, THEN, limit=LIMIT).state == "cant_tell"


def test_a_value_without_an_interval_is_told() -> None:
    exact = Accepted.of("a" * 64, evidence(0.90, None))
    found = judge(evidence(0.86, 0.01), exact, limit=LIMIT)
    assert (found.state, found.reasons) == (
        "worse",
        ("roc_auc of the acceptance has no interval, and is taken as exact",),
    )
    assert judge(evidence(0.80, None), THEN, limit=LIMIT).state == "cant_tell", "today's value must say how sure it is"


def test_the_words_have_the_figures() -> None:
    assert judge(evidence(0.86, 0.01), THEN, limit=LIMIT).why == (
        "roc_auc is 0.86 on 1,000 rows, and was 0.9: worse by 0.04 (4.4%), interval +0.02586 to +0.05414; that is more "
        "than 0.018"
    )


def test_without_a_limit_any_shown_loss_is_one() -> None:
    assert judge(evidence(0.88, 0.005), THEN).state == "worse"
    assert judge(evidence(0.895, 0.010), THEN).state == "holds"


@given(
    one=st.tuples(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3)),
    other=st.tuples(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3)),
)
def test_the_interval_holds_its_point_and_turns_round(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> None:
    first, second = ({"value": m, "low": m - a, "high": m + b} for m, a, b in (one, other))
    middle, low, high = difference(first, second)
    assert low is not None
    assert high is not None
    assert low <= middle <= high
    back = difference(second, first)
    assert back == pytest.approx((-middle, -high, -low))


def test_it_covers_what_it_promises() -> None:
    """Two means of normal rows with 95 % intervals of their own: the difference's holds the truth 95 times of 100."""
    random = np.random.default_rng(7)
    hits, turns = 0, 4000
    for _ in range(turns):
        ends = []
        for mean, size in ((0.3, 40), (0.1, 90)):
            rows = random.normal(mean, 1.0, size)
            half = 1.96 / np.sqrt(size)
            ends.append({"value": rows.mean(), "low": rows.mean() - half, "high": rows.mean() + half})
        _, low, high = difference(*ends)
        hits += low <= 0.2 <= high
    assert 0.94 < hits / turns < 0.96


@pytest.mark.parametrize(("kept", "said"), [(333, True), (1_000, False), (None, False)])
def test_an_estimate_that_stands_on_few_rows_says_that_its_interval_is_too_narrow(kept: int | None, said: bool) -> None:
    estimate = {
        "state": "estimated", "metric": "auc", "direction": "maximize", "value": 0.8, "low": 0.75, "high": 0.85,
        "rows": 500, "checked": None, **({} if kept is None else {"calibration": {"method": "beta", "rows": kept}}),
    }  # fmt: skip
    words = judging.judge_estimate(estimate, None)["words"]
    assert ("(the evidence kept 333 rows, and with so few such an interval is too narrow)" in words) is said
