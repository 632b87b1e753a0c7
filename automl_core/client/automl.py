"""AutoML's own REST API from Python: start, follow, steer, and results as pandas frames.

``with AutoML() as automl: run = automl.start("experiments/digits.yaml"); run.wait(); run.trials()``
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from automl_core.client.annotations import Annotation
from automl_core.client.api import ApiClient, new_run_id
from automl_core.client.credentials import Credentials, find_credentials
from automl_core.client.errors import AlreadyExists, BrokenFile, Conflict, NotKnown
from automl_core.client.model import Model
from automl_core.client.run import ExperimentRun

_SUFFIXES = (".yaml", ".yml")

_PATIENT = 120.0
"""Seconds that a look at whole buckets may take."""


class AutoML(ApiClient):
    """A connection to the experiments of one Airflow. Use it in a ``with`` statement, or call `close`."""

    prefix: ClassVar[str] = "/automl/api/v1"
    headers: ClassVar[dict[str, str]] = {"X-AutoML-Request": "1"}

    def __init__(self, credentials: Credentials | None = None, **options: Any) -> None:
        """Ask nothing yet.

        Args:
            credentials: where, and who asks; those of the environment or of a local Airflow when left out
                (`automl_core.client.find_credentials`).
            options: of `ApiClient`.
        """
        home = Path(os.environ.get("AUTOML_HOME") or Path.cwd())
        super().__init__(credentials or find_credentials(home), **options)

    def experiments(self, search: str = "", state: str = "") -> list[dict[str, Any]]:
        """Every experiment that this user may read, each with its latest run.

        Args:
            search: text in the name, the description or the tags.
            state: states of the latest run, with commas between.
        """
        found: list[dict[str, Any]] = []
        while True:
            parameters = {"search": search, "state": state, "sort": "name", "offset": len(found), "limit": 200}
            page = self.ask("GET", "/experiments", params=parameters)
            found += page["experiments"]
            if not page["experiments"] or len(found) >= page["matched"]:
                return found

    def validate(self, text: str) -> dict[str, Any]:
        """What is wrong with the text of an experiment file, or what the experiment will be."""
        return self.ask("POST", "/validate", json={"text": text})

    def save(self, text: str, *, replace: bool = False) -> str:
        """Save an experiment file where Airflow reads it. Returns the experiment's name.

        Raises:
            Invalid: the file is wrong; its ``problems`` say where.
            AlreadyExists: there is such an experiment, and ``replace`` is not set.
            AuthError: this user may not, or the deployment takes no files this way.
        """
        try:
            return str(self.ask("POST", "/experiments", json={"text": text, "replace": replace})["experiment"])
        except Conflict as error:
            raise AlreadyExists(str(error)) from None

    def wait_until_known(self, name: str, timeout: float = 120.0) -> None:
        """Wait until Airflow has read an experiment's file as it was saved last.

        Raises:
            BrokenFile: Airflow can't use it.
            NotKnown: the time is over.
        """
        self._wait_until_read(f"/experiments/{quote(name, safe='')}", name, timeout)

    def _wait_until_read(self, place: str, name: str, timeout: float) -> None:
        started = self._clock()
        while True:
            found = self.ask("GET", f"{place}/readiness")
            if found["state"] == "ready":
                return
            if found["state"] == "broken":
                raise BrokenFile(f"Airflow can't use {name}:\n{found['error']}")
            if self._clock() - started >= timeout:
                raise NotKnown(f"Airflow has not read {name} within {timeout:.0f} s")
            self._sleep(1.0)

    def wait_until_over(self, airflow_state: Callable[[], str], timeout: float | None = None) -> str:
        """Wait until Airflow has ended a run. Returns its state: ``success`` or ``failed``.

        Args:
            airflow_state: asks for it.
            timeout: seconds in all; for ever when left out.

        Raises:
            TimeoutError: the time is over.
        """
        started = self._clock()
        while (state := airflow_state()) not in ("success", "failed"):
            if timeout is not None and self._clock() - started >= timeout:
                raise TimeoutError(f"Airflow's run is {state} after {timeout:.0f} s")
            self._sleep(2.0)
        return state

    def start(
        self, experiment: str | Path, conf: Mapping[str, Any] | None = None, *, run_id: str | None = None,
        replace: bool = False, logical_date: datetime | None = None,
    ) -> ExperimentRun:  # fmt: skip
        """Start a run.

        Args:
            experiment: its name; or a file (a path that ends with .yaml), which is saved on the server first.
            conf: what this run changes in the file: ``{"trials": {"max": 5}}``.
            run_id: one is made when left out, so that a server that fails half way can be asked again.
            replace: overwrite the experiment's file on the server.
            logical_date: the run's date, with a time zone, for ``${ds}`` and its like; none when left out.

        Raises:
            AlreadyExists: there is a run of that id, or of that date.
            Invalid: the file or the conf is wrong.
            NotKnown: there is no such experiment.
        """
        name = str(experiment)
        if name.endswith(_SUFFIXES):
            name = self.save(Path(name).read_text(encoding="utf-8"), replace=replace)
            self.wait_until_known(name)
        run = ExperimentRun(self, name, run_id or new_run_id())
        body: dict[str, Any] = {"conf": dict(conf or {}), "run_id": run.run_id}
        if logical_date is not None:
            body["logical_date"] = logical_date.isoformat()
        try:
            self.begin(f"/experiments/{quote(name, safe='')}/runs", body, run.exists)
        except Conflict as error:
            raise AlreadyExists(str(error)) from None
        return run

    def run(self, experiment: str, run_id: str | None = None) -> ExperimentRun:
        """A run of an experiment; its newest when no id is given.

        Raises:
            NotKnown: there is no such experiment, or it has not run.
        """
        if run_id is not None:
            return ExperimentRun(self, experiment, run_id)
        runs = self.runs(experiment, limit=1)
        if not runs:
            raise NotKnown(f"{experiment} has not run yet")
        return ExperimentRun(self, experiment, str(runs[0]["run"]))

    def runs(self, experiment: str, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs of an experiment at a glance, newest first."""
        place = f"/experiments/{quote(experiment, safe='')}/runs"
        return list(self.ask("GET", place, params={"limit": limit})["runs"])

    def models(self, search: str = "") -> list[dict[str, Any]]:
        """Every model that this user may read: what is in use, who is waited for.

        Args:
            search: text in the name, the description or the tags.
        """
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", "/models", params={"search": search, "offset": len(found), "limit": 200})
            found += page["models"]
            if not page["models"] or len(found) >= page["matched"]:
                return found

    def model(self, name: str) -> Model:
        """A model, by its name. Nothing is asked yet."""
        return Model(self, name)

    def deploy(self, file: str | Path, *, replace: bool = False) -> Model:
        """Save a model's file on the server, and wait until Airflow has read it.

        Args:
            file: a path that ends with .yaml.
            replace: overwrite the model's file on the server.

        Raises:
            Invalid: the file is wrong; its ``problems`` say where.
            AlreadyExists: there is such a model, and ``replace`` is not set.
            AuthError: this user may not, or the deployment takes no files this way.
        """
        text = Path(file).read_text(encoding="utf-8")
        try:
            name = str(self.ask("POST", "/models", json={"text": text, "replace": replace})["model"])
        except Conflict as error:
            raise AlreadyExists(str(error)) from None
        self._wait_until_read(f"/models/{quote(name, safe='')}", name, 120.0)
        return Model(self, name)

    def annotations(self, search: str = "") -> list[dict[str, Any]]:
        """Every annotation project that this user may read: how it stands, who is at work.

        Args:
            search: text in the name, the description or the tags.
        """
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", "/annotations", params={"search": search, "offset": len(found), "limit": 200})
            found += page["annotations"]
            if not page["annotations"] or len(found) >= page["matched"]:
                return found

    def annotation(self, name: str) -> Annotation:
        """An annotation project, by its name. Nothing is asked yet."""
        return Annotation(self, name)

    def compare(self, *runs: ExperimentRun) -> dict[str, Any]:
        """Up to five runs side by side."""
        named = [f"{run.experiment}/{run.run_id}" for run in runs]
        return self.ask("GET", "/compare", params={"run": named})

    def housekeeping(self, **options: Any) -> dict[str, Any]:
        """What can go of the runs that this user may delete: a plan, with its id; nothing is deleted.

        Args:
            options: ``what`` (a list of runs, checkpoints, caches, code, parts, models), ``older_than`` and
                ``abandoned`` (seconds), ``keep_last``, ``keep_best``, ``keep_versions``, ``orphaned``,
                ``transferred``, ``experiments`` (a list of names).
        """
        return self.ask("POST", "/gc", json=options, timeout=_PATIENT)

    def clean_up(self, plan: str, **options: Any) -> dict[str, Any]:
        """Delete what a plan of `housekeeping` names. Returns what is gone, and what was spared and why.

        Args:
            plan: its id.
            options: those that the plan was made with.

        Raises:
            AlreadyExists: something else would go by now.
        """
        return self.ask("POST", "/gc/apply", json={**options, "plan": plan}, timeout=_PATIENT)
