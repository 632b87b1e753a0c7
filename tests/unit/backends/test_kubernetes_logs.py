"""Reading a log again and again: each line once, whatever the times and the overlaps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.logs import LogCursor, PodLog
from automl_core.backends.remote import Unreachable

START = 1_700_000_000


def stamped(nanoseconds: int, text: str) -> str:
    from datetime import UTC, datetime

    second, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(START + second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z {text}\n"


def served(log: list[tuple[int, str]], since: str | None) -> bytes:
    """What a node answers: all lines from the second of `since` on, in the order of the file."""
    lines = [stamped(*entry) for entry in log]
    return "".join(line for line in lines if since is None or line[:19] >= since[:19]).encode()


steps = st.lists(st.tuples(st.integers(0, 700_000_000), st.sampled_from(["a", "b", "accuracy=0.5", ""])), max_size=40)


@given(steps, st.lists(st.integers(0, 8), max_size=30))
def test_every_line_is_read_once_however_the_readings_fall(steps: list[tuple[int, str]], sizes: list[int]) -> None:
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))
    cursor, read, shown = LogCursor(), [], 0
    for size in [*sizes, len(log)]:
        shown = min(len(log), shown + size)
        read += cursor.take(served(log[:shown], cursor.since), whole=False)
    assert read == [text for _, text in log]


@given(steps)
def test_times_that_go_back_a_little_lose_nothing(steps: list[tuple[int, str]]) -> None:
    log, now = [], 0
    for number, (pause, text) in enumerate(steps):
        now += pause
        late = 50_000_000 if number % 3 == 2 else 0  # standard error, a moment behind standard output
        log.append((max(0, now - late), text))
    cursor, read = LogCursor(), []
    for shown in range(len(log) + 1):
        read += cursor.take(served(log[:shown], cursor.since), whole=False)
    assert sorted(read) == sorted(text for _, text in log)


def test_a_line_without_its_end_waits_for_it_unless_nothing_more_comes() -> None:
    cursor = LogCursor()
    whole, part = stamped(1, "one"), stamped(2, "two").rstrip("\n")
    assert cursor.take((whole + part).encode(), whole=False) == ["one"]
    assert cursor.take((whole + part).encode(), whole=True) == ["two"]


def test_a_node_with_a_clock_of_its_own_zone_is_read_as_well() -> None:
    cursor = LogCursor()
    line = "2026-11-21T10:00:00.123456789+02:00 hello\n"
    assert cursor.take(line.encode(), whole=False) == ["hello"]
    assert cursor.since == "2026-11-21T07:59:59Z"
    assert cursor.take(line.encode(), whole=False) == []


def test_a_second_that_is_too_long_can_be_left() -> None:
    cursor = LogCursor()
    log = [(5 * 10**9 + n, str(n)) for n in range(5)]
    assert len(cursor.take(served(log, None), whole=False)) == 5
    before = cursor.since
    cursor.skip_second()
    assert before is not None
    assert cursor.since is not None
    assert cursor.since > before


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    cursor = LogCursor()
    cursor.take(data, whole=True)
    cursor.take(data, whole=False)


class Node:
    """Answers for a log as a node does, or refuses."""

    def __init__(self, log: list[tuple[int, str]]) -> None:
        self.log, self.answers = log, 0
        self.refuse: dict[int, Exception] = {}

    async def read(self, path: str, **params: str) -> bytes:
        self.answers += 1
        if self.answers in self.refuse:
            raise self.refuse[self.answers]
        return served(self.log, params.get("sinceTime"))[: int(params["limitBytes"])]


def read_log(node: Node, **options: bool) -> Any:
    async def reading() -> list[list[str] | Exception]:
        log = PodLog(node, "/pod", asyncio.Semaphore(1))  # type: ignore[arg-type]
        found: list[list[str] | Exception] = []
        for _ in range(8):
            try:
                found.append(await log.read(**options))
            except Unreachable as error:
                found.append(error)
        return found

    return asyncio.run(reading())


def test_a_reading_that_breaks_off_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.backends.kubernetes.logs.LOG_BYTES", 200)
    node = Node([(n * 10**9, f"line {n}") for n in range(30)])
    node.refuse = {3: Unreachable("away"), 4: Unreachable("away")}
    found = read_log(node, whole=True)
    assert [type(each) for each in found[:2]] == [Unreachable, Unreachable]
    assert [line for each in found if isinstance(each, list) for line in each] == [f"line {n}" for n in range(30)]


def test_the_log_of_an_ended_pod_is_asked_for_several_times_before_it_is_given_up() -> None:
    node = Node([(1, "never seen")])
    node.refuse = dict.fromkeys(range(1, 99), ApiError(500, "", "dial tcp: i/o timeout"))
    found = read_log(node, whole=True)
    assert [isinstance(each, Unreachable) for each in found] == [True] * 4 + [False] * 4
    assert read_log(node, whole=True, abandoned=True)[0] == [], "its node is gone: there is no use in asking"
