"""The line to a version's process: messages whole, however their bytes come; its end is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.serving.line import Line
from automl_core.serving.wire import MOST, frame


def inside(test: Callable[[Line, list[bytes], list[Exception]], Any]) -> None:
    """Run a test with a line that has said its first message."""

    async def run() -> None:
        line, heard, gone = Line(), list[bytes](), list[Exception]()
        line.data_received(frame(b"ready"))
        assert await line.first == b"ready"
        line.heard, line.gone = heard.append, gone.append
        test(line, heard, gone)

    asyncio.run(run())


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.lists(st.integers(1, 9), min_size=1))
def test_messages_are_whole_however_their_bytes_come(messages: list[bytes], sizes: list[int]) -> None:
    def test(line: Line, heard: list[bytes], gone: list[Exception]) -> None:
        data, at = b"".join(map(frame, messages)), 0
        while data:
            size = sizes[at % len(sizes)]
            line.data_received(data[:size])
            data, at = data[size:], at + 1
        assert (heard, gone) == (messages, [])

    inside(test)


def test_its_end_is_told_once_and_not_after_it_was_closed() -> None:
    def lost(line: Line, heard: list[bytes], gone: list[Exception]) -> None:
        line.connection_lost(None)
        line.connection_lost(ConnectionResetError())
        assert [type(each) for each in gone] == [EOFError]
        assert line.lost

    def closed(line: Line, heard: list[bytes], gone: list[Exception]) -> None:
        line.close()
        line.connection_lost(None)
        assert gone == []

    inside(lost)
    inside(closed)


def test_what_is_no_message_ends_it() -> None:
    def test(line: Line, heard: list[bytes], gone: list[Exception]) -> None:
        line.data_received((MOST + 1).to_bytes(4, "big") + b"x")
        assert [str(each) for each in gone] == ["no message"]

    inside(test)


def test_one_that_ends_before_its_first_message_says_so() -> None:
    async def run() -> None:
        line = Line()
        line.connection_lost(None)
        with pytest.raises(EOFError):
            await line.first

    asyncio.run(run())
