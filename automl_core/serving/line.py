"""A version's process started, and the server's end of the sockets by which it talks to it: whole messages."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import cast

from automl_core.backends.environment import inherited
from automl_core.serving.wire import LENGTH, MOST, frame


class Line(asyncio.Protocol):
    """One line: no task reads it, so an answer is with whoever waits as soon as its bytes have come.

    Attributes:
        first: the first message; fails with EOFError where the line is lost before it.
        heard: what takes each message after that.
        gone: what is told, once, that there is no line any more.
        lost: whether that is so.
    """

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.heard: Callable[[bytes], None] | None = None
        self.gone: Callable[[Exception], None] | None = None
        self.lost = False
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def send(self, message: bytes) -> None:
        """Send a message; nothing where the line is lost, which `gone` is told."""
        if self._transport is not None and not self.lost:
            self._transport.write(frame(message))

    def close(self) -> None:
        """End it, without a word to `gone`."""
        self.gone = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def data_received(self, data: bytes) -> None:
        """Some bytes: whole messages, in nearly all cases."""
        held = self._data
        if held:
            held += data
            data = bytes(held) if len(held) >= LENGTH and len(held) >= LENGTH + _length(held) else b""
            if not data:
                return
            held.clear()
        while len(data) >= LENGTH:
            length = _length(data)
            if length > MOST:
                self._lose(EOFError("no message"))
                return
            end = LENGTH + length
            if len(data) < end:
                break
            message, data = data[LENGTH:end], data[end:]
            if not self.first.done():
                self.first.set_result(message)
            elif self.heard is not None:
                self.heard(message)
        held += data

    def connection_lost(self, error: Exception | None) -> None:
        """The line is gone: the process has ended, most likely."""
        self._lose(error if isinstance(error, OSError) else EOFError("the line is lost"))

    def _lose(self, error: Exception) -> None:
        self.lost = True
        if not self.first.done():
            self.first.set_exception(error)
            self.first.exception()  # whoever asks gets it; nobody has to
        gone, self.gone = self.gone, None
        if gone is not None:
            gone(error)


async def started(command: list[str]) -> tuple[asyncio.subprocess.Process, Line]:
    """Start a process that is talked to over its standard input. Returns it, and our end of the line.

    Raises:
        OSError: it can't be started.
    """
    ours, theirs = socket.socketpair()
    process: asyncio.subprocess.Process | None = None
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=theirs.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        _, line = await asyncio.get_running_loop().create_connection(Line, sock=ours)
    except BaseException:
        ours.close()
        if process is not None:
            process.kill()
        raise
    finally:
        theirs.close()  # so the process has the only one, and we hear of its end
    return process, line


def environment() -> dict[str, str]:
    """What the process of a version sees: nothing of the server's keys, and one thread for linear algebra."""
    return inherited(os.environ) | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _length(data: bytes | bytearray) -> int:
    return int.from_bytes(data[:LENGTH], "big")
