"""What estimates were off by, where labels came."""

from __future__ import annotations

import json

import pytest

from automl_core.models.estimating.record import MOST, Check, Record


def check(off: float, spread: float = 0.01) -> Check:
    return Check(500, 0.8, 0.8 - 2 * spread, 0.8 + 2 * spread, spread, 0.8 + off)


def test_errors_of_the_size_that_was_stated_add_nothing() -> None:
    record = Record.of([check(0.008), check(-0.009), check(0.002)])
    assert (record.checks, record.within, record.excess) == (3, 3, 0.0)


def test_errors_beyond_it_are_what_the_next_estimate_is_wider_by() -> None:
    record = Record.of([check(-0.05), check(-0.05)])
    assert (record.within, record.error) == (0, pytest.approx(-0.05))
    assert record.excess == pytest.approx((0.05**2 - 0.01**2) ** 0.5)
    assert Record.of([]) == Record()


def test_the_newest_count() -> None:
    assert Record.of([check(0.0)] * MOST + [check(0.5)] * 50).excess == 0.0


def test_checks_go_through_json_and_what_is_none_is_passed_over() -> None:
    made = check(-0.03)
    body = json.loads(json.dumps(made.to_json()))
    assert body["within"] is False
    assert Check.from_json(body) == made
    for wrong in (None, {}, {**body, "measured": None}, {**body, "rows": "many"}, {**body, "spread": float("nan")}):
        assert Check.from_json(wrong) is None
