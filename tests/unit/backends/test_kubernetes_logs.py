"""Reading a log again and again: each line once, whatever the times and the overlaps."""

from __future__ import annotations

import asyncio
import contextlib
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


windows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 600), st.booleans()), max_size=40)
crowds = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 400_000_000, 1_000_000_000]), st.sampled_from(["a", "b", "naïve", ""])),
    max_size=60,
)


@given(crowds, windows)
def test_every_line_is_read_once_wherever_the_readings_are_cut(
    steps: list[tuple[int, str]], windows: list[tuple[int, int, bool]]
) -> None:
    """Windows of any size, a small one after a large one, cut inside lines and characters; many lines at one time."""
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))
    cursor, read, shown = LogCursor(), [], 0
    for more, limit, ended in windows:
        shown = min(len(log), shown + more)
        data = served(log[:shown], cursor.since)
        cut = limit < len(data)
        read += cursor.take(data[:limit], whole=ended and not cut)
        assert read == [text for _, text in log[: len(read)]], "in their order, none twice, none left out"
    read += cursor.take(served(log, cursor.since), whole=True)
    assert read == [text for _, text in log]


@given(crowds, st.lists(st.sampled_from([0, 1, 3, 20]), max_size=12), st.sets(st.integers(1, 20)), st.integers(40, 400))
def test_a_log_that_is_read_in_small_goes_is_read_once(
    steps: list[tuple[int, str]], growth: list[int], broken: set[int], most: int
) -> None:
    """The same through PodLog: it chooses the windows, the node breaks off, and the watcher comes late."""
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))
    node = Node([])
    node.refuse = dict.fromkeys(broken, Unreachable("the connection broke off"))

    async def reading() -> list[str]:
        pod, found, shown = PodLog(node, "/pod", contextlib.nullcontext), [], 0  # type: ignore[arg-type, var-annotated]
        for more in growth:
            shown = min(len(log), shown + more)
            node.log = log[:shown]
            with contextlib.suppress(Unreachable):
                found += await pod.read()
        node.log = log
        while True:
            with contextlib.suppress(Unreachable):
                found += await pod.read(whole=True)
                return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("automl_core.backends.kubernetes.logs.LOG_BYTES", most)
        assert asyncio.run(reading()) == [text for _, text in log]


def test_a_small_reading_after_a_large_one_forgets_nothing() -> None:
    log = [(n, "x" * 99) for n in range(1000)]
    cursor = LogCursor()
    assert len(cursor.take(served(log, None), whole=False)) == 1000
    assert cursor.take(served(log, cursor.since)[:2000], whole=False) == []
    assert cursor.take(served(log, cursor.since), whole=False) == [], "what the small one did not show is known still"


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


def test_what_a_node_says_in_place_of_a_log_is_no_output() -> None:
    node = Node([])
    node.said = b"unable to retrieve container logs for containerd://0123\n"

    async def reading() -> tuple[list[str], list[str], list[str]]:
        log = PodLog(node, "/pod", contextlib.nullcontext)  # type: ignore[arg-type]
        return await log.read(), await log.read(whole=True), log.take_notes()

    assert asyncio.run(reading()) == (
        [], [], ["of its log the node says: unable to retrieve container logs for containerd://0123"],
    )  # fmt: skip


def test_the_rest_of_a_line_that_was_read_before_is_not_read_again() -> None:
    cursor = LogCursor()
    assert cursor.take(stamped(1, "begun before and gone on").encode(), whole=False) == ["begun before and gone on"]
    rest = f"gone on\n{stamped(2 * 10**9, 'next')}"
    assert cursor.take(rest.encode(), whole=False) == ["next"]
    assert cursor.take_complaint() == ""


def test_a_second_that_is_too_long_can_be_left() -> None:
    cursor = LogCursor()
    log = [(4 * 10**9, "before"), *((5 * 10**9 + n, str(n)) for n in range(5))]
    assert len(cursor.take(served(log, None), whole=False)) == 6
    assert not cursor.skip_second(), "of the second before, all is read"
    assert cursor.take(served(log, cursor.since), whole=False) == []
    before = cursor.since
    assert cursor.skip_second()
    assert before is not None
    assert cursor.since is not None
    assert cursor.since > before


def test_a_line_too_long_to_be_read_is_said_and_keeps_nobody_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOG_BYTES", "_MOST_LOG_BYTES"):
        monkeypatch.setattr(f"automl_core.backends.kubernetes.logs.{name}", 64)
    node = Node([(1, "x" * 1000)])

    async def reading() -> tuple[list[str], list[str]]:
        log = PodLog(node, "/pod", contextlib.nullcontext)  # type: ignore[arg-type]
        return await log.read(whole=True), log.take_notes()

    lines, notes = asyncio.run(reading())
    assert (lines, node.answers) == ([], 1)
    assert notes == ["its log begins with a line that is too long to be read"]


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
        self.said = b""

    async def read(self, path: str, **params: str) -> bytes:
        self.answers += 1
        if self.answers in self.refuse:
            raise self.refuse[self.answers]
        return self.said or served(self.log, params.get("sinceTime"))[: int(params["limitBytes"])]


def read_log(node: Node, **options: bool) -> Any:
    async def reading() -> list[list[str] | Exception]:
        log = PodLog(node, "/pod", contextlib.nullcontext)  # type: ignore[arg-type]
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
