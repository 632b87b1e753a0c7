"""A MaxCompute for the demonstration: the tests' stand-in as a process, its table loaded, its connection made known."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneError
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import load_experiment
from automl_core.spec.maxcompute import MaxComputeTask

STANDIN = "tests.standins.maxcompute"


class DemoMaxCompute:
    """The stand-in of one demonstration. What runs is noted in the folder, so that `make stop` finds it."""

    def __init__(self, home: Path) -> None:
        """Start nothing yet.

        Args:
            home: AIRFLOW_HOME of the demonstration.
        """
        self._note = home / "maxcompute.json"
        self._data = home / "maxcompute"
        self._process: subprocess.Popen[str] | None = None

    def environment(self, experiment: Path, *, detached: bool = False) -> dict[str, str]:
        """What Airflow's processes need to know; starts the stand-in where the experiment needs one.

        A connection that the environment states already (``AIRFLOW_CONN_…``) is a real project, and left alone.

        Args:
            experiment: its file.
            detached: keep the stand-in when this process ends (ended by `stop` then).

        Raises:
            StandaloneError: the stand-in did not start, or its table could not be loaded.
        """
        try:
            tasks = [task for task in load_experiment(experiment).tasks if isinstance(task, MaxComputeTask)]
        except SpecError:  # whoever runs it says what is wrong with it
            return {}
        missing = {task.connection for task in tasks if variable_of(task.connection) not in os.environ}
        if not missing:
            return {}
        where = self._noted() or self._start(detached)
        self._load(experiment, where)
        return {variable_of(connection): json.dumps(connection_of(where)) for connection in missing}

    def stop(self) -> None:
        """End the stand-in. Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process = None
        else:
            found = self._noted()
            if found is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(found["pid"]), signal.SIGTERM)
        self._note.unlink(missing_ok=True)

    def _start(self, detached: bool) -> dict[str, Any]:
        self._data.mkdir(parents=True, exist_ok=True)
        log = (self._data.parent / "maxcompute.log").open("w")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", STANDIN, "--port", "0", "--data", str(self._data)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PRODUCT_ROOT,
                start_new_session=detached, env=_plain_environment(),
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(10)
            said = (self._data.parent / "maxcompute.log").read_text()[-1500:]
            raise StandaloneError(
                f"the stand-in of MaxCompute did not start (`make setup-dev` has what it needs):\n{said}"
            )
        where: dict[str, Any] = json.loads(line)
        descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({**where, "pid": self._process.pid, "started": _start_of(self._process.pid)}, file)
        if detached:
            self._process = None
        return where

    def _load(self, experiment: Path, where: Mapping[str, Any]) -> None:
        """Run the experiment's loader, ``examples/<file>_load.py``, where there is one."""
        script = PRODUCT_ROOT / "examples" / f"{experiment.stem}_load.py"
        if not script.is_file():
            return
        keys = {
            "ODPS_ACCESS_ID": where["access_id"], "ODPS_ACCESS_KEY": where["secret_access_key"],
            "ODPS_PROJECT": where["project"], "ODPS_ENDPOINT": where["endpoint"],
            "ODPS_TUNNEL_ENDPOINT": where["tunnel_endpoint"],
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(script)], env=_plain_environment() | keys, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StandaloneError(f"{script.name} failed:\n{done.stderr[-1500:]}")
        print(f"MaxCompute stand-in at {where['endpoint']}: {done.stdout.strip()}", flush=True)

    def _noted(self) -> dict[str, Any] | None:
        """What an earlier demonstration left running, None where nothing is or it is another process by now."""
        try:
            found: dict[str, Any] = json.loads(self._note.read_text())
            return found if _start_of(int(found["pid"])) == found["started"] else None
        except (OSError, ValueError, KeyError):
            return None


def variable_of(connection: str) -> str:
    """The environment variable that Airflow reads a connection from."""
    return f"AIRFLOW_CONN_{connection.upper()}"


def connection_of(where: Mapping[str, Any]) -> dict[str, Any]:
    """The Airflow connection of a stand-in that has said where it is."""
    return {
        "conn_type": "maxcompute",
        "login": where["access_id"],
        "password": where["secret_access_key"],
        "extra": {key: where[key] for key in ("project", "endpoint", "tunnel_endpoint", "logview_host")},
    }


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _start_of(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did: ids are used again, this is not."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return None
