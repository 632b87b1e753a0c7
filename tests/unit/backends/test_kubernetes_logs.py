"""The log of a pod, read beside everything else: followed or looked at, resumed, bounded, given up in the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.backends.kubernetes import logs, turns
from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.cursor import gap_note
from automl_core.backends.kubernetes.logs import PodLog
from automl_core.backends.kubernetes.turns import LogTurns
from automl_core.backends.remote import Unreachable
from tests.support.examples import examples
from tests.support.patience import stretched

START = 1_700_000_000


def line(at: int, text: str) -> bytes:
    second, rest = divmod(at, 10**9)
    return f"{datetime.fromtimestamp(START + second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z {text}\n".encode()


class Node:
    """Answers for a log as a node does: what there is, then (followed) what comes; or what a test has laid ready."""

    def __init__(self, log: list[tuple[int, str]] | None = None) -> None:
        self.log = list(log or ())
        self.first = 0
        self.ended = False
        self.refuse: dict[int, Exception] = {}
        self.breaks: dict[int, int] = {}
        self.said = b""
        self.asked: list[dict[str, str]] = []
        self.sent = 0
        self.changed = asyncio.Event()
        self.open = 0

    def print(self, *entries: tuple[int, str]) -> None:
        self.log += entries
        self.changed.set()

    def end(self) -> None:
        self.ended = True
        self.changed.set()

    @contextlib.asynccontextmanager
    async def stream(self, path: str, **params: str) -> AsyncIterator[Any]:
        self.asked.append(params)
        self.open += 1
        try:
            yield Answer(self, len(self.asked), params)
        finally:
            self.open -= 1


class Answer:
    def __init__(self, node: Node, number: int, params: dict[str, str]) -> None:
        self.node, self.number, self.follow = node, number, "follow" in params
        self.since = params.get("sinceTime", "")[:19]
        self.at, self.sent = node.first, 0
        self.portion = 1 << 16

    async def read(self) -> bytes:
        node = self.node
        if self.number in node.refuse:
            raise node.refuse[self.number]
        if node.said:
            said, self.at = (node.said if self.sent == 0 else b""), 0
            self.sent += len(said)
            return said
        if self.sent >= node.breaks.get(self.number, 10**9):
            raise Unreachable("the connection broke off")
        while True:
            data = b""
            while self.at < len(node.log) and len(data) < self.portion:
                new = line(*node.log[self.at])
                self.at += 1
                data += new if new[:19].decode() >= self.since else b""
            if data:
                left = node.breaks.get(self.number, 10**9) - self.sent
                self.sent += len(data[:left])
                node.sent += len(data[:left])
                return data[:left]
            if node.ended or not self.follow:
                return b""
            node.changed.clear()
            await node.changed.wait()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_SETTLED", "_CUT_OFF", "_ENDING", "_TOLD_EVERY"):
        monkeypatch.setattr(logs, name, 0.02)
    monkeypatch.setattr(turns, "SHORTEST", 0.01)
    monkeypatch.setattr(turns, "LONGEST", 0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(stretched(10)):
        while not condition():
            await asyncio.sleep(0.002)


async def rest_of(log: PodLog) -> list[str]:
    """All lines to the end."""
    log.read_on(whole=True)
    found: list[str] = []
    async with asyncio.timeout(stretched(20)):
        while not log.drained:
            found += log.take()
            await asyncio.sleep(0.002)
    return found + log.take()


def on(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def reader(node: Node, *, following: int = 256, name: str = "n", **more: Any) -> PodLog:
    return PodLog(node, "/pod", LogTurns(followed=following), node=lambda: name, **more)  # type: ignore[arg-type]


SECOND = 10**9


def test_a_log_is_followed_with_one_request_and_each_line_comes_when_it_is_printed() -> None:
    async def test() -> None:
        node, told = Node([(0, "a")]), []
        log = reader(node, wake=lambda: told.append(1))
        log.read_on()
        await until(lambda: log._cursor.lines.size > 0)
        assert log.take() == ["a"]
        for number in range(20):
            node.print((number * SECOND, f"line {number}"))
            await until(lambda: bool(log._cursor.lines.size))
            assert log.take() == [f"line {number}"]
        assert [("follow" in each) for each in node.asked] == [True]
        node.end()
        assert await rest_of(log) == []
        assert ["follow" in each for each in node.asked] == [True, False], "and one more to see that nothing is left"
        assert node.open == 0
        assert told

    on(test)


def test_what_is_not_followed_is_looked_at_and_less_often_while_it_is_quiet() -> None:
    async def test() -> None:
        node = Node([(0, "a")])
        log = reader(node, following=0)
        log.read_on()
        await until(lambda: len(node.asked) > 3)
        assert log.take() == ["a"]
        node.print((SECOND, "b"))
        await until(lambda: bool(log._cursor.lines.size))
        node.end()
        assert await rest_of(log) == ["b"]
        assert not any("follow" in each for each in node.asked)

    on(test)
    bounds = LogTurns()
    bounds.readers = 100
    intervals = [bounds.interval(turns.SHORTEST, news=True)]
    for _ in range(10):
        intervals.append(bounds.interval(intervals[-1], news=False))
    assert intervals == sorted(intervals)
    assert intervals[-1] == turns.LONGEST
    assert bounds.interval(intervals[-1], news=True) == intervals[0]


def test_a_metric_is_known_within_ten_seconds_however_many_logs_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert turns.LONGEST + 1.0 < 10
    bounds = LogTurns()
    bounds.readers = 10_000
    assert bounds.interval(100.0, news=False) == turns.LONGEST


crowds = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 400_000_000, SECOND]), st.sampled_from(["a", "b", "naïve", ""])), max_size=60
)


@settings(max_examples=examples(40), deadline=None)
@given(
    crowds,
    st.lists(st.sampled_from([0, 1, 3, 20]), max_size=8),
    st.dictionaries(st.integers(1, 12), st.integers(0, 400)),
    st.sets(st.integers(1, 12), max_size=4),
    st.sampled_from([0, 256]),
)
def test_streams_that_break_off_are_resumed_and_nothing_comes_twice(
    steps: list[tuple[int, str]], growth: list[int], breaks: dict[int, int], broken: set[int], following: int
) -> None:
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))

    async def test() -> None:
        node = Node()
        node.breaks, node.refuse = breaks, dict.fromkeys(broken, Unreachable("away"))
        found, shown, pod = [], 0, reader(node, following=following)
        for more in growth:
            new = log[shown : shown + more]
            shown += len(new)
            node.print(*new)
            pod.read_on()
            await asyncio.sleep(0.003)
            found += pod.take()
        node.print(*log[shown:])
        node.end()
        found += await rest_of(pod)
        assert found == [text for _, text in log]
        assert pod.take_notes() == []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.PodLog, "_pause", lambda self, seconds: asyncio.sleep(0.001))
        asyncio.run(test())


@pytest.mark.parametrize("following", [0, 256])
def test_what_a_rotation_took_is_said_once(following: int) -> None:
    async def test() -> None:
        node = Node([(n * SECOND, str(n)) for n in range(5)])
        log = reader(node, following=following)
        log.read_on()
        await until(lambda: log._cursor.newest.endswith(":24.000000000"))
        assert log.take() == list("01234")
        # 5 to 8 were printed and rotated away while nobody read
        node.log += [(9 * SECOND, "9"), (10 * SECOND, "10")]
        node.first = 5
        log.stand_up()
        await until(lambda: len(node.asked) > 3 or log._cursor.lines.size > 0)
        node.end()
        assert (await rest_of(log))[-2:] == ["9", "10"]
        notes = [note for note in log.take_notes() if "missing" in note]
        assert notes == [gap_note("2023-11-14T22:13:24.000000000", "2023-11-14T22:13:29.000000000")]

    on(test)
    assert gap_note("2023-11-14T22:13:24.123456789", "2023-11-14T22:13:29.000000000") == (
        "lines printed between 2023-11-14 22:13:24.123 and 22:13:29.000 UTC may be missing: the log was rotated "
        "before they were read"
    )


def test_a_node_without_inotify_instances_is_looked_at_and_not_asked_again_at_once() -> None:
    async def test() -> None:
        node = Node([(0, "a")])
        node.said = line(0, "a") + b"failed to create fsnotify watcher: too many open files"
        bounds = LogTurns(clock=lambda: 0.0)
        pods = [PodLog(node, "/pod", bounds, node=lambda: "n") for _ in range(3)]  # type: ignore[arg-type]
        for pod in pods:
            pod.read_on()
            await until(lambda: bool(bounds._refused))
        await until(lambda: len(node.asked) > 10)
        assert sum("follow" in each for each in node.asked) == 1
        assert bounds.sit_down(pods[0], "another")
        assert [note for pod in pods for note in pod.take_notes()] == [], "nobody needs to know"
        assert pods[0].take() == ["a"]
        for pod in pods:
            await pod.close()

    on(test)


def test_a_container_that_was_removed_is_no_output_and_what_is_missing_is_said() -> None:
    async def test() -> None:
        node = Node([(0, "a"), (SECOND, "b")])
        log = reader(node, following=0)
        log.read_on()
        await until(lambda: bool(log._cursor.newest))
        node.said = b"unable to retrieve container logs for containerd://0123"
        assert await rest_of(log) == ["a", "b"]
        assert log.take_notes() == [
            "of its log the node says: unable to retrieve container logs for containerd://0123",
            gap_note("2023-11-14T22:13:21.000000000", ""),
        ]

    on(test)


def test_what_nobody_takes_is_not_read_on() -> None:
    async def test() -> None:
        node = Node([(n, "x" * 1000) for n in range(20_000)])  # 20 MB
        log = reader(node)
        log.read_on()
        await until(lambda: log._counted > turns.MOST)
        await asyncio.sleep(0.05)
        assert log._counted < turns.MOST + (1 << 17)
        assert node.sent < turns.MOST * 2
        node.end()
        assert len(await rest_of(log)) == 20_000
        assert log._turns.waiting == 0

    on(test)


def test_with_much_waiting_in_all_each_may_hold_little() -> None:
    bounds = LogTurns()
    assert bounds.room(turns.MOST - 1)
    assert not bounds.room(turns.MOST)
    bounds.waiting = turns.WAITING
    assert not bounds.room(turns.LEAST)
    assert bounds.room(0)


def test_a_look_that_nobody_takes_anything_of_gives_up_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LOOK_PAUSES", 0.02)

    async def test() -> None:
        node = Node([(n, "x" * 1000) for n in range(3000)])
        log = reader(node, following=0)
        log.read_on()
        await until(lambda: log._counted > turns.MOST)
        await until(lambda: node.open == 0)
        node.end()
        assert len(await rest_of(log)) == 3000

    on(test)


def test_a_follower_that_is_silent_for_long_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubelets before 1.28 go on with the old file after a rotation, and a connection may die without a word."""
    monkeypatch.setattr(logs, "_SILENCE", (0.05, 0.05))

    async def test() -> None:
        node = Node([(0, "a")])
        log = reader(node)
        log.read_on()
        await until(lambda: len(node.asked) == 1)
        node.log.append((SECOND, "nobody is woken for this one"))
        await until(lambda: len(node.asked) > 1)
        node.end()
        assert (await rest_of(log))[-1] == "nobody is woken for this one"

    on(test)


