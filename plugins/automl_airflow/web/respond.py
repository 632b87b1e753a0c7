"""Answers: JSON that is encoded once, compressed, and not sent again to who has it; errors in words."""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException as StarletteHTTPException

from automl_airflow.web.aside import RETRY_AFTER
from automl_airflow.web.held import Answer, encode
from automl_core.models.life.refusals import NotOffered, Refused
from automl_core.models.offering import NotPublished
from automl_core.spec.errors import Problem, SpecError
from automl_core.storage.base import StorageError, StorageUnavailable
from automl_core.study.editing import NotEditable

log = logging.getLogger(__name__)

JSON = "application/json"

STALE = "automl.stale"
"""Key of a request's scope: how old in seconds the state is that is answered with, and why it is not newer."""

_CACHE = "private, no-cache"  # a browser asks again, and hears 304 where nothing has changed


def reply(body: Any, status: int = 200) -> Response:
    """Plain data as JSON."""
    return Response(encode(body), status, media_type=JSON, headers={"Cache-Control": _CACHE})


def send(request: Request, answer: Answer) -> Response:
    """An answer that was made before, or 304 for who has it already."""
    headers = {"ETag": answer.etag, "Cache-Control": _CACHE, "Vary": "Accept-Encoding, Cookie, Authorization"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if answer.etag in known:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(answer.body, media_type=JSON, headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(answer.body), media_type=JSON, headers=headers)


def send_body(request: Request, body: dict[str, Any], moving: str = "now") -> Response:
    """An answer that differs from user to user, or 304 for who has it already.

    Args:
        request: that is answered.
        body: plain data.
        moving: a key of it that is another each time, and no news.
    """
    told = encode({key: value for key, value in body.items() if key != moving})
    return send(request, Answer(f'"{hashlib.sha256(told).hexdigest()[:32]}"', gzip.compress(encode(body), 4, mtime=0)))


def problems_of(error: SpecError) -> list[dict[str, Any]]:
    """What is wrong, as data. What is wrong in a template has no line: lines are those of the text that was sent."""
    return [
        {**each.to_json(), **({"line": None, "column": None} if each.file != problem.file else {})}
        for each, problem in zip(_without_places(error), error.problems, strict=True)
    ]


def wrong_input(error: SpecError) -> Response:
    """422 with everything that is wrong."""
    return reply({"detail": str(SpecError(_without_places(error))), "problems": problems_of(error)}, 422)


def _without_places(error: SpecError) -> list[Problem]:
    """The problems; where a template lies on the server is nobody's business."""
    return [replace(each, file=_short(each.file)) for each in error.problems]


def _short(file: str) -> str:
    """A file of the server without the folders around it: ``net/1/template.yaml``."""
    return "/".join(PurePath(file).parts[-3:]) if PurePath(file).is_absolute() else file


def install_handlers(app: FastAPI) -> None:
    """From exceptions to answers; none of them shows a traceback, a path or a secret."""
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SpecError, _wrong)
    app.add_exception_handler(NotEditable, _conflict)
    app.add_exception_handler(NotOffered, _conflict)
    app.add_exception_handler(NotPublished, _conflict)
    app.add_exception_handler(Refused, _too_late)
    app.add_exception_handler(LookupError, _missing)
    app.add_exception_handler(StorageError, _away)
    app.add_exception_handler(IntegrityError, _exists)


Handler = Callable[[Request, Exception], Awaitable[Response]]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    detail = str(error.detail)
    if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
        from automl_airflow.web.routes.pages import sign_in_page

        return HTMLResponse(sign_in_page(request), 401)
    headers = getattr(error, "headers", None)
    response = reply({"detail": detail}, error.status_code)
    response.headers.update(headers or {})
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(each["msg"], tuple(part for part in each["loc"] if part not in ("body", "query", "path")))
        for each in error.errors()
    ]
    text = "; ".join(str(problem) for problem in problems)
    return reply({"detail": text, "problems": [problem.to_json() for problem in problems]}, 422)


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpecError)
    return wrong_input(error)


async def _conflict(request: Request, error: Exception) -> Response:
    return reply({"detail": str(error)}, 409)


async def _too_late(request: Request, error: Exception) -> Response:
    """An act that is not possible (any more): where somebody was faster, who and when."""
    assert isinstance(error, Refused)
    by = {"name": error.by.name, "how": error.by.how} if error.by is not None else None
    return reply({"detail": error.why, "by": by, "when": error.when}, 409)


async def _missing(request: Request, error: Exception) -> Response:
    if isinstance(error, KeyError | IndexError):  # a defect of ours
        log.error("%s failed", request.url.path, exc_info=error)
        return reply({"detail": "something went wrong; the API server's log has more"}, 500)
    return reply({"detail": str(error)}, 404)


async def _away(request: Request, error: Exception) -> Response:
    log.warning("%s: %s", request.url.path, error)
    response = reply({"detail": f"the model storage can't be read now: {error}"}, 503)
    if isinstance(error, StorageUnavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


async def _exists(request: Request, error: Exception) -> Response:
    return reply({"detail": "there is a run of that id already"}, 409)


def not_found(text: str) -> HTTPException:
    """404 with a reason."""
    return HTTPException(404, text)
