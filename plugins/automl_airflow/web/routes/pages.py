"""The pages: one document for every address below ``/automl``, and what it loads."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, HTMLResponse

from automl_airflow.compat.signed_in import get_auth_manager
from automl_airflow.web.access import CAN_LOOK
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.links import BASE

router = APIRouter(route_class=AsideRoute, dependencies=[Depends(CAN_LOOK)], include_in_schema=False)

STATIC = Path(__file__).parents[1] / "static"

_VERSION = re.compile(r"v-([0-9a-f]{12})/")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@router.get("/static/{path:path}")
def get_asset(path: Annotated[str, PathParameter(max_length=300)]) -> Response:
    """A script, a style sheet, a font or an image of the pages.

    The document names them below ``v-<version>/``, so that modules, which name one another relatively, are kept by
    the browser until any of them changes.
    """
    version = _VERSION.match(path)
    if version:
        path = path[version.end() :]
    root = STATIC.resolve()
    try:
        file = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise HTTPException(404, "there is no such file") from None
    if not file.is_relative_to(root) or not file.is_file() or file.suffix == ".html":
        raise HTTPException(404, "there is no such file")
    current = version is not None and version[1] == assets_version()
    lasting = "private, max-age=31536000, immutable" if current else "private, no-cache"
    return FileResponse(file, media_type=_TYPES.get(file.suffix), headers={"Cache-Control": lasting})


@router.get("/")
@router.get("/new")
@router.get("/compare")
@router.get("/housekeeping")
@router.get("/models")
@router.get("/models/{path:path}")
@router.get("/annotations")
@router.get("/annotations/{path:path}")
@router.get("/experiments")
@router.get("/experiments/{path:path}")
def get_page(path: str = "") -> Response:
    """The document; its script shows what its address names."""
    document = STATIC / "index.html"
    try:
        text = document.read_text(encoding="utf-8")
    except OSError:
        raise HTTPException(404, "the pages are not installed: run `make web`") from None
    text = text.replace("{{BASE}}", escape(BASE, quote=True)).replace("{{VERSION}}", assets_version())
    return HTMLResponse(text, headers={"Cache-Control": "no-cache"})


def assets_version() -> str:
    """A hash of all that the pages load: the same on every API server that has the same release."""
    files = (path for path in sorted(STATIC.rglob("*")) if path.suffix in _TYPES and path.is_file())
    return _hash(tuple((path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in files))


@lru_cache(maxsize=1)
def _hash(files: tuple[tuple[Path, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, _, size in files:
        digest.update(f"{path.relative_to(STATIC).as_posix()} {size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


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
