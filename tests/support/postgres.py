"""A PostgreSQL server for one test or measurement, where its binaries are installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from automl_airflow.processes import free_port
from automl_airflow.standalone import StandaloneAirflow
from tests.support.patience import stretched


def binaries() -> Path | None:
    """The folder with the newest server's programs, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a server on loopback with an empty database; yields its SQLAlchemy URL, and ends it.

    Raises:
        LookupError: no server is installed.
    """
    programs = binaries()
    if programs is None:
        raise LookupError("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    # not in pytest's folder: root alone may enter that, and the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="automl-postgres-"))
    data, port = folder / "data", free_port()
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True, "cwd": folder}
    try:
        subprocess.run([*as_user, programs / "initdb", "-D", data, "-A", "trust", "-U", "airflow", "-N"], **quiet)
        options = (
            f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} "
            "-c max_connections=200 -c fsync=off "
            # what a killed scheduler leaves behind keeps its rows locked no longer (docs/deployment.md)
            f"-c idle_in_transaction_session_timeout={round(stretched(15))}s"
        )
        control = [*as_user, programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
        try:
            create = [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"]
            subprocess.run(create, **quiet)
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


MIGRATED: set[str] = set()
"""URLs of databases that have Airflow's tables already: whoever starts an Airflow on one makes none."""


class Server:
    """One server for all Airflows of a test process: the tables are made once, and copied for each of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._copies = 0

    def database(self, migrate: Callable[[str], None]) -> str:
        """The URL of a database with Airflow's tables in it, and nothing else."""
        if self._url not in MIGRATED:
            migrate(self._url)
            MIGRATED.add(self._url)
        self._copies += 1
        base, _, template = self._url.rpartition("/")
        name = f"{template}_{self._copies}"
        programs, port = binaries(), base.rpartition(":")[2]
        assert programs is not None
        create = [programs / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "airflow", "-T", template, name]
        subprocess.run(create, check=True, capture_output=True)
        MIGRATED.add(f"{base}/{name}")
        return f"{base}/{name}"


_kept: list[Server] = []


@contextlib.contextmanager
def server_kept() -> Iterator[None]:
    """Let each `airflow_database` until the end be of one server, where one is installed."""
    with contextlib.ExitStack() as stack:
        if binaries():
            _kept.append(Server(stack.enter_context(postgres())))
            stack.callback(_kept.clear)
        yield


@contextlib.contextmanager
def airflow_database() -> Iterator[str | None]:
    """A database for an Airflow: PostgreSQL, as users run it, where a server is installed, else None for SQLite.

    SQLite locks up now and then on a busy machine.
    """
    if _kept:
        yield _kept[0].database(_migrate)
        return
    with postgres() if binaries() else contextlib.nullcontext() as url:
        yield url


def _migrate(url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="automl-migrate-") as folder:
        StandaloneAirflow(Path(folder), database=url).migrate()
