"""The Airflow of the demonstration and the end-to-end tests, as far as it is known without starting one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automl_airflow import session
from automl_airflow.component import GO
from automl_airflow.standalone import StandaloneAirflow, StandaloneError
from tests.support.patience import stretched


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
    deadline = time.monotonic() + stretched(60)
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(worker)


def test_a_part_that_has_ended_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path)
    airflow.check()  # one that somebody else has started is asked nothing
    airflow.log_file("triggerer").parent.mkdir(parents=True, exist_ok=True)
    airflow.log_file("triggerer").write_text("it was fine\ndatabase is locked\n")
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    airflow._processes["triggerer"] = process
    airflow.check()
    process.communicate()
    with pytest.raises(StandaloneError, match=r"airflow triggerer has ended:(.|\n)*database is locked"):
        airflow.check()


def test_processes_wait_for_each_other_s_locks_on_the_database(tmp_path: Path) -> None:
    """SQLite's own five seconds are over on a busy machine, and then the DAG processor and the triggerer end."""
    from sqlalchemy import create_engine

    airflow = StandaloneAirflow(tmp_path)
    with create_engine(airflow.database).connect() as connection:
        assert connection.exec_driver_sql("pragma busy_timeout").scalar() == 60_000
    assert (tmp_path / "airflow.db").exists()


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


def _python(folder: Path, script: str) -> Path:
    """In Python's place: a script that sees its arguments."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    return path


def test_what_it_checks_meanwhile_ends_a_start_and_all_that_was_started(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path / "home", port=0)
    airflow.python = _python(tmp_path, f'echo $$ >> {tmp_path}/pids; case "$*" in *migrate) sleep 60;; *) cat;; esac')
    said: list[str] = []

    def check() -> None:
        if (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2:
            raise StandaloneError("enough")

    with pytest.raises(StandaloneError, match="enough"):
        airflow.start(say=said.append, check=check)
    assert said == ["Airflow: making its database"]
    assert [pid for pid in map(int, (tmp_path / "pids").read_text().split()) if _runs(pid)] == []


def test_a_database_that_cant_be_made_is_told_with_its_log(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path / "home", port=0)
    airflow.python = _python(tmp_path, 'case "$*" in *migrate) echo no room; exit 3;; *) cat;; esac')
    with pytest.raises(StandaloneError, match="migrate failed:\nno room"):
        airflow.start()


def test_an_api_server_that_ended_while_it_waited_is_told_with_its_log(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path / "home", port=0)
    airflow.python = _python(
        tmp_path,
        f'case "$*" in *migrate) while ! test -e {tmp_path}/gone; do sleep 0.02; done;; '
        f"*) exec 0<&-; echo broken; touch {tmp_path}/gone; exit 3;; esac",
    )
    with pytest.raises(StandaloneError, match="api-server ended at once:\nbroken"):
        airflow.start()


@pytest.mark.parametrize(("word", "code"), [(GO, 0), (b"", 1)], ids=["go", "nobody is left to say it"])
def test_a_component_begins_on_a_word(tmp_path: Path, word: bytes, code: int) -> None:
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "automl_airflow.component", "version"]
    done = subprocess.run(command, input=word, env=env, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    assert bool(done.stdout.strip()) is (code == 0)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
