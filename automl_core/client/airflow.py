"""A small client of Airflow's REST API, version 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from automl_core.client.api import ApiClient, new_run_id
from automl_core.client.errors import AlreadyExists, BrokenFile, ClientError, Conflict, NotKnown
from automl_core.client.records import DagInfo, ImportProblem, Run, TaskInstance

_PAGE = 100


class AirflowClient(ApiClient):
    """Triggers and follows experiments. Use it in a ``with`` statement."""

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

    def trigger(
        self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None,
        logical_date: datetime | None = None,
    ) -> Run:  # fmt: skip
        """Start a run.

        Args:
            dag_id: of the DAG.
            conf: what the run changes in the experiment.
            run_id: one is made when left out, so that a server that fails half way can be asked again.
            logical_date: the run's, with a time zone; none when left out.

        Raises:
            AlreadyExists: there is a run of that id, or of that date.
            NotKnown: there is no such DAG.
        """
        known = run_id or new_run_id()
        date = logical_date.isoformat() if logical_date is not None else None
        body: dict[str, Any] = {"logical_date": date, "conf": dict(conf or {}), "dag_run_id": known}
        place = self._run_path(dag_id, known)
        try:
            begun = self.begin(
                f"/dags/{quote(dag_id, safe='')}/dagRuns", body, lambda: bool(self._request("GET", place))
            )
            return Run.from_json(begun or self._request("GET", place))
        except Conflict:
            if date is not None:
                raise AlreadyExists(f"{dag_id} has a run of {date} already (or of the id {known})") from None
            raise AlreadyExists(f"{dag_id} has a run {run_id!r} already; choose another --run-id") from None
        except NotKnown:
            raise NotKnown(self._no_such_dag(dag_id)) from None

    def has_pool(self, name: str) -> bool | None:
        """Whether Airflow has a pool; None where that can't be known."""
        try:
            self._request("GET", f"/pools/{quote(name, safe='')}")
        except NotKnown:
            return False
        except ClientError:
            return None
        return True

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

    def failure_of(self, dag_id: str, run_id: str, task_id: str, tries: int = 1) -> str:
        """Why a task failed, in one line of its log: the exception's own words. Empty where that can't be told.

        Args:
            dag_id, run_id, task_id: which task; not a mapped one.
            tries: how often it was tried.
        """
        place = f"{self._run_path(dag_id, run_id)}/taskInstances/{quote(task_id, safe='')}/logs/{max(1, tries)}"
        try:
            entries = self._request("GET", place, params={"full_content": "true"}).get("content") or []
        except ClientError:
            return ""
        for entry in reversed([entry for entry in entries if isinstance(entry, Mapping)]):
            for detail in entry.get("error_detail") or ():
                words = str(detail.get("exc_value") or "").strip()
                if words:
                    return words.splitlines()[0]
        return ""

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

    def _no_such_dag(self, dag_id: str) -> str:
        from automl_core.spec.errors import did_you_mean

        known = self.dag_ids()
        guess = did_you_mean(dag_id, known)
        listed = f"; it has {', '.join(sorted(known)[:10])}{', …' if len(known) > 10 else ''}" if known else ""
        return f"Airflow at {self.url} knows no DAG {dag_id!r}{listed}{f'. {guess}' if guess else ''}"
