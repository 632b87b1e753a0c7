"""What the guard of a rollout shows, with every kind of test in it."""

from __future__ import annotations

import msgspec

from automl_core.models.life import Rollout
from automl_core.models.rollout.view import Point, Server, Side, Test, View

HOSTILE = '<img src=x onerror="alert(1)">'
"""What may come from data: it must be shown as it is."""


def view_of(rollout: Rollout, model: str, now: float, look: int) -> View:
    """A view of a rollout whose version is slower, and has a few more errors that don't show a difference."""
    ours, theirs = rollout.champion, rollout.version
    return View(
        model, rollout.id, rollout.kind, theirs, ours, now, rollout.begun, rollout.step,
        msgspec.to_builtins(rollout.steps), rollout.now.share, rollout.now.shadow, rollout.moved,
        rollout.moved + rollout.now.bake, rollout.held, look=look,
        waits=f"12 more answers of version {theirs}",
        metric={"accuracy": {"time": now - 60, "words": ["1,110 of 21,210 answers have outcomes"], "problem": ""}},
        words=f"version {theirs} answers {rollout.now.share:.0%}", tests=tests_of(ours, theirs),
        notes=[f"errors rose for both in the last 10 minutes, from 1 % to 5 %: that is no difference {HOSTILE}"],
        servers=[Server("web-1-a3f", now - 1, 12_000), Server("web-2-77c", now - 400, 9_210)],
        answers={"champion": 18_900, "challenger": 2_310, "shadow": 0, "here": 88},
        seconds={
            "champion": {"mean": 0.02, "p50": 0.018, "p99": 0.09},
            "challenger": {"mean": 0.05, "p50": 0.03, "p99": 0.31},
        },
        history=course_of(rollout, now), ended=rollout.ended, outcome=rollout.outcome,
    )  # fmt: skip


def tests_of(ours: int, theirs: int) -> list[Test]:
    """One that shows nothing, one that decides, one by an interval, and one that has nothing to go by."""

    def sides(answers: tuple[int, int], hits: tuple[int, int]) -> tuple[Side, Side]:
        first, second = (Side(v, n, k, k / n) for v, n, k in zip((ours, theirs), answers, hits, strict=True))
        return first, second

    errors, slow = sides((18_900, 2_310), (198, 30)), sides((18_900, 2_310), (40, 320))
    accuracy = Side(ours, 900, None, 0.881), Side(theirs, 210, None, 0.872)
    return [
        Test("errors", "errors", *errors, 1.15, 40.0, 0.0025, 0.01, words=f"version {theirs}: 1.3 %, nothing is shown"),
        Test("slow", "answers slower than 200ms", *slow, 2310.0, 40.0, 0.136, state="worse", words=f"slower {HOSTILE}"),
        Test("metric", "accuracy", *accuracy, None, None, -0.009, 0.01, None, (-0.031, 0.013), words="-0.9 points"),
        Test("errors_alone", "errors, alone", None, Side(theirs, 0), 1.0, 40.0, limit=0.021, state="waits",
             words="it begins once the version answers all"),
    ]  # fmt: skip


def course_of(rollout: Rollout, now: float) -> list[Point]:
    """Evidence that grows while the version is new, and falls again."""
    whole = (now - rollout.begun) / 20
    before = [Point(rollout.begun + whole * i, 0, 1.3**i, 0.011, 0.02) for i in range(12)]
    return before + [Point(rollout.begun + whole * i, rollout.step, 23 / i, 0.0105, 0.013) for i in range(12, 21)]
