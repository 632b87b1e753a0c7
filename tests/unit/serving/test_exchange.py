"""Bodies: there at once, in pieces, late, never, too large; the answer's headers."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from automl_core.serving.exchange import AT_ONCE, LARGE, Call, Door, Gone, Held, Refused, Reply

Message = dict[str, Any]


def piece(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def receiving(*messages: Message | float) -> Callable[[], Awaitable[Message]]:
    """What gives messages, one each time; a number is waited for first."""
    left = list(messages)

    async def receive() -> Message:
        while not isinstance(left[0], dict):
            await asyncio.sleep(float(str(left.pop(0))))
        found = left.pop(0)
        assert isinstance(found, dict)
        return found

    return receive


def body_of(*messages: Message | float, headers: Any = (), **door: Any) -> bytes:
    call = Call({"type": "http", "path": "/", "headers": list(headers)}, receiving(*messages))  # type: ignore[arg-type]
    return asyncio.run(call.body(Door(**door)))


@pytest.mark.parametrize(
    "messages",
    [
        [piece(b"abc")],
        [0, piece(b"abc")],
        [0, 0, piece(b"abc")],
        [piece(b"a", True), piece(b"b", True), 0, piece(b"c")],
        [0, piece(b"ab", True), piece(b"c", True), piece(b"")],
    ],
)
def test_a_body_is_whole_however_it_comes(messages: list[Message | float]) -> None:
    assert body_of(*messages) == b"abc"


@pytest.mark.parametrize("before", [[], [0], [piece(b"a", True)], [0, piece(b"a", True)]])
def test_a_client_that_leaves_and_one_that_never_ends(before: list[Message | float]) -> None:
    with pytest.raises(Gone):
        body_of(*before, {"type": "http.disconnect"})
    with pytest.raises(Refused, match=r"not come within 0\.01 s") as refused:
        body_of(*before, 60.0, piece(b"b"), seconds=0.01)
    assert refused.value.status == 408


def test_a_request_that_is_cancelled_while_it_waits_ends() -> None:
    ended = []

    async def receive() -> Message:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)
        return piece(b"")

    async def run() -> None:
        call = Call({"type": "http", "path": "/", "headers": []}, receive)  # type: ignore[arg-type]
        task = asyncio.create_task(call.body(Door()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == [True]


def test_a_server_whose_receive_is_no_coroutine_is_waited_for_too() -> None:
    async def run() -> bytes:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, piece(b"abc"))
        call = Call({"type": "http", "path": "/", "headers": []}, lambda: future)  # type: ignore[arg-type]
        return await call.body(Door())

    assert asyncio.run(run()) == b"abc"


def test_a_body_that_is_too_large_is_refused_before_and_while_it_comes() -> None:
    for messages, headers in (
        ([piece(b"abcd")], ()),
        ([piece(b"ab", True), piece(b"cd", True), piece(b"")], ()),
        ([], [(b"content-length", b"4")]),
    ):
        with pytest.raises(Refused, match="at most 3 bytes") as refused:
            body_of(*messages, headers=headers, body=3)
        assert refused.value.status == 413


def packed(content: bytes) -> bytes:
    """By gzip, the same in every process of tests: no time stands in it, since a test is named by it."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("how", "packed"),
    [("gzip", packed(b"abc")), ("GZIP", packed(b"abc")), ("deflate", zlib.compress(b"abc")), ("", b"abc"),
     ("identity", b"abc")],
)  # fmt: skip
def test_a_body_may_come_packed(how: str, packed: bytes) -> None:
    assert body_of(piece(packed), headers=[(b"content-encoding", how.encode())]) == b"abc"


@pytest.mark.parametrize(
    ("how", "packed", "status", "words"),
    [
        ("br", b"abc", 415, "packed by br; read are gzip, deflate"),
        ("gzip, gzip", packed(packed(b"abc")), 415, "packed by gzip, gzip"),
        ("gzip", b'{"rows": []}', 400, "no gzip"),
        ("gzip", packed(b"abc")[:-1], 400, "cut off"),
        ("deflate", zlib.compress(b"abc") + b"more", 400, "goes on behind its end"),
        ("gzip", packed(b"a" * 10_000), 413, "at most 100 bytes"),
    ],
)
def test_a_packed_body_that_is_none_or_grows_too_large_is_refused(
    how: str, packed: bytes, status: int, words: str
) -> None:
    with pytest.raises(Refused, match=words) as refused:
        body_of(piece(packed), headers=[(b"content-encoding", how.encode())], body=100)
    assert refused.value.status == status
    assert (refused.value.headers == {"Accept-Encoding": "gzip, deflate"}) == (status == 415)


def test_the_first_header_of_a_name_counts() -> None:
    door = Door(("a-token-that-is-long-enough",))
    good, bad = (b"authorization", b"Bearer a-token-that-is-long-enough"), (b"authorization", b"Bearer no")
    for headers, let_in in (([good, bad], True), ([bad, good], False), ([], False)):
        call = Call({"type": "http", "path": "/", "headers": headers}, receiving())  # type: ignore[arg-type]
        assert door.lets_in(call) is let_in


def test_an_answer_says_how_long_it_is_and_what() -> None:
    sent: list[Message] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Reply.of({"a": 1}, 503, **{"Retry-After": "1"})({"type": "http"}, receiving(), send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"]) == {
        b"content-length": b"7", b"content-type": b"application/json", b"retry-after": b"1",
    }  # fmt: skip
    assert sent[1]["body"] == b'{"a":1}'


def test_large_bodies_together_are_bounded_and_small_ones_wait_for_none() -> None:
    held, door = Held(), Door(body=LARGE)
    large, small = b"x" * LARGE, b"x"
    with contextlib.ExitStack() as open_:
        for _ in range(AT_ONCE):
            open_.enter_context(held(large, door))
        with pytest.raises(Refused, match="are answered already") as refused, held(large, door):
            raise AssertionError("it was let in")
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
        with held(small, door):
            assert held.bytes == AT_ONCE * LARGE
    assert held.bytes == 0
    with pytest.raises(KeyError), held(large, door):
        raise KeyError
    with held(b"x" * (AT_ONCE + 1) * LARGE, door):
        assert held.bytes == (AT_ONCE + 1) * LARGE, "one alone is as large as it may be"
