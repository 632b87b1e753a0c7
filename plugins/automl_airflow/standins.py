"""Stand-ins of services for the demonstration: a process of its own, started where an experiment needs one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from automl_airflow.processes import start_of
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneError
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.spec.tasks import LocalTask
from automl_core.templates import load_experiment

END_WITHIN = 20.0
"""Seconds that a stand-in may take to end what runs in it."""


class DemoStandIn(ABC):
    """The stand-in of one service. What runs is noted in the folder, so that `make stop` finds it.

    Attributes:
        backend: of the training tasks that need the service; the names of its files, too.
        title: the service's name, for people.
    """

    backend: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, home: Path) -> None:
        """Start nothing yet.

        Args:
            home: AIRFLOW_HOME of the demonstration.
        """
        self.data = home / self.backend
        self._note = home / f"{self.backend}.json"
        self._log = home / f"{self.backend}.log"
        self._process: subprocess.Popen[str] | None = None

    @abstractmethod
    def arguments(self) -> list[str]:
        """Of the stand-in's command, which prints one line of JSON once it is ready: where it is."""

    @abstractmethod
    def connection(self, where: Mapping[str, Any]) -> dict[str, Any]:
        """The Airflow connection of a stand-in that has said where it is."""

    @abstractmethod
    def prepare(self, experiment: Path, where: Mapping[str, Any]) -> str:
        """Make ready what an experiment expects there. Returns what to tell people, in one line.

        Raises:
            StandaloneError: it can't be done.
        """

    def needed(self, experiment: Experiment) -> set[str]:
        """The Airflow connections by which an experiment reaches the service."""
        tasks = [*experiment.prepare, *experiment.tasks, *experiment.conclude]
        return {task.connection for task in tasks if not isinstance(task, LocalTask) and task.backend == self.backend}

    def environment(self, experiment: Path, *, detached: bool = False) -> dict[str, str]:
        """What Airflow's processes need to know; starts the stand-in where the experiment needs one.

        A connection that the environment states already (``AIRFLOW_CONN_…``) is a real service, and left alone.

        Args:
            experiment: its file.
            detached: keep the stand-in when this process ends (ended by `stop` then).

        Raises:
            StandaloneError: the stand-in did not start, or could not be made ready.
        """
        try:
            found = load_experiment(experiment)
        except SpecError:  # whoever runs it says what is wrong with it
            return {}
        missing = {name for name in self.needed(found) if variable_of(name) not in os.environ}
        if not missing:
            return {}
        where = self._noted() or self._start(detached)
        said = self.prepare(experiment, where)
        print(f"{self.title}: a stand-in at {said}", flush=True)
        print(f"  (for a real one, set {' and '.join(sorted(map(variable_of, missing)))})", flush=True)
        return {variable_of(name): json.dumps(self.connection(where)) for name in missing}

    def stop(self) -> None:
        """End the stand-in. Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        else:
            found = self._noted()
            if found is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(found["pid"]), signal.SIGTERM)
        self._note.unlink(missing_ok=True)

    def _start(self, detached: bool) -> dict[str, Any]:
        self.data.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"tests.standins.{self.backend}", "--port", "0", *self.arguments()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PRODUCT_ROOT,
                start_new_session=detached, env=plain_environment(),
            )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(END_WITHIN)
            said = self._log.read_text()[-1500:]
            raise StandaloneError(
                f"the stand-in of {self.title} did not start (`make setup-dev` has what it needs):\n{said}"
            )
        where: dict[str, Any] = json.loads(line)
        descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({**where, "pid": process.pid, "started": start_of(process.pid)}, file)
        if not detached:
            self._process = process
        return where

    def _noted(self) -> dict[str, Any] | None:
        """What an earlier demonstration left running, None where nothing is or it is another process by now."""
        try:
            found: dict[str, Any] = json.loads(self._note.read_text())
            return found if start_of(int(found["pid"])) == found["started"] else None
        except (OSError, ValueError, KeyError):
            return None


def variable_of(connection: str) -> str:
    """The environment variable that Airflow reads a connection from."""
    return f"AIRFLOW_CONN_{connection.upper()}"


def plain_environment() -> dict[str, str]:
    """This process's environment for its children, which keep their bytecode."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
