"""A stand-in for Airflow's REST API, version 2: the routes that the client uses, with Airflow's own answers.

Paths, status codes and bodies are those of airflow/api_fastapi/core_api/routes/public of Airflow 3.3.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

USER, PASSWORD = "admin", "secret-password"


class FakeAirflow:
    """The state of a server: DAGs, runs, task instances, import errors; and what was asked of it."""

    def __init__(self) -> None:
        self.dags: dict[str, dict[str, Any]] = {}
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        self.tasks: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.import_errors: list[dict[str, Any]] = []
        self.logs: dict[tuple[str, str], list[Any]] = {}
        """Run and task → the entries of its log."""
        self.pools = {"default_pool"}
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.tokens: set[str] = set()
        self.allowed = True
        self.answers: dict[tuple[str, str], Any] = {}
        """Of AutoML's own API: method and path → body."""
        self.before: Callable[[str, str], None] = lambda method, path: None

    def add_dag(self, dag_id: str, **more: Any) -> None:
        self.dags[dag_id] = {
            "dag_id": dag_id, "is_paused": False, "fileloc": f"/dags/experiments/{dag_id}.yaml",
            "relative_fileloc": f"experiments/{dag_id}.yaml", "has_import_errors": False, **more,
        }  # fmt: skip

    def add_run(self, dag_id: str, run_id: str, state: str = "queued") -> None:
        self.runs[dag_id, run_id] = {
            "dag_id": dag_id, "dag_run_id": run_id, "state": state, "queued_at": "2026-11-21T04:00:00Z",
            "start_date": None if state == "queued" else "2026-11-21T04:00:01.5Z", "end_date": None,
        }  # fmt: skip

    def add_task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, state: str | None = None) -> None:
        self.tasks.setdefault((dag_id, run_id), []).append(
            {
                "task_id": task_id,
                "map_index": map_index,
                "state": state,
                "rendered_map_index": None,
                "start_date": None,
                "end_date": None,
            }
        )

    def add_import_error(self, filename: str, text: str, timestamp: str = "2026-11-21T04:00:00Z") -> None:
        self.import_errors.append(
            {
                "import_error_id": len(self.import_errors),
                "timestamp": timestamp,
                "filename": filename,
                "bundle_name": "dags-folder",
                "stack_trace": text,
            }
        )

    def answer(self, method: str, url: str, headers: dict[str, str], content: bytes) -> tuple[int, Any]:
        """Status and body of one request."""
        parts = urlsplit(url)
        path = parts.path
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = json.loads(content) if content else None
        self.before(method, path)
        self.requests.append((method, path))
        self.bodies.append(body)
        if path == "/auth/token":
            if body != {"username": USER, "password": PASSWORD}:
                return 401, {"detail": "Invalid credentials"}
            self.tokens.add(f"token-{len(self.tokens)}")
            return 201, {"access_token": f"token-{len(self.tokens) - 1}"}
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return 401, {"detail": "Invalid JWT token"}
        if not self.allowed:
            return 403, {"detail": "Forbidden"}
        if path.startswith("/automl/api/v1/"):
            return self.automl(method, unquote(path.removeprefix("/automl/api/v1")))
        names = [unquote(name) for name in path.removeprefix("/api/v2/").split("/")]
        return self.route(method, names, query, body)

    def automl(self, method: str, path: str) -> tuple[int, Any]:
        """AutoML's own REST API, as far as a test has given answers."""
        found = self.answers.get((method, path))
        return (200, found) if found is not None else (404, {"detail": f"nothing at {path}"})

    def route(self, method: str, names: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:
        if names == ["importErrors"]:
            return page(self.import_errors, "import_errors", query)
        if names == ["dags"]:
            return page(list(self.dags.values()), "dags", query)
        if names[0] == "pools":
            missing = {"detail": f"The Pool with name: `{names[1]}` was not found"}
            return (200, {"name": names[1]}) if names[1] in self.pools else (404, missing)
        dag_id = names[1]
        if dag_id not in self.dags:
            return 404, {"detail": f"The Dag with ID: `{dag_id}` was not found"}
        if len(names) == 2:
            self.dags[dag_id] |= body or {}
            return 200, self.dags[dag_id]
        if len(names) == 3 and method == "POST":
            return self.trigger(dag_id, body)
        if len(names) == 3:
            runs = [run for (of, _), run in self.runs.items() if of == dag_id]
            return page(runs[::-1], "dag_runs", query)
        run = self.runs.get((dag_id, names[3]))
        if run is None:
            return 404, {"detail": f"The DagRun with dag_id: `{dag_id}` and run_id: `{names[3]}` was not found"}
        if len(names) == 8 and names[6] == "logs":
            return 200, {"content": self.logs.get((names[3], names[5]), []), "continuation_token": None}
        if len(names) == 5:
            return page(self.tasks.get((dag_id, names[3]), []), "task_instances", query)
        run |= body or {}
        return 200, run

    def trigger(self, dag_id: str, body: Any) -> tuple[int, Any]:
        if "logical_date" not in body:
            return 422, {"detail": [{"type": "missing", "loc": ["body", "logical_date"], "msg": "Field required"}]}
        run_id = body.get("dag_run_id") or f"manual__2026-11-21T04:00:0{len(self.runs)}+00:00"
        if (dag_id, run_id) in self.runs:
            return 409, {"detail": {"reason": "Unique constraint violation", "statement": "hidden"}}
        self.add_run(dag_id, run_id)
        return 200, self.runs[dag_id, run_id]

    def transport(self) -> httpx.MockTransport:
        """This server without a network."""

        def handle(request: httpx.Request) -> httpx.Response:
            status, body = self.answer(request.method, str(request.url), dict(request.headers), request.content)
            return httpx.Response(status, json=body)

        return httpx.MockTransport(handle)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """This server on loopback; gives its address."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                status, body = fake.answer(self.command, self.path, headers, content)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = respond

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def page(entries: list[dict[str, Any]], key: str, query: dict[str, str]) -> tuple[int, Any]:
    offset, limit = int(query.get("offset", 0)), min(100, int(query.get("limit", 50)))
    return 200, {key: entries[offset : offset + limit], "total_entries": len(entries)}
