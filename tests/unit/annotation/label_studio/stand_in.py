"""A Label Studio on loopback: what a real one of 1.23.2 answered to the requests that the product makes.

Kept by hand from trying the real one, which tests/heavy/test_label_studio.py runs: shapes of answers, codes and words
of refusals, numbers of deleted tasks given again (SQLite), imports that are stored though nobody waits for the answer.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"


class Killed(BaseException):
    """The process that asked is gone."""


@dataclass
class StandIn:
    """The server's state, and its answers."""

    legacy: bool = True
    accesses: int = 10**9
    """Requests that one access token lives for."""
    projects: dict[int, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    drafts: dict[int, list[Any]] = field(default_factory=dict)
    users: dict[int, str] = field(default_factory=lambda: {1: "owner@example.com", 2: "ben@example.com"})
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Callable[[str, str, Callable[[], Any]], tuple[int, Any] | None]] = field(default_factory=list)
    """Looked at before each request: what one gives is the answer; it may do the work first, or raise."""
    late: list[Callable[[], Any]] = field(default_factory=list)
    """Work that somebody's request began, and that is done when `settle` is called."""
    now: datetime = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
    access: str = ""
    used: int = 0
    made: int = 0

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> tuple[int, Any]:
        """Code and JSON for one request."""
        self.asked.append((method, path))
        work = self._once(method, path, query, body, token)
        for fault in self.faults:
            found = fault(method, path, work)
            if found is not None:
                return found
        return work()

    def settle(self) -> None:
        """What was still being done for those who are gone is done."""
        while self.late:
            self.late.pop(0)()

    def tick(self, seconds: float = 10) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    # --- what people do -------------------------------------------------------------------------

    def annotate(
        self, task: int, label: str | list[Any] | None, user: int | None = 2, *, seconds: float | None = 2.5,
        cancelled: bool = False,
    ) -> int:  # fmt: skip
        """Somebody labels a task; returns the annotation's number."""
        self.tick()
        result = label if isinstance(label, list) else [] if label is None else [choice(label)]
        number = max(self.annotations, default=0) + 1
        self.annotations[number] = {
            "id": number, "result": result, "created_username": "", "created_ago": "0 minutes", "completed_by": user,
            "was_cancelled": cancelled, "ground_truth": False, "created_at": self._moment(),
            "updated_at": self._moment(36), "draft_created_at": None, "lead_time": seconds, "import_id": None,
            "last_action": None, "bulk_created": False, "task": task, "project": self.tasks[task]["project"],
            "updated_by": user, "parent_prediction": None, "parent_annotation": None, "last_created_by": None,
        }  # fmt: skip
        self.tasks[task]["updated_at"] = self._moment(120_000)
        return number

    def change(self, annotation: int, label: str, user: int) -> None:
        """Somebody changes an annotation: who made it stays its author."""
        self.tick()
        one = self.annotations[annotation]
        one.update(result=[choice(label)], updated_at=self._moment(), updated_by=user)
        self.tasks[one["task"]]["updated_at"] = self._moment(120_000)

    # --- answers --------------------------------------------------------------------------------

    def _once(
        self, method: str, path: str, query: dict[str, str], body: Any, token: str
    ) -> Callable[[], tuple[int, Any]]:
        return lambda: self._do(method, path.rstrip("/"), query, body, token)

    def _do(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> tuple[int, Any]:
        if (method, path) == ("POST", "/api/token/refresh"):
            if not isinstance(body, dict) or body.get("refresh") != PERSONAL:
                return refusal(401, "Token is invalid")
            self.made, self.used = self.made + 1, 0
            self.access = f"eyJhY2Nlc3M.{self.made}.c2ln"
            return 200, {"access": self.access}
        if not token:
            return refusal(401, "Authentication credentials were not provided.")
        if token.startswith("Token "):
            if token != f"Token {LEGACY}":
                return refusal(401, "Invalid token.")
            if not self.legacy:
                words = "Authentication token no longer valid: legacy token authentication has been disabled for this"
                return refusal(401, f"{words} organization")
        else:
            self.used += 1
            if token != f"Bearer {self.access}" or self.used > self.accesses:
                return refusal(401, "Authentication credentials were not provided.")
        for (verb, pattern), act in _ROUTES.items():
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                return act(self, *(int(each) for each in found.groups()), query=query, body=body)
        return refusal(404, "Not found.")

    def list_projects(self, query: dict[str, str], body: Any) -> tuple[int, Any]:
        size, page = int(query.get("page_size", 30)), int(query.get("page", 1))
        rows = [self.projects[each] for each in sorted(self.projects, reverse=True)]
        some = rows[(page - 1) * size : page * size]
        if page > 1 and not some:
            return refusal(404, "Invalid page.")
        fields = query["include"].split(",") if "include" in query else list(rows[0]) if rows else []
        after = "http://elsewhere/api/projects?page=2" if page * size < len(rows) else None
        return 200, {
            "count": len(rows), "next": after, "previous": None,
            "results": [{name: each[name] for name in fields} for each in some],
        }  # fmt: skip

    def make_project(self, query: dict[str, str], body: Any) -> tuple[int, Any]:
        title = body.get("title", "")
        if len(title) < 3:
            return invalid("title", "Ensure this field has at least 3 characters.")
        if len(title) > 50:
            return invalid("title", "Ensure this field has no more than 50 characters.")
        try:
            ElementTree.fromstring(body["label_config"])
        except ElementTree.ParseError as error:
            return invalid("label_config", str(error))
        number = max(self.projects, default=0) + 1
        self.projects[number] = {"description": "", "maximum_annotations": 1, **body, "id": number}
        return 201, self.projects[number]

    def one_project(self, number: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if number not in self.projects:
            return refusal(404, "No Project matches the given query.")
        return 200, self.projects[number]

    def change_project(self, number: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        self.projects[number].update(body)
        return 200, self.projects[number]

    def bring(self, project: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if project not in self.projects:
            return refusal(404, "No Project matches the given query.")
        if not body:
            return invalid("non_field_errors", "load_tasks: No tasks added")
        needed = re.findall(r'value="\$(\w+)"', self.projects[project]["label_config"])
        for place, each in enumerate(body):
            for name in needed:
                if name not in each["data"]:
                    words = f'Error at item {place}: "{name}" key is expected in task data :: {each}'
                    code, said = invalid("non_field_errors", words)
                    said["validation_errors"]["non_field_errors"][:0] = [{}] * place
                    return code, said
        for each in body:
            number = max(self.tasks, default=0) + 1
            self.tasks[number] = {
                "id": number, "data": each["data"], "predictions": each.get("predictions", []), "project": project,
                "created_at": self._moment(), "updated_at": self._moment(30), "is_labeled": False, "meta": {},
            }  # fmt: skip
        return 201, {
            "task_count": len(body), "annotation_count": 0, "prediction_count": 0, "duration": 0.1,
            "file_upload_ids": [], "could_be_tasks_list": False, "found_formats": [], "data_columns": [],
        }  # fmt: skip

    def list_tasks(self, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if int(query["project"]) not in self.projects:
            return refusal(404, "No Project matches the given query.")
        rows = [self.tasks[each] for each in sorted(self.tasks) if self.tasks[each]["project"] == int(query["project"])]
        for each in json.loads(query.get("query", "{}")).get("filters", {}).get("items", []):
            rows = [row for row in rows if self._passes(row, each)]
        some = rows[: int(query.get("page_size", 100))]
        return 200, {
            "total_annotations": 0, "total_predictions": 0, "total": len(rows),
            "tasks": [self._task(each, query) for each in some],
        }  # fmt: skip

    def one_task(self, number: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if number not in self.tasks:
            return refusal(404, "No Task matches the given query.")
        return 200, self._task(self.tasks[number], {"fields": "all"})

    def drop_task(self, number: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if self.tasks.pop(number, None) is None:
            return refusal(404, "No Task matches the given query.")
        for each in [key for key, one in self.annotations.items() if one["task"] == number]:
            del self.annotations[each]
        return 204, None

    def list_users(self, query: dict[str, str], body: Any) -> tuple[int, Any]:
        return 200, [{"id": number, "email": email, "username": ""} for number, email in self.users.items()]

    def _passes(self, row: dict[str, Any], wanted: dict[str, Any]) -> bool:
        name, operator, value = wanted["filter"].removeprefix("filter:tasks:"), wanted["operator"], wanted["value"]
        if (name, operator) == ("id", "greater"):
            return int(row["id"]) > int(value)
        if (name, operator) == ("annotations_ids", "empty"):
            return any(each["task"] == row["id"] for each in self.annotations.values()) is not value
        if (name, operator) == ("updated_at", "greater"):
            return datetime.fromisoformat(row["updated_at"]) > datetime.fromisoformat(value)
        raise AssertionError(f"the stand-in knows no filter {wanted}")

    def _task(self, row: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        annotations = [each for each in self.annotations.values() if each["task"] == row["id"]]
        cancelled = sum(each["was_cancelled"] for each in annotations)
        counts = {"total_annotations": len(annotations) - cancelled, "cancelled_annotations": cancelled}
        if "include" in query:
            whole = {**row, **counts, "annotations": [{"id": each["id"]} for each in annotations]}
            return {name: whole[name] for name in query["include"].split(",")}
        return {**row, **counts, "annotations": annotations, "drafts": self.drafts.get(row["id"], [])}

    def _moment(self, microseconds: int = 0) -> str:
        return (self.now + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # --- ways in --------------------------------------------------------------------------------

    def transport(self, dies_at: int | None = None, *, stored: bool = True, later: bool = False) -> httpx.MockTransport:
        """A transport without a socket, which may kill whoever asks.

        Args:
            dies_at: the request at which the process dies, counted from 0.
            stored: whether the server still does what was asked.
            later: whether it does so when `settle` is called.
        """
        count = 0

        def handle(request: httpx.Request) -> httpx.Response:
            nonlocal count
            parts = urlsplit(str(request.url))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.loads(request.content) if request.content else None
            arguments = (request.method, parts.path, query, body, request.headers.get("authorization", ""))
            count += 1
            if dies_at is not None and count - 1 == dies_at:
                if stored:
                    self.late.append(lambda: self.answer(*arguments))
                    if not later:
                        self.settle()
                raise Killed
            code, found = self.answer(*arguments)
            return httpx.Response(code) if found is None else httpx.Response(code, json=found)

        return httpx.MockTransport(handle)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """The address of it on loopback, for as long as the block lasts."""
        lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                with lock:
                    code, found = stand_in.answer(
                        self.command, parts.path, query, body, self.headers.get("authorization", "")
                    )
                raw = b"" if found is None else json.dumps(found).encode()
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *arguments: Any) -> None:
                """Nothing: requests have no place in a test's output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


_ROUTES: dict[tuple[str, str], Callable[..., tuple[int, Any]]] = {
    ("GET", "/api/projects"): StandIn.list_projects,
    ("POST", "/api/projects"): StandIn.make_project,
    ("GET", r"/api/projects/(\d+)"): StandIn.one_project,
    ("PATCH", r"/api/projects/(\d+)"): StandIn.change_project,
    ("POST", r"/api/projects/(\d+)/import"): StandIn.bring,
    ("GET", "/api/tasks"): StandIn.list_tasks,
    ("GET", r"/api/tasks/(\d+)"): StandIn.one_task,
    ("DELETE", r"/api/tasks/(\d+)"): StandIn.drop_task,
    ("GET", "/api/users"): StandIn.list_users,
}


def choice(label: str, control: str = "label", shown: str = "shown") -> dict[str, Any]:
    """A result of an annotation."""
    return {"from_name": control, "to_name": shown, "type": "choices", "value": {"choices": [label]}}


def refusal(code: int, detail: str) -> tuple[int, Any]:
    """How Label Studio says no."""
    return code, {"id": "64227c62", "status_code": code, "version": "1.23.2", "detail": detail, "exc_info": None}


def invalid(name: str, words: str) -> tuple[int, Any]:
    """How it says what is wrong with a body."""
    code, body = refusal(400, "Validation error")
    return code, {**body, "validation_errors": {name: [words]}}