def test_the_log_of_an_ended_pod_is_asked_for_several_times_before_it_is_given_up() -> None:
    async def test(**more: bool) -> tuple[int, list[str], str | None]:
        node = Node([(1, "never seen")])
        node.refuse = dict.fromkeys(range(1, 99), ApiError(500, "", "dial tcp: i/o timeout"))
        log = reader(node)
        log.read_on(whole=True, **more)
        await until(lambda: log.problem is not None)
        assert more or not log.drained
        await until(lambda: log.drained)
        return len(node.asked), log.take(), log.problem

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.PodLog, "_pause", lambda self, seconds: asyncio.sleep(0.001))
        assert asyncio.run(test()) == (5, [], "its log can't be read: 500 : dial tcp: i/o timeout")
        assert asyncio.run(test(abandoned=True))[0] == 1, "its node is gone: there is no use in asking"


def test_a_node_that_takes_the_request_and_says_nothing_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_STALLED", 0.01)
    monkeypatch.setattr(logs.PodLog, "_pause", lambda self, seconds: asyncio.sleep(0.001))

    async def test() -> None:
        node, never = Node([(1, "never seen")]), asyncio.Event()
        monkeypatch.setattr(Answer, "read", lambda self: never.wait())
        log = reader(node)
        log.read_on(whole=True)
        await until(lambda: log.drained)
        assert len(node.asked) == 5

    on(test)


