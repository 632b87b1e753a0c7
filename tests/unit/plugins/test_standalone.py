"""The Airflow of the demonstration and the end-to-end tests, as far as it is known without starting one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from automl_airflow import session
from automl_airflow.standalone import StandaloneAirflow


def test_what_a_killed_component_has_started_ends_with_it(tmp_path: Path) -> None:
    """A scheduler's forked workers would keep its database session, and with it the rows that it has locked."""
    airflow = StandaloneAirflow(tmp_path)
    code = "import os, time\nworker = os.fork()\nif worker:\n    print(worker, flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    airflow._processes["scheduler"] = process
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    assert Path(f"/proc/{worker}/stat").exists()
    airflow.kill_component("scheduler")
    deadline = time.monotonic() + 60
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(worker)


def test_relative_paths_of_an_installed_product_begin_at_airflows_home(tmp_path: Path) -> None:
    program = (
        "from automl_airflow import session\n"
        f"session.PRODUCT_ROOT = __import__('pathlib').Path({str(tmp_path)!r})\n"
        "print(session.home())\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "AUTOML_HOME"}
    env["AIRFLOW_HOME"] = str(tmp_path / "airflow")
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(tmp_path / "airflow"), "and not a folder of Python's own"
    assert session.home() == Path(os.environ["AUTOML_HOME"]), "which comes first"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
