"""Requests find their handler; faults, signatures and counting come first."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.standins.maxcompute import rest, tunnel_api
from tests.standins.maxcompute.auth import authenticate, check_project
from tests.standins.maxcompute.call import Call, Reply
from tests.standins.maxcompute.errors import ServiceError
from tests.standins.maxcompute.jobs import Instance
from tests.standins.maxcompute.service import Service

Handler = Callable[[Call], Reply]


def _either(tunnel: Handler, other: Handler | None = None) -> Handler:
    def handle(call: Call) -> Reply:
        if other is None or tunnel_api.wanted(call):
            return tunnel(call)
        return other(call)

    return handle


_ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/projects", rest.projects),
    ("GET", "/projects/{project}", rest.project),
    ("PUT", "/projects/{project}/logs", rest.logs),
    ("POST", "/projects/{project}/authorization", rest.sign_token),
    ("GET", "/projects/{project}/tunnel", rest.tunnel_address),
    ("GET", "/projects/{project}/resources", rest.resources),
    ("GET", "/projects/{project}/xflows", rest.list_xflows),
    ("GET", "/projects/{project}/instances", rest.list_instances),
    ("POST", "/projects/{project}/instances", rest.submit),
    ("GET", "/projects/{project}/instances/{instance}", _either(tunnel_api.instance_get, rest.instance)),
    ("PUT", "/projects/{project}/instances/{instance}", rest.stop),
    ("POST", "/projects/{project}/instances/{instance}", tunnel_api.instance_post),
    ("GET", "/projects/{project}/tables", rest.list_tables),
    ("GET", "/projects/{project}/tables/{table}", _either(tunnel_api.table_get, rest.table)),
    ("POST", "/projects/{project}/tables/{table}", tunnel_api.table_post),
    ("PUT", "/projects/{project}/tables/{table}", tunnel_api.table_put),
    ("GET", "/projects/{project}/offlinemodels", rest.list_models),
    ("GET", "/projects/{project}/offlinemodels/{model}", rest.model),
    ("DELETE", "/projects/{project}/offlinemodels/{model}", rest.delete_model),
]
_PATTERNS = [
    (method, path, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path) + "/?"), handler)
    for method, path, handler in _ROUTES
]


def build_app(service: Service) -> Starlette:
    """The web application of a stand-in."""

    async def standin(request: Request) -> Response:
        return await _answer(service, request)

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            service.faults.clear()
        elif request.method == "POST":
            try:
                service.faults.set(**json.loads(await request.body()))
            except (ValueError, TypeError) as error:
                return PlainTextResponse(str(error), 400)
        return JSONResponse({k: v for k, v in vars(service.faults).items() if not k.startswith("_")})

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            service.requests.clear()
        return JSONResponse(service.requests.snapshot())

    async def logview_host(request: Request) -> Response:
        return PlainTextResponse(_base(request))

    async def logview(request: Request) -> Response:
        if request.query_params.get("token") not in service.tokens:
            return PlainTextResponse("The token is missing, wrong or expired.", 403)
        try:
            found = service.instance(request.query_params.get("p", ""), request.query_params.get("i", ""))
        except ServiceError as error:
            return PlainTextResponse(error.message, 404)
        return HTMLResponse(rest.logview_page(found))

    return Starlette(
        routes=[
            Route("/_standin/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/_standin/requests", requests, methods=["GET", "DELETE"]),
            Route("/api/logview/host", logview_host),
            Route("/logview/host", logview_host),
            Route("/logview/", logview),
            Route("/{path:path}", standin, methods=["GET", "POST", "PUT", "DELETE", "HEAD"]),
        ]
    )


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


async def _answer(service: Service, request: Request) -> Response:
    raw = request.scope["raw_path"].decode()
    path = raw.removeprefix("/api")
    query = request.scope["query_string"].decode()
    body = await request.body()
    try:
        return (await _handle(service, request, path, query, body)).response()
    except ServiceError as error:
        return Reply(error.to_xml(), error.status).response()


async def _handle(service: Service, request: Request, path: str, query: str, body: bytes) -> Reply:
    found = _find(request.method, path)
    service.requests.count(found[0] if found else "unknown")
    service.faults.check(f"{request.method} {path}?{query}")
    headers = {name.lower(): value for name, value in request.headers.items()}
    account = authenticate(service.accounts, request.method, path, query, headers)
    if found is None:
        raise ServiceError("MethodNotAllowed", f"{request.method} {path} is not part of the stand-in.", 405)
    _, names, handler = found
    if project := names.get("project", "").lower():
        if project not in service.projects:
            raise ServiceError("NoSuchProject", f"ODPS-0420111: Project not found - '{project}'.", 404)
        check_project(account, project)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    call = Call(service, request.method, names, parameters, headers, body, account, _base(request))
    if "instancestatus" in parameters and "instance" in names:
        await _until_end(call.instance(), service.settings.long_poll)
    return await run_in_threadpool(handler, call)


def _find(method: str, path: str) -> tuple[str, dict[str, str], Handler] | None:
    for known, template, pattern, handler in _PATTERNS:
        if known == method and (match := pattern.fullmatch(path)):
            names = {name: unquote(value) for name, value in match.groupdict().items()}
            return f"{method} {template}", names, handler
    return None


async def _until_end(instance: Instance, seconds: float) -> None:
    """Waits for the end of an instance, as the service does for clients that ask it to."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the server has closed meanwhile
            loop.call_soon_threadsafe(ended.set)

    instance.on_end(wake)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)