def test_a_pod_that_is_gone_is_not_asked_for() -> None:
    async def test() -> None:
        node = Node([(1, "never seen")])
        log = reader(node)
        log.read_on(gone=True)
        assert log.drained
        assert node.asked == []
        other = reader(node)
        other.read_on()
        await until(lambda: bool(other._cursor.lines.size))
        other.read_on(gone=True)
        await until(lambda: other.drained)
        assert other.take() == ["never seen"], "what was on its way is taken"

    on(test)


def test_an_error_in_the_reading_ends_nothing_but_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("on purpose")

    async def test() -> None:
        node = Node([(1, "a")])
        log = reader(node)
        monkeypatch.setattr(log._cursor, "feed", broken)
        log.read_on()
        await until(lambda: log.drained)
        assert log.take_notes() == ["its log is not read on: RuntimeError('on purpose')"]

    on(test)


# --- who may read, and how much ----------------------------------------------------------------------


class Talker:
    def __init__(self, rate: float) -> None:
        self.rate, self.stood = rate, False

    def stand_up(self) -> None:
        self.stood = True


def test_only_so_many_logs_are_followed_in_all_and_on_a_node() -> None:
    bounds = LogTurns(followed=5, of_node=2)
    seats = [(Talker(0), node) for node in "aaabbbcccc"]
    assert [bounds.sit_down(log, node) for log, node in seats] == [
        True, True, False, True, True, False, True, False, False, False,
    ]  # fmt: skip
    bounds.leave(seats[0][0])
    assert bounds.sit_down(seats[2][0], "a")


