"""What people are shown of a rollout: where it stands, its tests in words, what is waited for."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

State = Literal["open", "small", "worse", "better", "waits"]
"""Of a test: nothing is shown (yet); a difference is shown that is too small to matter; the challenger is shown to be
worse, or better; it has nothing to go by."""


class Side(msgspec.Struct):
    """One version in a test.

    Attributes:
        version: its number.
        answers: how many.
        hits: how many of them were what is counted; None where values are averaged.
        rate: their share, or the mean value; None without an answer.
    """

    version: int
    answers: int
    hits: int | None = None
    rate: float | None = None


class Test(msgspec.Struct):
    """One test.

    Attributes:
        name: ``errors``, ``slow``, ``errors_alone``, ``slow_alone``, ``metric``, ``better``.
        label: what is compared, for people: ``errors``, ``answers slower than 200ms``, ``accuracy``.
        champion: None where the challenger is held to a fixed rate.
        challenger: it.
        value: the evidence so far; None where an interval decides.
        needed: the evidence that decides.
        difference: challenger less champion, within blocks.
        margin: the difference that matters; what is below changes nothing.
        limit: the fixed rate; None where both answer.
        interval: of the difference, where means are compared; holds at every look.
        state: see `State`.
        words: all of this in a sentence.
    """

    __test__ = False  # not one of pytest's

    name: str
    label: str
    champion: Side | None
    challenger: Side
    value: float | None = None
    needed: float | None = None
    difference: float | None = None
    margin: float = 0.0
    limit: float | None = None
    interval: tuple[float, float] | None = None
    state: State = "open"
    words: str = ""


class Server(msgspec.Struct):
    """A server that counts.

    Attributes:
        name: of its process.
        heard: when its last tally was folded, seconds since 1970 by the guard's clock.
        answers: that it has told of.
    """

    name: str
    heard: float
    answers: int


class Point(msgspec.Struct, array_like=True):
    """A moment of the rollout's course: time, step, evidence of errors, error rates of champion and challenger."""

    time: float
    step: int
    evidence: float
    champion: float | None
    challenger: float | None


class View(msgspec.Struct):
    """Where a rollout stands. Plain JSON (`to_json`).

    Attributes:
        model, rollout: which.
        kind: ``steps`` or ``ab``.
        version, champion: challenger and champion.
        look: the number of the checkpoint that it was written with.
        time: when, seconds since 1970.
        begun: when the rollout did.
        step: index of the step, from 0.
        steps: ``{share, bake, shadow}`` of each.
        share: the challenger's now.
        shadow: whether its answers are not given.
        since: when the step began.
        may_move_at: when its bake time is over; of an A/B, when its time is over.
        held: whether a person holds it.
        waits: what the next step waits for, in words; empty where nothing.
        words: where it stands, in a sentence.
        tests: all of them.
        notes: what else a reader must know.
        servers: the fifty that were heard last.
        answers: ``{champion, challenger, shadow, here}``: in all, and the challenger's in this step.
        seconds: ``{champion: {mean, p50, p99}, challenger: …}``.
        agreed: of the shadow's answers that could be compared, the share that said the same; None without any.
        metric: when it was measured last, on how many labels, or why not; None where there is no metric.
        history: the course so far.
        did: what this look has done, in words.
        ended: when it ended; None while it goes on.
        outcome: ``promoted``, ``taken_back``, ``stopped``; empty while it goes on.
        why: of the outcome.
    """

    model: str
    rollout: int
    kind: str
    version: int
    champion: int | None
    time: float
    begun: float
    step: int
    steps: list[dict[str, Any]]
    share: float
    shadow: bool
    since: float
    may_move_at: float
    held: bool
    look: int = 0
    waits: str = ""
    words: str = ""
    tests: list[Test] = []
    notes: list[str] = []
    servers: list[Server] = []
    answers: dict[str, int] = {}
    seconds: dict[str, dict[str, float | None]] = {}
    agreed: float | None = None
    metric: dict[str, Any] | None = None
    history: list[Point] = []
    did: list[str] = []
    ended: float | None = None
    outcome: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found
