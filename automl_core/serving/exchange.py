"""One request and its answer over ASGI, with as little between them as there can be: layers cost what scoring does."""

from __future__ import annotations

import asyncio
import hmac
import os
import types
import zlib
from collections.abc import Coroutine, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from automl_core.serving.binary import HEADER

JSON = "application/json"

BINARY = HEADER.encode()
"""Of a request of the V2 protocol with columns of bytes: where they begin."""

PACKED = ("gzip", "deflate")
"""Encodings of a body that are read."""

encode = msgspec.json.Encoder().encode


LARGE = 64 * 2**10
"""Bytes from which on a body counts for what is held at once; of smaller ones their number is limit enough."""

AT_ONCE = 8
"""Times the largest body: what large bodies take together while they wait for their answers. As rows they take more."""


class Held:
    """The large bodies that a server holds while they wait for their answers."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, body: bytes, door: Door) -> AbstractContextManager[None]:
        """Hold a body for as long as the context is open.

        Raises:
            Refused: as many as may be are held. One alone always may, and nobody's small request waits for it.
        """
        return _SMALL if len(body) < LARGE else self._large(len(body), door)

    @contextmanager
    def _large(self, size: int, door: Door) -> Iterator[None]:
        if self.bytes and self.bytes + size > AT_ONCE * door.body:
            told = f"large requests of {self.bytes:,} bytes are answered already; send this one again, or smaller ones"
            raise Refused(503, "busy", told, **{"Retry-After": "1"})
        self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size


_SMALL = nullcontext()


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in, and with how much.

    Attributes:
        tokens: bearer tokens, any of which is good; without one everybody may come in.
        body: bytes of a request at most.
        seconds: within which a body has to come.
    """

    tokens: tuple[str, ...] = ()
    body: int = 8 * 2**20
    seconds: float = 30.0
    _known: tuple[bytes, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", tuple(each.encode() for each in self.tokens))

    def lets_in(self, call: Call) -> bool:
        """Whether a request has a token, where one is needed."""
        if not self.tokens:
            return True
        kind, _, token = call.headers.get(b"authorization", b"").partition(b" ")
        given = token.strip()
        # all of them are compared, so that the time it takes tells nothing
        found = [hmac.compare_digest(given, each) for each in self._known]
        return kind.lower() == b"bearer" and any(found)


def new_id() -> str:
    """The id of a request that came without one: 128 random bits, as `uuid.uuid4().hex` has nearly all."""
    return os.urandom(16).hex()


class Refused(Exception):
    """A request that gets no answer of a model."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


class Gone(Exception):
    """A client that has left before its request was whole."""


class Call:
    """One request.

    Attributes:
        scope: as ASGI has it.
        headers: by their names in small letters; the first one of a name counts.
        model: that is asked; empty where the path names none.
        version: that the path names, or None.
    """

    __slots__ = ("_receive", "headers", "model", "scope", "version")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self._receive = scope, receive
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        named = scope.get("path_params") or {}
        self.model, self.version = str(named.get("model", "")), named.get("version")

    @property
    def path(self) -> str:
        """That is asked for."""
        return str(self.scope["path"])

    def header(self, name: bytes) -> str | None:
        """A header as text."""
        found = self.headers.get(name)
        return found.decode("latin-1") if found is not None else None

    async def body(self, door: Door) -> bytes:
        """The body, unpacked where it came packed.

        Raises:
            Refused: it is of another kind, too large (packed or not), or too slow.
            Gone: it has not come, and won't.
        """
        kind = self.headers.get(b"content-type", b"application/json")
        if kind != b"application/json":
            plain = kind.decode("latin-1").partition(";")[0].strip().lower()
            if plain != JSON and not (plain == "application/octet-stream" and BINARY in self.headers):
                raise Refused(415, "content_type", f"the body is application/json, not {plain}")
        stated = self.headers.get(b"content-length", b"")
        if stated.isdigit() and int(stated) > door.body:
            raise _too_large(door)
        receiving: Any = self._receive()
        message, waits = None, None
        if isinstance(receiving, Coroutine):
            try:
                waits = receiving.send(None)
            except StopIteration as done:  # it was there: no clock is needed, which would cost more than reading it
                message = done.value
            else:
                receiving = _rest(receiving, waits)
        try:
            if message is None or message.get("more_body"):
                async with asyncio.timeout(door.seconds):
                    message = await receiving if message is None else message
                    held = bytearray(_piece(message))
                    while message.get("more_body") and len(held) <= door.body:
                        message = await self._receive()
                        held += _piece(message)
                    body = bytes(held)
            else:
                body = _piece(message)
        except TimeoutError:
            raise Refused(408, "too_slow", f"the body has not come within {door.seconds:g} s") from None
        if len(body) > door.body:
            raise _too_large(door)
        packed = self.headers.get(b"content-encoding")
        return body if packed is None else _unpacked(body, packed.decode("latin-1").strip().lower(), door)


@types.coroutine
def _rest(begun: Coroutine[Any, Any, Any], waits: Any) -> Generator[Any, Any, Any]:
    """What a coroutine returns that was begun by hand, and waits for something."""
    try:
        while True:
            try:
                sent = yield waits
            except BaseException as error:
                waits = begun.throw(error)
            else:
                waits = begun.send(sent)
    except StopIteration as done:
        return done.value


def _piece(message: Any) -> bytes:
    if message["type"] == "http.disconnect":
        raise Gone
    found: bytes = message.get("body", b"")
    return found


def _unpacked(body: bytes, how: str, door: Door) -> bytes:
    """A body as it was before its client packed it; never more of it than a body may have."""
    if how in ("", "identity"):
        return body
    if how not in PACKED:
        accepted = ", ".join(PACKED)
        raise Refused(
            415,
            "content_encoding",
            f"the body is packed by {how}; read are {accepted}",
            **{"Accept-Encoding": accepted},
        )
    machine = zlib.decompressobj(
        wbits=47
    )  # the header says whether it is gzip's format or zlib's, as HTTP's deflate is
    try:
        found = machine.decompress(body, door.body + 1)
    except zlib.error as error:
        raise Refused(400, "bad_request", f"the body is no {how}: {error}") from None
    if len(found) > door.body:
        raise _too_large(door)
    if not machine.eof or machine.unused_data:
        raise Refused(400, "bad_request", f"the body is no whole {how}: it is cut off, or goes on behind its end")
    return found


def _too_large(door: Door) -> Refused:
    return Refused(413, "too_large", f"a body has at most {door.body:,} bytes")


class Reply:
    """One answer, which sends itself."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, status: int = 200, kind: str = JSON, **headers: str) -> None:
        """Make it.

        Args:
            body: of the answer.
            status: of HTTP.
            kind: what the body is.
            headers: more of them.
        """
        self.body, self.status = body, status
        self.headers = [(b"content-length", b"%d" % len(body)), (b"content-type", kind.encode())]
        for name, value in headers.items():
            self.headers.append((name.lower().encode(), value.encode()))

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Reply:
        """An answer of JSON."""
        return cls(encode(value), status, **headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})
