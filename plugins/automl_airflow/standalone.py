"""A whole Airflow on this machine for the demonstration and the end-to-end tests.

Scheduler (with LocalExecutor), API server, triggerer and DAG processor, each a process of its own,
on loopback, with a database of their own and secrets made for it. `airflow standalone` leaves its
children behind when it is ended by SIGTERM, so the components are started one by one.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from automl_airflow.busy import LOCKED, PATIENT
from automl_airflow.component import GO
from automl_airflow.processes import alive, die_with_parent, free_port, port_is_free, start_of
from automl_airflow.session import PRODUCT_ROOT

if TYPE_CHECKING:
    import httpx

COMPONENTS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}

USER = "admin"


class StandaloneError(RuntimeError):
    """Airflow could not be started, or a part of it ended. The message has the log's last lines."""


class StandaloneAirflow:
    """One Airflow in one folder.

    The folder keeps the database, logs, secrets (mode 0600) and the ids of the processes, so that
    another process can find and end it (`running`, `stop`).
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path = PRODUCT_ROOT / "dags",
        automl_home: Path = PRODUCT_ROOT,
        database: str | None = None,
        parallelism: int = 32,
        port: int = 8080,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """Describe it; nothing is started yet.

        Args:
            home: AIRFLOW_HOME.
            dags: the DAGs folder.
            automl_home: folder of relative paths in experiment files.
            database: SQLAlchemy URL; SQLite in ``home`` when left out.
            parallelism: task processes at most.
            port: of the UI and the API; any free one when it is taken, or 0.
            extra_env: further settings.
        """
        self.home = home.resolve()
        self.dags, self.automl_home = dags, automl_home
        self.database = database or f"sqlite:///{self.home / 'airflow.db'}?timeout={LOCKED}"
        self.parallelism = parallelism
        self.port = port
        self.extra_env = dict(extra_env or {})
        self.python = Path(sys.executable)
        """What runs Airflow's components."""
        self.patience = 180.0
        """Seconds within which all of them have to be healthy."""
        self.end_within = 10.0
        """Seconds that `stop` gives everything to end by itself."""
        self.migrated = False
        """Whether the database has Airflow's tables already."""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: set[int] = set()  # process groups; one whose leader was killed may still have members
        self._detached = False

    @property
    def credentials_file(self) -> Path:
        """URL, user and password of the API, for the command line (mode 0600)."""
        return self.home / "credentials.json"

    @property
    def url(self) -> str:
        """Address of the UI and the API."""
        return str(json.loads(self.credentials_file.read_text())["url"])

    def log_file(self, component: str) -> Path:
        """Where a component writes what it prints."""
        return self.home / "logs" / f"{component}.log"

    def start(
        self,
        *,
        detached: bool = False,
        say: Callable[[str], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Start all components and wait until they are healthy.

        The API server takes longest, and nearly all of that is importing: it does so while the database is made.

        Args:
            detached: keep them when this process ends (ended by `stop` then).
            say: told in one line what is done from now on.
            check: called several times a second; what it raises ends the start, and all that was started.

        Raises:
            StandaloneError: a component ended or did not become healthy.
        """
        self._detached = detached
        self._make_folders()
        try:
            say("Airflow: making its database")
            early = self._start_waiting("api-server")
            if not self.migrated:
                self._migrate(check)
            self._let_go("api-server", early)
            for component in COMPONENTS:
                if component not in self._processes:
                    self.start_component(component)
            self._write_processes()
            self._wait_until_healthy(self.patience, say, check)
        except BaseException:
            self.stop()
            raise

    def migrate(self) -> None:
        """Make the database's tables, and start nothing.

        Raises:
            StandaloneError: it could not be done.
        """
        self._make_folders()
        self._migrate()

    def start_component(self, component: str) -> None:
        """Start one of the components."""
        self._let_go(component, self._start_waiting(component))

    def _start_waiting(self, component: str) -> IO[bytes]:
        """Start a component that imports, and goes no further until a word comes on its standard input."""
        stdin = self._spawn(component, "automl_airflow.component", stdin=subprocess.PIPE).stdin
        assert stdin is not None
        return stdin

    def _let_go(self, component: str, stdin: IO[bytes]) -> None:
        try:
            with stdin:
                stdin.write(GO)
        except BrokenPipeError:
            raise self._ended(component) from None

    def _spawn(self, component: str, module: str, stdin: int) -> subprocess.Popen[bytes]:
        log = self.log_file(component).open("ab")
        with log:
            process = subprocess.Popen(
                [self.python, "-m", module, *COMPONENTS[component]],
                env=self.environment(), stdin=stdin, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=self.home,
                preexec_fn=None if self._detached else die_with_parent,
            )  # fmt: skip
        self._processes[component] = process
        self._started.add(process.pid)
        return process

    def check(self) -> None:
        """See that each component which this process has started is still there.

        Raises:
            StandaloneError: one has ended; with the last lines of its log.
        """
        for component, process in self._processes.items():
            if process.poll() is not None:
                raise StandaloneError(f"airflow {component} has ended:\n{self.last_lines(component)}")

    def pid(self, component: str) -> int:
        """Process id of a component."""
        return self._processes[component].pid

    def kill_component(self, component: str, sig: int = signal.SIGKILL) -> None:
        """End a component as a crash would, and then what it started, as a container or systemd does after a crash.

        A scheduler's forked workers share its database session: left alone, they keep it open, idle in a transaction
        whose rows no new scheduler can lock (docs/deployment.md).
        """
        process = self._processes[component]
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, sig)
        process.wait(30)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(self, patience: float | None = None) -> None:
        """End everything that this Airflow started, on a polite signal first. Safe to call twice.

        Args:
            patience: seconds after that signal, before what is left is killed; `end_within` when left out.
        """
        groups = self._groups()
        for sig, most in ((signal.SIGTERM, self.end_within if patience is None else patience), (signal.SIGKILL, 5.0)):
            for group in groups:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, sig)
            deadline = time.monotonic() + most
            while time.monotonic() < deadline and any(alive(group) for group in groups):
                for process in self._processes.values():
                    process.poll()
                time.sleep(0.1)
        self._processes.clear()
        self._started.clear()
        self._process_file.unlink(missing_ok=True)

    def running(self) -> bool:
        """Whether the components recorded in the folder are all alive."""
        groups = self._groups()
        return len(groups) == len(COMPONENTS) and all(alive(group) for group in groups)

    def environment(self) -> dict[str, str]:
        """The environment of the components (with secrets: never printed)."""
        # without bytecode each process compiles the whole of Airflow anew: some ten seconds of CPU a start
        dropped = ("PYTHONDONTWRITEBYTECODE",)
        env = {n: v for n, v in os.environ.items() if not n.startswith("AIRFLOW__") and n not in dropped}
        secret = json.loads((self.home / "secrets.json").read_text())
        port = secret["port"]
        root = str(PRODUCT_ROOT)
        settings = {
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__PLUGINS_FOLDER": f"{root}/plugins",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(self.parallelism),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__FERNET_KEY": secret["fernet"],
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "DATABASE__SQL_ALCHEMY_CONN": self.database,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__BASE_URL": f"http://127.0.0.1:{port}",
            "API__WORKERS": "1",
            "AUTOML__EXPERIMENTS_FOLDER": str(self.dags / "experiments"),  # where the web view saves new files
            "AUTOML__TRY_IN_WEB": "True",  # it listens on loopback alone, and its trials run on this machine anyhow
            "API__SECRET_KEY": secret["key"],
            "API_AUTH__JWT_SECRET": secret["jwt"],
            # a worker keeps its place for a whole interval after its task has ended, and a short deferral may
            # be marked failed meanwhile (apache/airflow#68741)
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            **PATIENT,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
            "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
        }
        env |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
        env |= {
            "AIRFLOW_HOME": str(self.home),
            "AUTOML_HOME": str(self.automl_home),
            "PYTHONPATH": os.pathsep.join(p for p in (root, f"{root}/plugins", os.environ.get("PYTHONPATH")) if p),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "PATH": os.pathsep.join((str(self.python.parent), os.environ.get("PATH", os.defpath))),
        }
        return env | self.extra_env

    def last_lines(self, component: str, count: int = 25) -> str:
        """The end of a component's log."""
        try:
            return "\n".join(self.log_file(component).read_text(errors="replace").splitlines()[-count:])
        except FileNotFoundError:
            return ""

    def _accepts_login(self, http: httpx.Client) -> bool:
        """Whether it is this Airflow that answers on the port, and not another one that was faster."""
        secret = json.loads(self.credentials_file.read_text())
        body = {"username": secret["username"], "password": secret["password"]}
        return http.post(f"{secret['url']}/auth/token", json=body, timeout=30).is_success

    @property
    def _process_file(self) -> Path:
        return self.home / "processes.json"

    def _groups(self) -> list[int]:
        recorded: dict[str, list[int]] = {}
        with contextlib.suppress(FileNotFoundError, ValueError):
            recorded = json.loads(self._process_file.read_text())
        ours = {pid for pid, started in recorded.values() if start_of(pid) == started}
        return sorted(ours | self._started)

    def _write_processes(self) -> None:
        recorded = {name: [process.pid, start_of(process.pid)] for name, process in self._processes.items()}
        self._process_file.write_text(json.dumps(recorded))

    def _write_secrets(self) -> None:
        path = self.home / "secrets.json"
        if path.exists():
            secret = json.loads(path.read_text())
        else:
            from cryptography.fernet import Fernet

            secret = {
                "fernet": Fernet.generate_key().decode(), "key": secrets.token_urlsafe(32),
                "jwt": secrets.token_urlsafe(48), "password": secrets.token_urlsafe(12), "port": 0,
            }  # fmt: skip
        if not port_is_free(int(secret["port"])):
            secret["port"] = self.port if port_is_free(self.port) else free_port()
        _write_private(path, secret)
        _write_private(self.home / "passwords.json", {USER: secret["password"]})
        url = f"http://127.0.0.1:{secret['port']}"
        _write_private(self.credentials_file, {"url": url, "username": USER, "password": secret["password"]})

    def _make_folders(self) -> None:
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self._write_secrets()

    def _migrate(self, check: Callable[[], None] = lambda: None) -> None:
        environment = self.environment()
        # it thinks between two statements of one transaction, on a busy machine for longer than a database may allow
        environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c idle_in_transaction_session_timeout=0"
        with (self.home / "logs" / "db-migrate.log").open("w+b") as log:
            process = subprocess.Popen(
                [self.python, "-m", "airflow", "db", "migrate"], env=environment, cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
            self._started.add(process.pid)
            while (code := process.poll()) is None:
                check()
                time.sleep(0.1)
            self._started.discard(process.pid)
        if code != 0:
            raise StandaloneError(f"airflow db migrate failed:\n{self.last_lines('db-migrate', 40)}")

    def _wait_until_healthy(self, timeout: float, say: Callable[[str], None], check: Callable[[], None]) -> None:
        import httpx

        deadline, last, told = time.monotonic() + timeout, "no answer", ""
        # one client: each reads all certificates, and doing so for each look took CPU from what is waited for
        with httpx.Client(timeout=30) as http:
            while time.monotonic() < deadline:
                check()
                for component, process in self._processes.items():
                    if process.poll() is not None:
                        raise self._ended(component)
                waited_for = "API server"
                with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                    health = http.get(f"{self.url}/api/v2/monitor/health").json()
                    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
                    sick = [part for part in parts if health[part]["status"] != "healthy"]
                    if not sick and self._accepts_login(http):
                        return
                    last = f"not healthy yet: {', '.join(sick)}"
                    waited_for = ", ".join(sick).replace("_", " ") or "API server"
                if waited_for != told:
                    told = waited_for
                    say(f"Airflow: starting, waiting for: {waited_for}")
                time.sleep(0.3)
        raise StandaloneError(
            f"Airflow did not become healthy in {timeout:.0f} s ({last}); logs in {self.home / 'logs'}"
        )

    def _ended(self, component: str) -> StandaloneError:
        return StandaloneError(f"airflow {component} ended at once:\n{self.last_lines(component)}")


@contextlib.contextmanager
def running_airflow(airflow: StandaloneAirflow) -> Iterator[StandaloneAirflow]:
    """An Airflow that is up inside the block, and gone after it."""
    airflow.start()
    try:
        yield airflow
    finally:
        airflow.stop()


def _write_private(path: Path, content: object) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
