"""A small client of Airflow's REST API, version 2."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from automl_core.client.credentials import Credentials
from automl_core.client.errors import AlreadyExists, AuthError, BrokenFile, ClientError, NotKnown, Unreachable
from automl_core.client.records import DagInfo, ImportProblem, Run, TaskInstance

_PAGE = 100


class AirflowClient:
    """Triggers and follows experiments. Use it in a ``with`` statement."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nothing yet; a token is fetched with the first request.

        Args:
            credentials: where, and who asks.
            transport: of the HTTP client; the network when left out.
            sleep, clock: how to wait and how to tell the time, in seconds.

        Raises:
            ClientError: the address is none.
        """
        self.url = credentials.url
        self._credentials = credentials
        self._token = credentials.token
        try:
            host = httpx.URL(credentials.url).host
            # a proxy of the environment can't reach a server on this machine
            near = host in ("localhost", "127.0.0.1", "::1")
            self._http = httpx.Client(base_url=credentials.url, timeout=30, transport=transport, trust_env=not near)
        except httpx.InvalidURL as error:
            raise ClientError(f"{credentials.url} is no address: {error} (AIRFLOW_API_URL)") from None
        self._sleep, self._clock = sleep, clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def dag(self, dag_id: str) -> DagInfo:
        """One DAG.

        Raises:
            NotKnown: there is none of that id; the message has the nearest one.
        """
        try:
            return DagInfo.from_json(self._request("GET", f"/dags/{quote(dag_id, safe='')}"))
        except NotKnown:
            raise NotKnown(self._no_such_dag(dag_id)) from None

    def dag_ids(self) -> list[str]:
        """Every DAG that this user may see."""
        return [dag["dag_id"] for dag in self._pages("/dags", "dags")]

    def unpause(self, dag_id: str) -> None:
        """Let Airflow run a paused DAG."""
        self._request("PATCH", f"/dags/{quote(dag_id, safe='')}", json={"is_paused": False})

    def import_problems(self) -> list[ImportProblem]:
        """What is wrong with DAG files."""
        return [ImportProblem.from_json(body) for body in self._pages("/importErrors", "import_errors")]

    def wait_for_dag(
        self,
        dag_id: str,
        *,
        file: str = "",
        changed: datetime | None = None,
        timeout: float = 90.0,
        waiting: Callable[[float], None] | None = None,
    ) -> DagInfo:
        """Wait until Airflow knows a DAG as its file is now: a fresh file becomes one within a minute.

        Args:
            dag_id: of the DAG.
            file: name of its file, to tell its import error from others'.
            changed: when the file was last written: an older import error may be of what it was before.
            timeout: seconds.
            waiting: called before each further look, with the seconds waited so far.

        Raises:
            BrokenFile: Airflow has read the file and can't use it; the message has its words.
            NotKnown: the time is over.
        """
        started = self._clock()
        while True:
            dag, unknown = None, ""
            try:
                dag = self.dag(dag_id)
            except NotKnown as error:
                unknown = str(error)
            if dag is not None and not dag.has_import_errors:
                return dag
            problem = self._import_problem(file) if file else None
            waited = self._clock() - started
            if problem is not None and (problem.is_of(changed) or waited >= timeout):
                raise BrokenFile(f"Airflow can't use {problem.file}:\n{problem.text}")
            if dag is not None and problem is None:
                return dag
            if waited >= timeout:
                raise NotKnown(f"{unknown} (waited {waited:.0f} s for it)")
            if waiting is not None:
                waiting(waited)
            self._sleep(1.0)

    def _import_problem(self, file: str) -> ImportProblem | None:
        same = (p for p in self.import_problems() if p.file.replace("\\", "/").rsplit("/", 1)[-1] == file)
        return next(same, None)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> Run:
        """Start a run.

        Args:
            dag_id: of the DAG.
            conf: what the run changes in the experiment.
            run_id: Airflow makes one when left out.

        Raises:
            AlreadyExists: there is a run of that id.
            NotKnown: there is no such DAG.
        """
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id is not None:
            body["dag_run_id"] = run_id
        try:
            return Run.from_json(self._request("POST", f"/dags/{quote(dag_id, safe='')}/dagRuns", json=body))
        except AlreadyExists:
            raise AlreadyExists(f"{dag_id} has a run {run_id!r} already; choose another --run-id") from None
        except NotKnown:
            raise NotKnown(self._no_such_dag(dag_id)) from None

    def run(self, dag_id: str, run_id: str) -> Run:
        """One run.

        Raises:
            NotKnown: there is no such run.
        """
        try:
            return Run.from_json(self._request("GET", self._run_path(dag_id, run_id)))
        except NotKnown:
            known = ", ".join(run.run_id for run in self.runs(dag_id, limit=5)) or "none so far"
            raise NotKnown(f"{dag_id} has no run {run_id!r}; its last runs: {known}") from None

    def runs(self, dag_id: str, limit: int = 20) -> list[Run]:
        """The newest runs of a DAG, newest first.

        Raises:
            NotKnown: there is no such DAG.
        """
        parameters = {"limit": limit, "order_by": "-run_after"}
        try:
            body = self._request("GET", f"/dags/{quote(dag_id, safe='')}/dagRuns", params=parameters)
        except NotKnown:
            raise NotKnown(self._no_such_dag(dag_id)) from None
        return [Run.from_json(entry) for entry in body.get("dag_runs", ())]

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Every task instance of a run, mapped ones included."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances"
        return [TaskInstance.from_json(entry) for entry in self._pages(path, "task_instances")]

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> Run:
        """Mark a whole run (``failed`` ends its tasks at once)."""
        return Run.from_json(self._request("PATCH", self._run_path(dag_id, run_id), json={"state": state}))

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The run's page in Airflow's UI."""
        return f"{self.url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"

    @staticmethod
    def _run_path(dag_id: str, run_id: str) -> str:
        return f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            body = self._request("GET", path, params={"limit": _PAGE, "offset": offset})
            entries = body.get(key) or []
            yield from entries
            offset += len(entries)
            if not entries or offset >= (body.get("total_entries") or 0):
                return

    def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        response = self._send(method, f"/api/v2{path}", **arguments)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._credentials.password:
            self._token = ""  # it has run out
            response = self._send(method, f"/api/v2{path}", **arguments)
        self._check(response, f"{method} {path}")
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ClientError(f"{self.url} answers {method} {path} with something else than JSON: is this Airflow?")
        return body

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if not self._token:
            self._token = self._login()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return self._exchange(method, path, headers=headers, **arguments)

    def _login(self) -> str:
        body = {"username": self._credentials.username, "password": self._credentials.password}
        response = self._exchange("POST", "/auth/token", json=body)
        if response.status_code in (400, 401, 403, 422):
            raise AuthError(
                f"Airflow at {self.url} refuses the user {self._credentials.username!r}: "
                "check AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
            )
        self._check(response, "POST /auth/token")
        try:
            return str(response.json()["access_token"])
        except (ValueError, KeyError, TypeError):
            raise ClientError(f"{self.url} gives no token at /auth/token: is this Airflow 3?") from None

    def _exchange(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; a read is tried again over a short gap (an API server that restarts)."""
        for wait in (0.5, 2.0, None):
            try:
                return self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
                if wait is None or method != "GET":
                    raise Unreachable(
                        f"Airflow at {self.url} gives no answer ({reason}): is it running? "
                        "AIRFLOW_API_URL says where it is"
                    ) from None
                self._sleep(wait)
        raise AssertionError("unreachable")

    def _check(self, response: httpx.Response, what: str) -> None:
        if response.is_success:
            return
        status, detail = response.status_code, _detail(response)
        if status == httpx.codes.UNAUTHORIZED:
            hint = "the token has run out or is of another server" if self._credentials.token else "sign in again"
            raise AuthError(f"Airflow at {self.url} does not accept who asks (401): {hint}")
        if status == httpx.codes.FORBIDDEN:
            who = self._credentials.username or "the token's user"
            raise AuthError(f"{who} may not do this at {self.url} (403 for {what}): {detail}")
        if status == httpx.codes.NOT_FOUND:
            raise NotKnown(f"{what}: {detail}")
        if status == httpx.codes.CONFLICT:
            raise AlreadyExists(f"{what}: {detail}")
        raise ClientError(f"Airflow at {self.url} answers {what} with {status}: {detail}")

    def _no_such_dag(self, dag_id: str) -> str:
        from automl_core.spec.errors import did_you_mean

        known = self.dag_ids()
        guess = did_you_mean(dag_id, known)
        listed = f"; it has {', '.join(sorted(known)[:10])}{', …' if len(known) > 10 else ''}" if known else ""
        return f"Airflow at {self.url} knows no DAG {dag_id!r}{listed}{f'. {guess}' if guess else ''}"


def _detail(response: httpx.Response) -> str:
    """What the server says of a refusal, in one line."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.text
    if isinstance(detail, list):  # validation errors of FastAPI
        detail = "; ".join(
            f"{'.'.join(str(p) for p in e.get('loc', ()))}: {e.get('msg')}" for e in detail if isinstance(e, dict)
        )
    text = " ".join(str(detail.get("reason") if isinstance(detail, dict) else detail).split())
    return text if len(text) <= 300 else text[:299] + "…"
