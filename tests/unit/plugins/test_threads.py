"""Threads of our own: what hangs takes no more than those of its store."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

from automl_airflow.threads import Busy, StoreThreads, Threads
from tests.sources import ROOT


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging store waits for; opened at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


async def until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0.001)


def test_a_store_that_hangs_takes_its_own_threads_and_no_others(gate: threading.Event) -> None:
    async def everything() -> list[str]:
        stores = StoreThreads(most=2)
        hanging, good = stores.of("s3://hangs", None), stores.of("s3://good", None)
        calls = [asyncio.create_task(hanging.call(gate.wait)) for _ in range(40)]
        await until(lambda: hanging.running == 2 and hanging.waiting == 38)
        answers = [await good.call(lambda: "answered") for _ in range(10)]
        answers.append(await asyncio.to_thread(lambda: "the default executor is free"))
        assert not any(call.done() for call in calls)
        gate.set()
        await asyncio.gather(*calls)
        return answers

    assert asyncio.run(everything()) == ["answered"] * 10 + ["the default executor is free"]


def test_whoever_gives_up_waiting_leaves_nothing_behind(gate: threading.Event) -> None:
    async def everything() -> int:
        threads = Threads("store", 1)
        begun: list[int] = []
        first = asyncio.create_task(threads.call(gate.wait))
        await until(lambda: threads.running == 1)
        others = [asyncio.create_task(threads.call(begun.append, number)) for number in range(5)]
        await until(lambda: threads.waiting == 5)
        for other in [first, *others]:
            other.cancel()
        await asyncio.gather(first, *others, return_exceptions=True)
        assert (threads.waiting, threads.running) == (0, 1), "the call that hangs has its thread still"
        gate.set()
        assert await threads.call(lambda: "next") == "next"
        assert not begun
        await until(lambda: threads.running == 0)
        return threads.running

    assert asyncio.run(everything()) == 0


def test_a_cancelled_call_keeps_its_thread_until_it_returns(gate: threading.Event) -> None:
    """Else many that are cancelled would pile up in the pool, and its bound be none."""

    async def everything() -> None:
        threads = Threads("store", 1)
        first = asyncio.create_task(threads.call(gate.wait))
        await until(lambda: threads.running == 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(threads.call(lambda: "second"))
        await until(lambda: threads.waiting == 1)
        await asyncio.sleep(0)
        assert not second.done()
        gate.set()
        assert await second == "second"

    asyncio.run(everything())


def test_as_many_wait_as_may_and_the_next_hears_so(gate: threading.Event) -> None:
    async def everything() -> None:
        threads = Threads("s3://bucket", 1, waiting=2)
        calls = [asyncio.create_task(threads.call(gate.wait)) for _ in range(3)]
        await until(lambda: threads.waiting == 2)
        with pytest.raises(Busy, match="s3://bucket: all 1 threads are taken, and 2 wait"):
            await threads.call(gate.wait)
        gate.set()
        await asyncio.gather(*calls)

    asyncio.run(everything())


def test_it_is_stuck_where_no_thread_comes_free(gate: threading.Event) -> None:
    async def everything() -> None:
        threads = Threads("store", 2)
        assert threads.stuck(0.0) is None
        calls = [asyncio.create_task(threads.call(gate.wait))]
        await until(lambda: threads.running == 1)
        assert threads.stuck(0.0) is None, "one is free"
        calls.append(asyncio.create_task(threads.call(gate.wait)))
        await until(lambda: threads.running == 2)
        assert threads.stuck(0.0) is not None
        assert threads.stuck(3600.0) is None, "they may be slow"
        gate.set()
        await asyncio.gather(*calls)

    asyncio.run(everything())


def test_a_line_that_is_logged_there_knows_its_task_instance() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    async def everything() -> str:
        name.set("trigger 7")
        return await Threads("store", 1).call(name.get)

    assert asyncio.run(everything()) == "trigger 7"


def test_an_error_is_the_callers_and_frees_the_thread() -> None:
    async def everything() -> str:
        threads = Threads("store", 1)
        with pytest.raises(ZeroDivisionError):
            await threads.call(lambda: 1 / 0)
        return await threads.call(lambda: "next")

    assert asyncio.run(everything()) == "next"


def test_one_event_loop_after_the_other_may_use_them() -> None:
    threads = Threads("store", 1)
    assert [asyncio.run(threads.call(lambda: "a")), asyncio.run(threads.call(lambda: "b"))] == ["a", "b"]


def test_threads_that_nobody_used_for_long_are_let_go_and_others_kept(
    monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    async def everything() -> None:
        stores = StoreThreads(most=1)
        idle, busy = stores.of("s3://idle", None), stores.of("s3://busy", None)
        call = asyncio.create_task(busy.call(gate.wait))
        await until(lambda: busy.running == 1)
        monkeypatch.setattr("automl_airflow.threads.IDLE", -1.0)
        stores.of("s3://new", None)
        assert stores.of("s3://busy", None) is busy, "a call still runs there"
        assert stores.of("s3://idle", None) is not idle
        gate.set()
        await call

    asyncio.run(everything())


@pytest.mark.parametrize("shared", ["asyncio.to_thread", "to_thread.run_sync", "run_in_threadpool", "run_in_executor("])
def test_nothing_of_ours_in_airflow_uses_the_threads_that_all_share(shared: str) -> None:
    files = sorted((ROOT / "plugins").rglob("*.py"))
    assert len(files) > 50
    assert not [file.name for file in files if shared in file.read_text()]


def test_the_same_store_with_another_connection_or_use_has_threads_of_its_own() -> None:
    stores = StoreThreads()
    assert stores.of("s3://b", "x") is stores.of("s3://b", "x")
    assert len({id(stores.of("s3://b", None)), id(stores.of("s3://b", "x")), id(stores.of("s3://b", "x", "sql"))}) == 3
