"""The server over HTTP: plain JSON rows and the V2 protocol of open inference, health, figures.

Bodies are read by msgspec straight into rows. FastAPI's own models would cost more than scoring a row does; what it
gives here is routing, the errors of what isn't there, and the lifespan.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from automl_core.models.traffic.watched import is_watched
from automl_core.release import RELEASE
from automl_core.serving import requests
from automl_core.serving.answers import AnswerLog, NameTaken
from automl_core.serving.binary import BadBinary, with_data
from automl_core.serving.exchange import BINARY, Call, Door, Gone, Held, Refused, Reply, new_id
from automl_core.serving.figures import Figures
from automl_core.serving.requests import BadRequest
from automl_core.serving.served import BadRows, Given, NoSuchModel, Served, Unavailable
from automl_core.serving.shadow import Shadows
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

GRACE = 30.0
"""Seconds that a server has for its end, unless said otherwise."""

KEY_HEADER = b"x-automl-key"
"""Of a request: the key of all its rows, by which their version is chosen."""


Handler = Callable[[Call], Awaitable[Reply]]
_A = TypeVar("_A")
_B = TypeVar("_B")


class Server:
    """The routes of one server."""

    def __init__(
        self, served: Served, answers: AnswerLog | None = None, door: Door | None = None, *,
        shadow: AnswerLog | None = None, grace: float = GRACE,
    ) -> None:  # fmt: skip
        """Make it.

        Args:
            served: the models.
            answers: where answers are written down; None: nowhere.
            door: who may come in.
            shadow: where it is written down what shadows would have answered; None: nowhere.
            grace: seconds from `end` on within which all has to be over.
        """
        self.served, self.answers, self.door, self.figures = served, answers, door or Door(), Figures()
        self.shadows = Shadows(served.ask, shadow, served.tallies)
        self.grace, self._ended = grace, 0.0
        self.ending, self.held = False, Held()
        self.preload: tuple[str, ...] = ()
        self._problem = ""
        """Why it could not be started, where that lies in what it was told."""

    def app(self) -> FastAPI:
        """The application, for uvicorn."""
        app = FastAPI(title="AutoML models", version=RELEASE, lifespan=self._life, docs_url=None, redoc_url=None)
        for path, method, handler in (
            ("/v2/health/live", "GET", self._live),
            ("/v2/health/ready", "GET", self._ready),
            ("/metrics", "GET", self._guarded(self._metrics)),
            ("/v2", "GET", self._guarded(self._about)),
            ("/models", "GET", self._guarded(self._models)),
            ("/models/{model}", "GET", self._guarded(self._model)),
            ("/models/{model}/predict", "POST", self._guarded(self._predict)),
            ("/v2/models/{model}", "GET", self._guarded(self._metadata)),
            ("/v2/models/{model}/versions/{version}", "GET", self._guarded(self._metadata)),
            ("/v2/models/{model}/ready", "GET", self._guarded(self._model_ready)),
            ("/v2/models/{model}/versions/{version}/ready", "GET", self._guarded(self._model_ready)),
            ("/v2/models/{model}/infer", "POST", self._guarded(self._infer)),
            ("/v2/models/{model}/versions/{version}/infer", "POST", self._guarded(self._infer)),
        ):
            app.router.add_route(path, _endpoint(handler), methods=[method])
        no_route: Any = self._no_route  # whose answer sends itself, as starlette's do
        app.add_exception_handler(HTTPException, no_route)
        return app

    def asgi(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """`app`, with a short way to the two routes that are asked all the time: layers cost what scoring does."""
        app, predict, infer = self.app(), self._guarded(self._predict), self._guarded(self._infer)

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            handler = None
            if scope["type"] == "lifespan":
                await app(scope, receive, self._plainly(send))
                return
            if scope["type"] == "http" and scope["method"] == "POST":
                match scope["path"].split("/"):
                    case ["", "models", str(model), "predict"] if model:
                        handler, scope["path_params"] = predict, {"model": model}
                    case ["", "v2", "models", str(model), "infer"] if model:
                        handler, scope["path_params"] = infer, {"model": model}
            if handler is None:
                await app(scope, receive, send)
                return
            await (await handler(Call(scope, receive)))(scope, receive, send)

        return direct

    @property
    def ready(self) -> bool:
        """Whether requests may be sent here: not once it ends, nor while it can answer none of what it was to load.

        So an image that can't load the version in use takes the place of no server that can.
        """
        return not self.ending and self.served.can_answer(self.preload)

    def end(self) -> None:
        """Take no more requests: what was begun is answered, and what was answered is brought, within `grace`."""
        if not self.ending:
            self.ending, self._ended = True, time.monotonic()

    @asynccontextmanager
    async def _life(self, app: FastAPI) -> AsyncIterator[None]:
        logs = [each for each in (self.answers, self.shadows.answers) if each is not None]
        tallies = self.served.tallies
        try:
            await self.served.start(self.preload)
        except (NoSuchModel, StorageError) as error:
            self._problem = f"this server can't be started: {error}"
            raise
        for each in logs:
            each.start()
        if tallies is not None:
            tallies.start()
        gc.collect()
        gc.freeze()  # what is loaded stays: looking through it again and again would keep requests waiting
        try:
            yield
        finally:
            self.end()
            left = self._ended + self.grace - time.monotonic()
            await self.shadows.stop(min(2.0, left / 4))
            stopping = [each.stop(left * 3 / 4) for each in logs]
            if tallies is not None:
                stopping.append(tallies.stop(left * 3 / 4))
            await asyncio.gather(*stopping)
            await self.served.stop()

    def _guarded(self, handler: Handler) -> Handler:
        """A handler whose refusals become answers, behind the door."""

        async def guarded(call: Call) -> Reply:
            try:
                if not self.door.lets_in(call):
                    raise Refused(
                        401, "unauthorized", "a bearer token is needed: Authorization: Bearer TOKEN",
                        **{"WWW-Authenticate": "Bearer"},
                    )  # fmt: skip
                return await handler(call)
            except Refused as refused:
                return self._error(call, refused)
            except Gone:
                return Reply(b"", 499)
            except Exception:
                number = uuid.uuid4().hex[:12]
                log.exception("%s %s failed (%s)", call.scope["method"], call.path, number)
                return self._error(call, Refused(500, "internal", f"the server's log says what failed: {number}"))

        return guarded

    def _plainly(self, send: Send) -> Send:
        """How a start that failed is told: by what a person can change, and not by a place in this code."""

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._problem:
                message = {**message, "message": self._problem}
            await send(message)

        return told

    async def _no_route(self, request: Request, error: Exception) -> Reply:
        """The answer where no route is, in the words of all others."""
        assert isinstance(error, HTTPException)
        code = "no_such_route" if error.status_code == 404 else "not_allowed"
        message = f"{request.method} {request.url.path}: {error.detail} (docs/serving.md has the routes)"
        return self._error(
            Call(request.scope, request.receive), Refused(error.status_code, code, message, **dict(error.headers or {}))
        )

    def _error(self, call: Call, refused: Refused) -> Reply:
        if call.model in self.served.active:
            self.figures.ended(call.model, refused.status)
        v2 = call.path.startswith("/v2")
        body = {"error": refused.message if v2 else {"code": refused.code, "message": refused.message}}
        return Reply.of(body, refused.status, **refused.headers)

    # --- predictions -----------------------------------------------------------------------------

    async def _predict(self, call: Call) -> Reply:
        body = await call.body(self.door)
        with self.held(body, self.door):
            asked = _read(requests.read_rows, body)
            identity = asked.id or new_id()
            model, given = await self._given(call, asked.rows, asked.keys, identity)
        return Reply.of(requests.rows_answer(model, given, identity))

    async def _infer(self, call: Call) -> Reply:
        body = await call.body(self.door)
        with self.held(body, self.door):
            return await self._inferred(call, body)

    async def _inferred(self, call: Call, body: bytes) -> Reply:
        length = call.header(BINARY)
        if length is not None:
            try:
                body = with_data(body, length)
            except BadBinary as error:
                raise Refused(400, "bad_request", str(error)) from None
        asked, rows = _read(requests.read_infer, body)
        identity = asked.id or new_id()
        model, given = await self._given(call, rows, None, identity, _read(requests.key_of, asked.parameters or {}))
        return Reply.of(requests.infer_answer(model, given, identity, asked.outputs))

    async def _given(
        self, call: Call, rows: list[dict[str, Any]], keys: list[str] | None, identity: str, key: str | None = None
    ) -> tuple[str, Given]:
        """The answer to rows, written down and counted."""
        model = call.model
        route = await self._route(call)
        column, watched = (route.document.get("deploy") or {}).get("key"), is_watched(identity)

        def check(given: Given) -> None:
            if self.answers is not None:
                self.answers.check(rows, given.classes)
            version = call.version
            if version is not None and {str(each) for each in given.versions} != {version}:  # it changed meanwhile
                raise Refused(404, "no_such_version", f"version {version} of {model} is not in use any more")

        try:
            one = call.header(KEY_HEADER) if key is None else key
            chosen = requests.keys_of(rows, column, keys, one, identity)
            given = await self.served.predict(model, rows, chosen, counts=not watched, check=check)
        except (BadRequest, BadRows, NameTaken) as error:
            raise Refused(422, "bad_rows", str(error)) from None
        except Unavailable as error:
            raise Refused(503, "unavailable", str(error), **{"Retry-After": "1"}) from None
        if self.answers is not None and self.answers.takes(identity):
            self.answers.add(model, given, rows, chosen, identity)
        if given.rollout is not None and not watched:
            self.shadows.offer(self.served.active[model].route, rows, chosen, identity, given)
        self.figures.answered(model, given)
        self.figures.ended(model, 200)
        return model, given

    async def _route(self, call: Call) -> Any:
        """What answers for the model of a request, and that it is the version which the request names."""
        model, version = call.model, call.version
        if self.ending:
            raise Refused(503, "ending", "this server ends; ask another", **{"Retry-After": "1"})
        try:
            route = await self.served.route(model)
        except NoSuchModel as error:
            raise Refused(404, "no_such_model", str(error)) from None
        except Unavailable as error:
            raise Refused(503, "unavailable", str(error), **{"Retry-After": "1"}) from None
        except StorageError as error:
            log.warning("%s can't be read: %s", model, error)
            raise Refused(503, "unavailable", "the store is away", **{"Retry-After": "2"}) from None
        if version is not None and version not in {str(each) for each in route.shares}:
            there = ", ".join(map(str, route.shares)) or "none"
            raise Refused(404, "no_such_version", f"version {version} of {model} is not in use (in use: {there})")
        if version is not None and call.scope["method"] == "POST" and len(route.shares) > 1:
            raise Refused(400, "split", f"{model} is in a rollout: its versions are chosen by key, not by name")
        return route

    # --- what there is -----------------------------------------------------------------------------

    async def _live(self, call: Call) -> Reply:
        return Reply.of({"live": True})

    async def _ready(self, call: Call) -> Reply:
        ready = self.ready
        return Reply.of({"ready": ready}, 200 if ready else 503)

    async def _metrics(self, call: Call) -> Reply:
        text = self.figures.text(self.served, self.answers, self.shadows)
        return Reply(text, kind="text/plain; version=0.0.4; charset=utf-8")

    async def _about(self, call: Call) -> Reply:
        return Reply.of({"name": "automl", "version": RELEASE, "extensions": ["binary_tensor_data"]})

    async def _models(self, call: Call) -> Reply:
        found = [self._told(name) for name in sorted(self.served.active)]
        return Reply.of({"models": found})

    async def _model(self, call: Call) -> Reply:
        route = await self._route(call)
        return Reply.of(self._told(route.model))

    def _told(self, name: str) -> dict[str, Any]:
        route = self.served.active[name].route
        failed = {version: why for (model, version), why in self.served.failures.items() if model == name}
        return {
            "model": name, "record": route.record, "champion": route.champion,
            "shares": {str(version): share for version, share in route.shares.items()},
            "shadow": {str(version): share for version, share in route.shadow.items()},
            "rollout": route.rollout, "step": route.step if route.rollout is not None else None,
            "failed": {str(version): why for version, why in failed.items()},
        }  # fmt: skip

    async def _metadata(self, call: Call) -> Reply:
        route = await self._route(call)
        named = call.version
        version = int(named) if named is not None else route.champion
        if version is None:
            raise _nothing_in_use(route.model)
        try:
            process = await self.served.process(route, version)
        except Unavailable as error:
            raise Refused(503, "unavailable", str(error), **{"Retry-After": "1"}) from None
        ready = process.ready
        assert ready is not None
        numbers = {"number": "FP64", "boolean": "BOOL"}
        inputs = [
            {"name": name, "shape": [-1], "datatype": numbers.get(kind, "BYTES")} for name, kind, _ in ready.columns
        ]
        outputs: list[dict[str, Any]] = [
            {"name": "prediction", "shape": [-1], "datatype": "BYTES" if ready.classes else "FP64"}
        ]
        if ready.classes:
            outputs.append({"name": "probabilities", "shape": [-1, len(ready.classes)], "datatype": "FP64"})
        body = {
            "name": route.model, "versions": [str(each) for each in route.shares], "platform": "automl_model_file",
            "inputs": inputs, "outputs": outputs,
        }  # fmt: skip
        return Reply.of(body)

    async def _model_ready(self, call: Call) -> Reply:
        route = await self._route(call)
        if route.champion is None:
            raise _nothing_in_use(route.model)
        return Reply.of({"name": route.model, "ready": True})


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Any]]:
    """A handler as FastAPI's router has them."""

    async def endpoint(request: Request) -> Reply:
        return await handler(Call(request.scope, request.receive))

    return endpoint


def _nothing_in_use(model: str) -> Refused:
    return Refused(503, "unavailable", f"no version of {model} is in use", **{"Retry-After": "1"})


def _read(read: Callable[[_A], _B], given: _A) -> _B:
    try:
        return read(given)
    except BadRequest as error:
        raise Refused(400, "bad_request", str(error)) from None


__all__ = ["KEY_HEADER", "Door", "Server"]
