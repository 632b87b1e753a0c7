"""The few calls of the Kubernetes API that watching takes, on plain JSON.

The official clients build an object for every field of every pod, which costs more than the watching itself where
a thousand pods are looked at all the time (benchmarks/README.md has the figures).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import aiohttp

from automl_core.backends.base import BackendError
from automl_core.backends.kubernetes.access import Access
from automl_core.backends.remote import Unreachable

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
_TRIES = 3
_LONGEST_WAIT = 10.0
_AT_ONCE = 64
"""Requests at once, but for watches and logs."""

_STREAMED = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10)
_PORTION = 1 << 16
"""Bytes of a stream that are held here before the connection is read no further."""

_KEEP_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""Seconds, seconds and probes by which a peer that is gone without a word is found out, where the system knows them."""


class ApiError(BackendError):
    """The API server has refused a request.

    Attributes:
        status: HTTP status code.
        reason: its word for it, such as ``NotFound``.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Keep the parts."""
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason = status, reason


class KubernetesApi:
    """Requests to one API server. Belongs to the event loop that it is first used in."""

    def __init__(self, access: Access) -> None:
        """Connect to nothing yet."""
        self._access = access
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        """An object or list.

        Raises:
            ApiError: it is refused; 404 where it isn't there.
            Unreachable: the server is away or overloaded.
        """
        body = await self._request("GET", path, params)
        try:
            found: dict[str, Any] = json.loads(body)
        except ValueError as error:  # of a proxy on the way, say
            raise Unreachable(f"{self._access.url} answers with something that is no JSON: {body[:80]!r}") from error
        return found

    @contextlib.asynccontextmanager
    async def stream(self, path: str, **params: Any) -> AsyncIterator[Stream]:
        """What a node answers, as it comes: a log. It is read no faster than it is taken.

        A node sends nothing, not even a status, before there is something to read; so `Stream.read` raises what
        `get` does: `ApiError` also for 5xx, where the node is away.
        """
        opening = asyncio.ensure_future(self._begin(path, params))
        try:
            yield Stream(opening, self._access.url)
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
            elif not opening.cancelled() and opening.exception() is None:
                opening.result().close()  # unless it was read to its end, which gives its connection back

    async def _begin(self, path: str, params: Mapping[str, Any]) -> aiohttp.ClientResponse:
        for tries in (1, 2):
            session = await self._open()
            options, reading = await self._options(), self._access.readings
            try:
                answer = await session.get(
                    self._access.url + path, params=params, timeout=_STREAMED, read_bufsize=_PORTION, **options
                )
                if answer.status < 400:
                    return answer
                async with answer:
                    refusal = _refusal(answer.status, await answer.read())
            except (aiohttp.ClientError, OSError) as error:
                raise Unreachable(f"{self._access.url} does not answer: {_words(error)}") from error
            if refusal.status == 429:
                raise Unreachable(f"{self._access.url} is overloaded: {refusal}") from refusal
            if refusal.status != 401 or tries == 2:
                break
            await self._access.load(refused=reading)
        raise refusal

    async def delete(self, path: str, **params: Any) -> bool:
        """Delete an object. Returns whether it was there; raises as `get` otherwise."""
        try:
            await self._request("DELETE", path, params)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def apply(self, path: str, body: Mapping[str, Any], manager: str, *, force: bool = False) -> dict[str, Any]:
        """Make an object, or change what of it is ours: server-side apply, unknown fields refused.

        Args:
            path: of the object.
            body: what we want of it; what we wanted before and is not in it any more is taken away.
            manager: in whose name.
            force: whether to take over fields that others have set otherwise.

        Raises:
            ApiError: it is refused; 409 where others have set fields otherwise.
            Unreachable: the server is away or overloaded.
        """
        params = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true" if force else "false"}
        # JSON is YAML; JSON patches' own kinds mean something else
        told = await self._request("PATCH", path, params, json.dumps(body).encode(), "application/apply-patch+yaml")
        found: dict[str, Any] = json.loads(told)
        return found

    async def watch(self, path: str, timeout: float, **params: Any) -> AsyncGenerator[dict[str, Any]]:
        """Events of a watch, until the server ends it.

        Args:
            path: of the list that is watched.
            timeout: seconds after which the server ends it.
            params: further parameters, the resourceVersion above all.

        Raises:
            ApiError: it is refused; 410 where the resourceVersion is too old.
            Unreachable: the server is away, or the connection broke.
        """
        session = await self._open()
        given = {**params, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(int(timeout))}
        limits = aiohttp.ClientTimeout(total=None, connect=10, sock_read=timeout + 15)
        options = await self._options()
        try:
            async with session.get(self._access.url + path, params=given, timeout=limits, **options) as answer:
                if answer.status >= 400:
                    raise _refusal(answer.status, await answer.read())
                async for line in answer.content:
                    if line.strip():
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"the watch of {self._access.url} broke off: {_words(error)}") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            await self._access.load()
        if self._session is None:  # else others who waited for the same have made it
            connector = aiohttp.TCPConnector(limit=0, socket_factory=_socket)  # who asks for what is bounded elsewhere
            self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, read_bufsize=2**21)
        return self._session

    async def _options(self) -> dict[str, Any]:
        """How a request gets there and is let in; asked for each one, since certificates and tokens are renewed."""
        access = self._access
        return {
            "headers": await access.headers(), "proxy": access.proxy, "ssl": access.tls,
            "server_hostname": access.server_name,
        }  # fmt: skip

    async def _request(
        self, method: str, path: str, params: Mapping[str, Any], body: bytes | None = None, kind: str = ""
    ) -> bytes:
        """One request; again where the server asks for patience, or lets nobody in with an old token."""
        async with self._places:
            return await self._ask(method, path, params, body, kind)

    async def _ask(self, method: str, path: str, params: Mapping[str, Any], sent: bytes | None, kind: str) -> bytes:
        for tries in range(1, _TRIES + 1):
            session = await self._open()
            options, reading = await self._options(), self._access.readings
            if kind:
                options["headers"] = {**options["headers"], "Content-Type": kind}
            try:
                async with session.request(
                    method, self._access.url + path, params=params, data=sent, **options
                ) as answer:
                    body = await answer.read()
                    status, patience = answer.status, answer.headers.get("Retry-After")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise Unreachable(f"{self._access.url} does not answer: {_words(error)}") from error
            if status < 400:
                return body
            refusal = _refusal(status, body)
            if status == 401 and tries == 1:
                await self._access.load(refused=reading)
            elif status != 429 and status < 500:
                raise refusal
            elif tries == _TRIES:
                raise Unreachable(f"{self._access.url} is overloaded: {refusal}") from refusal
            else:
                await asyncio.sleep(
                    min(_LONGEST_WAIT, float(patience) if patience and patience.isdigit() else 0.5 * tries)
                )
        raise refusal


class Stream:
    """An answer that is read as it comes."""

    def __init__(self, opening: asyncio.Future[aiohttp.ClientResponse], url: str) -> None:
        """Read nothing yet.

        Args:
            opening: the request.
            url: whom it goes to, for messages.
        """
        self._opening, self._url = opening, url

    async def read(self) -> bytes:
        """What has come, empty at the end. To be cancelled at any time: nothing is lost.

        Raises:
            ApiError: the request is refused.
            Unreachable: the server is away, or the connection broke.
        """
        answer = await asyncio.shield(self._opening)
        try:
            return await answer.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"what {self._url} sends broke off: {_words(error)}") from error


def _socket(address: Any) -> socket.socket:
    """A socket by which a dead connection is noticed."""
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        found = json.loads(body)
        return ApiError(status, str(found.get("reason") or ""), str(found.get("message") or ""))
    except (ValueError, AttributeError):
        return ApiError(status, "", body[:200].decode("utf-8", "replace"))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
