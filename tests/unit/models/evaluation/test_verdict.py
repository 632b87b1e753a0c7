"""What conditions say of evidence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from automl_core.models.evaluation import conditions


def evidence(
    low: float | None, high: float | None, *, tests: Any = (), rows: int = 500, **changes: Any
) -> dict[str, Any]:
    middle = None if low is None or high is None else (low + high) / 2
    return {
        "metric": {"name": "roc_auc", "direction": "maximize"}, "champion": 3,
        "values": {"challenger": 0.8, "champion": 0.7},
        "difference": {
            "value": middle or 0.0, "low": low, "high": high, "gain": middle, "gain_low": low, "gain_high": high,
            "confidence": 0.95, "on": "all",
        },
        "data": {"scored": rows, "least_rows": 100, "seen": {}}, "tests": list(tests),
    } | changes  # fmt: skip


def test(severity: str, passed: bool | None) -> dict[str, Any]:
    return {"name": "x", "severity": severity, "passed": passed, "why": "because"}


test.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("when", "margin", "low", "high", "ok", "said"),
    [
        ("better", 0.0, 0.01, 0.03, True, "better"),
        ("better", 0.0, -0.01, 0.03, False, "not shown to be better"),
        ("better", 0.0, 0.0, 0.03, False, "not shown to be better"),
        ("better", 0.02, 0.01, 0.03, False, "the margin is 0.02"),
        ("better", 0.02, 0.021, 0.03, True, "beyond the margin"),
        ("better", 0.0, -0.03, -0.01, False, "worse"),
        ("not_worse", 0.01, -0.005, 0.03, True, "not worse"),
        ("not_worse", 0.01, -0.01, 0.03, True, "not worse"),
        ("not_worse", 0.01, -0.02, 0.03, False, "may be worse"),
        ("not_worse", 0.01, -0.05, -0.02, False, "worse by more than"),
        ("not_worse", 0.0, 0.0, 0.0, True, "not worse"),
        ("passes", 0.0, -0.05, -0.02, True, "nothing is asked"),
    ],
)
def test_the_interval_decides(when: str, margin: float, low: float, high: float, ok: bool, said: str) -> None:
    found = conditions(evidence(low, high), {"when": when, "margin": margin})
    assert found["ok"] is ok
    assert said in found["reasons"][-1]
    assert (found["when"], found["margin"]) == (when, margin)


def test_what_accept_says_may_be_an_object_or_the_evidences_own() -> None:
    assert conditions(evidence(-0.005, 0.01), SimpleNamespace(when="not_worse", margin=0.01))["ok"] is True
    own = evidence(-0.005, 0.01, verdict={"when": "not_worse", "margin": 0.01})
    assert conditions(own)["ok"] is True


@pytest.mark.parametrize(("severity", "passed", "ok"), [("refuse", False, False), ("refuse", None, None),
                                                        ("warn", False, True), ("warn", None, True)])  # fmt: skip
def test_tests_that_refuse_refuse_and_those_that_warn_do_not(
    severity: str, passed: bool | None, ok: bool | None
) -> None:
    assert conditions(evidence(0.01, 0.03, tests=[test(severity, passed)]))["ok"] is ok


def test_a_failed_test_is_no_doubt_even_where_the_rest_can_not_be_told() -> None:
    assert conditions(evidence(0.01, 0.03, tests=[test("refuse", False)], rows=20))["ok"] is False


@pytest.mark.parametrize("when", ["better", "not_worse", "passes"])
def test_too_few_rows_can_not_be_told(when: str) -> None:
    found = conditions(evidence(0.01, 0.03, rows=99), {"when": when, "margin": 0.0})
    assert found["ok"] is None
    assert "99 rows" in found["reasons"][-1]
    assert conditions(evidence(0.01, 0.03, rows=99), {"when": when}, least_rows=50)["ok"] is True


def test_without_a_champion_the_metric_and_the_tests_are_all_that_is_asked() -> None:
    alone = {"champion": None, "values": {"challenger": 0.8, "champion": None}, "difference": None}
    found = conditions(evidence(None, None, **alone))
    assert found["ok"] is True
    assert found["reasons"] == ["there is no champion to compare with"]
    unknown = alone | {"values": {"challenger": None, "champion": None}}
    assert conditions(evidence(None, None, **unknown))["ok"] is None


def test_a_difference_without_an_interval_can_not_be_told() -> None:
    assert conditions(evidence(None, None))["ok"] is None
    assert conditions(evidence(0.01, 0.03, difference=None))["ok"] is None


@pytest.mark.parametrize("when", ["better", "not_worse"])
def test_looking_good_on_what_it_was_trained_on_proves_nothing(when: str) -> None:
    seen = {"challenger": {"share": 0.4}, "champion": None}
    told = evidence(0.01, 0.03, data={"scored": 500, "least_rows": 100, "seen": seen})
    found = conditions(told, {"when": when, "margin": 0.0})
    assert found["ok"] is None
    assert "40%" in found["reasons"][-1]
    told["difference"]["on"] = "unseen"
    assert conditions(told, {"when": when, "margin": 0.0})["ok"] is True
    worse = evidence(-0.03, -0.01, data={"scored": 500, "least_rows": 100, "seen": seen})
    assert conditions(worse, {"when": when, "margin": 0.0})["ok"] is False  # worse even on what it has seen


def test_a_challenger_can_not_look_good_by_what_it_leaves_out() -> None:
    silent = {"scored": 500, "least_rows": 100, "seen": {}, "silent": {"challenger": 50}}
    found = conditions(evidence(0.01, 0.03, data=silent))
    assert found["ok"] is None
    assert "50 rows" in found["reasons"][-1]
    few = {"scored": 500, "least_rows": 100, "seen": {}, "silent": {"challenger": 5}}
    assert conditions(evidence(0.01, 0.03, data=few))["ok"] is True
