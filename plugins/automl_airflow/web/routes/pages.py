"""The pages: one document for every address below ``/automl``, and what it loads."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, HTMLResponse

from automl_airflow.web.access import CAN_LOOK
from automl_airflow.web.links import BASE

router = APIRouter(dependencies=[Depends(CAN_LOOK)], include_in_schema=False)

STATIC = Path(__file__).parents[1] / "static"

_HASHED = re.compile(r".*-[A-Za-z0-9_-]{8}\.\w+(\.map)?")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@router.get("/static/{path:path}")
def get_asset(path: Annotated[str, PathParameter(max_length=300)]) -> Response:
    """A script, a style sheet, a font or an image of the pages."""
    root = STATIC.resolve()
    try:
        file = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise HTTPException(404, "there is no such file") from None
    if not file.is_relative_to(root) or not file.is_file() or file.suffix == ".html":
        raise HTTPException(404, "there is no such file")
    lasting = "private, max-age=31536000, immutable" if _HASHED.fullmatch(file.name) else "private, no-cache"
    return FileResponse(file, media_type=_TYPES.get(file.suffix), headers={"Cache-Control": lasting})


@router.get("/")
@router.get("/new")
@router.get("/compare")
@router.get("/experiments")
@router.get("/experiments/{path:path}")
def get_page(path: str = "") -> Response:
    """The document; its script shows what its address names."""
    document = STATIC / "index.html"
    try:
        text = document.read_text(encoding="utf-8")
    except OSError:
        raise HTTPException(404, "the pages are not installed: run `make web`") from None
    return HTMLResponse(text.replace("{{BASE}}", escape(BASE, quote=True)), headers={"Cache-Control": "no-cache"})


def sign_in_page(request: Request) -> str:
    """What somebody sees who has not signed in."""
    try:
        login = get_auth_manager().get_url_login(next_url=str(request.url))
    except RuntimeError:
        login = ""
    link = f'<p><a href="{escape(login, quote=True)}" target="_top">Sign in to Airflow</a></p>' if login else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>AutoML</title>'
        f"<main><h1>AutoML</h1><p>Nobody is signed in.</p>{link}</main></html>"
    )
