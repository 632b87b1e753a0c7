"""The app that Airflow's API server mounts under ``/automl``."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from automl_airflow.web.limits import BodyLimit
from automl_airflow.web.respond import STALE, install_handlers
from automl_airflow.web.routes import (
    acts,
    annotation_acts,
    annotation_files,
    annotation_ledger,
    deploy,
    details,
    events,
    evidence,
    experiments,
    files,
    forecasts,
    gc,
    labels,
    model_acts,
    models,
    pages,
    rollout_acts,
    rollouts,
    runs,
    sheets,
    start,
    tables,
    templates,
    trials,
    trying,
)
from automl_airflow.web.routes import (
    annotations as annotation_projects,  # not the name of the import above
)

API = "/api/v1"

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'; "
    "object-src 'none'"
)
"""What pages may load: nothing from elsewhere, no script in the page, and only Airflow may frame them."""


class SafeHeaders:
    """Adds to every answer what browsers are to hold to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "private, no-cache")
                stale = scope.get(STALE)
                if stale is not None:
                    headers["Age"] = str(round(stale[0]))
                    headers["X-AutoML-Stale"] = quote(stale[1], safe=" :/,;()'")
            await send(message)

        await self._app(scope, receive, guarded)


def create_app() -> FastAPI:
    """The app with all its routes; each demands a right of Airflow's."""
    app = FastAPI(
        title="AutoML",
        version="1",
        description="Seeing and steering AutoML experiments. Described in docs/rest.md.",
        openapi_url=None,  # a route of ours serves it to who has signed in
        docs_url=None,  # Swagger's pages load from a CDN
        redoc_url=None,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders)
    install_handlers(app)
    # routes of one run before those that would take "runs" for something else
    for router in (
        events.router, files.router, sheets.router, details.router,
        forecasts.router, tables.router, trials.router, acts.router, labels.router,
        deploy.router, evidence.router, rollout_acts.router, rollouts.router, model_acts.router,
        models.router, annotation_acts.router, annotation_files.router, annotation_ledger.router,
        annotation_projects.router,
        runs.router, runs.compare_router, start.router, templates.router, trying.router, gc.router,
        experiments.router,
    ):  # fmt: skip
        app.include_router(router, prefix=API)
    app.include_router(pages.router)
    return app
