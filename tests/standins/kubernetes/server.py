"""The process: an HTTP server on loopback that can go away and come back, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.standins.kubernetes.api import Api, refuse, respond
from tests.standins.kubernetes.cluster import Cluster
from tests.standins.kubernetes.control import Control
from tests.standins.kubernetes.discovery import discover
from tests.standins.kubernetes.objects import ApiError
from tests.standins.kubernetes.usage import descendants

log = logging.getLogger(__name__)


class Application:
    """The ASGI application: checks the token, then hands on."""

    def __init__(self, api: Api, control: Control, token: str) -> None:
        self._api = api
        self._control = control
        self._expected = f"Bearer {token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as error:
            log.exception("%s %s", request.method, request.url.path)
            response = refuse(ApiError(500, "InternalError", f"Internal error occurred: {error!r}"))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != self._expected:
            return refuse(ApiError(401, "Unauthorized", "Unauthorized"))
        path = request.url.path
        if path.startswith("/_standin/"):
            return await self._control.handle(request)
        found = discover(path) if request.method == "GET" else None
        if isinstance(found, str):
            return PlainTextResponse(found)
        return respond(found) if found is not None else await self._api.handle(request)


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """Serves an application on one port of loopback; `go_away` stops that for a while."""

    def __init__(self, port: int) -> None:
        self.socket = _listen(port)
        self.port: int = self.socket.getsockname()[1]
        self._application: Application | None = None
        self._dropping = False
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._absence: asyncio.Task[None] | None = None

    async def start(self, application: Application) -> None:
        self._application = application
        listener = self

        class Protocol(HttpToolsProtocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if listener._dropping:
                    transport.abort()

        config = uvicorn.Config(
            application, http=Protocol, lifespan="off", log_config=None, access_log=False, server_header=False,
            timeout_keep_alive=60, backlog=2048,
        )  # fmt: skip
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self.socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Close the port and cut every connection."""
        assert self._server is not None
        assert self._task is not None
        self._server.should_exit = self._server.force_exit = True
        for server in self._server.servers:
            server.close()
        self._cut()
        await self._task

    def _cut(self, besides: tuple[str, int] | None = None) -> None:
        assert self._server is not None
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None and (besides is None or getattr(connection, "client", None) != tuple(besides)):
                transport.abort()

    def go_away(self, seconds: float, mode: str, asker: tuple[str, int] | None) -> None:
        """Cut every connection but the asker's, at once: whoever has the answer meets no cut that was asked for before.

        Then be away for so many seconds.
        """
        self._cut(asker)
        if seconds > 0 and (self._absence is None or self._absence.done()):
            self._dropping = True
            self._absence = asyncio.create_task(self._be_away(seconds, mode))

    async def _be_away(self, seconds: float, mode: str) -> None:
        if mode == "drop":
            await asyncio.sleep(seconds)
            self._dropping = False
            return
        await asyncio.sleep(0.05)  # lets the request that asked for it be answered
        assert self._application is not None
        await self.stop()
        self._dropping = False
        await asyncio.sleep(seconds)
        self.socket = _listen(self.port)
        await self.start(self._application)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(2048)
    listening.setblocking(False)
    return listening


async def serve(cluster: Cluster, listener: Listener, token: str, ready: asyncio.Event, *, with_parent: bool) -> None:
    """Serve until SIGTERM or SIGINT (or until the parent is gone), then end every process that was started."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    cluster.start()
    control = Control(cluster, listener.go_away)
    await listener.start(Application(Api(cluster), control, token))
    ready.set()
    parent = os.getppid()
    while not over.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 1.0 if with_parent else None)
        if with_parent and os.getppid() != parent:
            break
    await cluster.stop()
    while left := descendants(os.getpid()):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        await asyncio.sleep(0.01)