def test_what_prints_much_more_is_followed_in_place_of_what_prints_little() -> None:
    bounds = LogTurns(followed=2, of_node=2)
    quiet, busy = Talker(100.0), Talker(10_000.0)
    assert bounds.sit_down(quiet, "a")
    assert bounds.sit_down(busy, "a")
    assert not bounds.sit_down(Talker(399.0), "a")
    assert not bounds.sit_down(Talker(900.0), "b"), "that little is not worth the change"
    assert bounds.sit_down(Talker(5_000.0), "b")
    assert (quiet.stood, busy.stood) == (True, False)


def test_a_node_that_does_not_answer_leaves_turns_to_the_others() -> None:
    async def test() -> None:
        bounds = LogTurns()

        async def stuck(*, last: bool) -> None:
            async with bounds.turn("dead", last=last):
                await asyncio.Event().wait()

        readers = [asyncio.create_task(stuck(last=last)) for last in (False, True) for _ in range(40)]
        await asyncio.sleep(0.01)
        for last in (False, True):
            async with asyncio.timeout(stretched(1)), bounds.turn("alive", last=last):
                pass
        for each in readers:
            each.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    on(test)


def test_the_rest_of_an_ended_log_waits_for_no_other_reading() -> None:
    async def test() -> None:
        bounds = LogTurns()

        async def stuck(node: str) -> None:
            async with bounds.turn(node, last=False):
                await asyncio.Event().wait()

        readers = [asyncio.create_task(stuck(str(number))) for number in range(100)]
        await asyncio.sleep(0.01)
        async with asyncio.timeout(stretched(1)), bounds.turn("1", last=True):
            pass
        for each in readers:
            each.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    on(test)
