"""A port that says whether the server is well, and nothing else: in plain HTTP, without a token or a certificate.

Where clients must have certificates the server's own port can't be asked by a cluster, which has none; and whether a
port merely takes connections says nothing, since a process that hangs takes them too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

LONGEST_HEAD = 8192
"""Bytes of a request at most."""

_SECONDS = 5.0
"""Within which a request has to come."""

_STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Health:
    """``/v2/health/live`` and ``/v2/health/ready`` on a port of their own. Belongs to the server's event loop."""

    def __init__(self, host: str, port: int, ready: Callable[[], bool]) -> None:
        """Open nothing yet.

        Args:
            host, port: to listen at.
            ready: whether requests may be sent to the server.
        """
        self._host, self.port, self._ready = host, port, ready
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port can't be had.
        """
        self._server = await asyncio.start_server(self._answer, self._host, self.port, limit=LONGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = self._says(head)
                writer.write(
                    f"HTTP/1.1 {status} {_STATUS[status]}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
                )
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks like this gets no answer
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await writer.wait_closed()

    def _says(self, head: bytes) -> tuple[int, str]:
        parts = head.split(b"\r\n", 1)[0].split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
            return 400, '{"error":"no request of HTTP/1.1"}'
        if parts[0] != b"GET":
            return 405, '{"error":"GET alone is answered here"}'
        path = parts[1].partition(b"?")[0]
        if path == b"/v2/health/live":
            return 200, '{"live":true}'
        if path == b"/v2/health/ready":
            ready = self._ready()
            return (200 if ready else 503), f'{{"ready":{"true" if ready else "false"}}}'
        return 404, '{"error":"/v2/health/live and /v2/health/ready are answered here"}'
