"""What of a look at a rollout is news, and for whom."""

from __future__ import annotations

from typing import Any

from automl_airflow.models.roll_news import WAITS_AFTER, news_of
from automl_core.models.rollout.view import Side, Test
from tests.unit.plugins.models.views import ended, view


def errors(state: str) -> Test:
    return Test("errors", "errors", Side(1, 10), Side(2, 10), state=state, words=f"errors: {state}")  # type: ignore[arg-type]


def told(before: Any, after: Any) -> list[tuple[str | None, str]]:
    found = news_of(before.to_json() if before is not None else None, after.to_json())
    return [(each.on, each.text) for each in found]


def test_the_first_look_says_where_it_stands_and_the_same_again_says_nothing() -> None:
    assert told(None, view(tests=[errors("open")])) == [(None, "version 2 answers 50 %"), (None, "errors: open")]
    assert told(view(tests=[errors("open")]), view(time=1101.0, tests=[errors("open")])) == []


def test_what_it_has_done_and_tests_that_say_something_else_are_lines() -> None:
    after = view(did=["step 2: 100 %"], tests=[errors("worse")], notes=["errors of both have risen"])
    assert told(view(tests=[errors("open")]), after) == [
        (None, "step 2: 100 %"), (None, "errors: worse"), (None, "errors of both have risen"),
    ]  # fmt: skip
    assert told(after, view(tests=[errors("worse")], notes=["errors of both have risen"])) == []


def test_people_are_told_that_it_is_held_and_the_log_that_it_goes_on() -> None:
    assert told(view(), view(held=True)) == [("waiting", "the rollout of version 2 is held: version 2 answers 50 %")]
    assert told(view(held=True), view(held=True)) == []
    assert told(view(held=True), view()) == [(None, "the rollout of version 2 goes on: version 2 answers 50 %")]


def test_each_end_is_told_also_by_one_who_comes_after_it() -> None:
    assert told(view(), ended("promoted", "good")) == [("in_use", "version 2 is in use (good)")]
    assert told(view(), ended("taken_back", "errors")) == [("taken_back", "version 2 is taken back: errors")]
    words = "the rollout of version 2 was stopped: version 1 is bad"
    assert told(view(), ended("stopped", "version 1 is bad")) == [("taken_back", words)]
    assert told(ended("taken_back", "errors"), ended("taken_back", "errors")), "the one before may have died with it"
    facts = news_of(None, ended("promoted", "good").to_json())[-1].facts
    assert facts == {"version": 2, "rollout": 1, "step": 0, "share": 0.5, "outcome": "promoted", "why": "good"}


def test_a_step_that_waits_long_after_its_time_is_told_once() -> None:
    late = 1060.0 + WAITS_AFTER + 1
    waits = {"waits": "3 of 100 answers"}
    assert told(view(**waits), view(**waits, time=1060.0 + WAITS_AFTER)) == []
    ((on, text),) = told(view(**waits), view(**waits, time=late))
    assert (on, text) == (
        "waiting", "the rollout of version 2 waits, 10m 01s after the least time of its step: 3 of 100 answers"
    )  # fmt: skip
    assert told(view(**waits, time=late), view(**waits, time=late + 1)) == [], "once"
    assert told(view(**waits, time=late), view(**waits, time=late, step=1)) != [], "and in the next step again"
    assert told(view(), view(time=late)) == [], "nothing is waited for"
    assert told(view(held=True, **waits), view(held=True, **waits, time=late)) == [], "a person holds it"


def test_a_long_step_is_late_after_as_long_again() -> None:
    day = 86400.0
    long = {"since": 0.0, "may_move_at": day, "waits": "few answers"}
    assert told(view(**long), view(**long, time=2 * day)) == []
    assert [on for on, _ in told(view(**long), view(**long, time=2 * day + 1))] == ["waiting"]
