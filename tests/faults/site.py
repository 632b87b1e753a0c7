"""A real Airflow on PostgreSQL with one experiment under way, and what is done to it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from automl_airflow.standalone import running_airflow
from automl_core.study import Study
from automl_core.study.state import State
from tests.e2e.cluster import TestCluster, prepare, some_cluster
from tests.e2e.cluster import environment as of_cluster
from tests.e2e.world import MISSED_SOON, World, wait_until
from tests.faults.bucket import BUCKET, Bucket
from tests.faults.database import Database
from tests.faults.ends import hidden_ends
from tests.support.patience import stretched
from tests.support.postgres import binaries, postgres

CONNECTION = "bucket"
TRIALS = 6
PLACES = 2
"""Trials at once; the file has room for one more, so that a slot waits in the triggerer while those train for long."""

RESTART = 1.0
"""Seconds after which a service manager starts again what has died."""

AWAY = 180.0
"""Seconds that an API server may take to come back: at a load of 38 on two cores its start took over four minutes."""

PATIENCE = AWAY + 120.0
"""Seconds that an experiment of half a minute may take, with its fault."""


class FaultWorld(World):
    """A world whose API server may be away: it is asked again until it is back."""

    @classmethod
    def make(cls, root: Path, *, database: str | None = None, **environment: str) -> World:
        """See `World.make`; who is killed is missed soon.

        The tables are made first: `airflow db migrate` stands in a transaction while it imports, on a busy machine for
        longer than the limit of `Database.limit_idle`.
        """
        made = super().make(root, database=database, **{**MISSED_SOON, **environment})
        if database is not None:
            made.airflow.migrate()
            made.airflow.migrated = True
            Database(database).limit_idle()
        return made

    def raw(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """See `World.raw`."""
        deadline = time.monotonic() + stretched(AWAY)
        while True:
            try:
                answer = super().raw(method, path, **arguments)
            except (httpx.TransportError, KeyError, ValueError):  # no answer, or none to the login
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.status_code < 500 or time.monotonic() > deadline:
                    return answer
            time.sleep(1)


@dataclass
class Site:
    """One Airflow with what its experiments need; serves the cases of a module, one after the other."""

    world: FaultWorld
    database: Database
    bucket: Bucket | None = None
    cluster: TestCluster | None = None
    keys: int = 1
    undisturbed: float = 0.0
    """Seconds that a run takes without a fault."""
    killed: list[int] = field(default_factory=list)
    """Process groups of which nothing may be left."""

    def write(self, name: str, held: int = TRIALS) -> None:
        """The experiment file of a case.

        Args:
            name: of the experiment.
            held: the first trial, of local ones, that trains no further until `Running.let_go`.
        """
        world, grid = self.world, [round(0.15 * (1 + number), 2) for number in range(TRIALS)]
        if self.cluster is not None:
            task = self.cluster.task(world, arguments={"steps": 8, "pause": 0.4})
            output = {}
        else:
            home = world.root / "cases" / name
            home.mkdir(parents=True)
            task = {"name": "train", "grace": "1s", "command": world.command(home=home, steps=4, pause=0.8, held=held)}
            output = {"storage": f"s3://{BUCKET}/runs", "connection": CONNECTION}
        world.experiment(
            name, tasks=[task], output=output, search={"algorithm": "grid"},
            space={"x": {"type": "choice", "values": grid}},
            trials={"max": TRIALS, "concurrency": PLACES + 1, "retries": 0},
        )  # fmt: skip

    def start(self, name: str, held: int = TRIALS) -> Running:
        """Start the run of a case (see `write`)."""
        self.write(name, held)
        return Running(self, name, self.world.start(name, {"concurrency": PLACES}))

    # --- what is done to it -------------------------------------------------------------------

    def restart(self, component: str) -> None:
        """Kill a part of Airflow with all that it started, and start it again, as a service manager would."""
        self.killed.append(self.world.airflow.pid(component))
        if component == "scheduler":
            self.catch_in_transaction(self.killed[-1])
        self.world.airflow.kill_component(component)
        time.sleep(RESTART)
        self.world.airflow.start_component(component)

    def catch_in_transaction(self, pid: int) -> None:
        """Stop a process at the worst moment, while it has a transaction open whose rows are locked."""
        process = psutil.Process(pid)
        for _ in range(100):
            process.suspend()
            ports = {found.laddr.port for found in process.net_connections("tcp")}
            time.sleep(0.1)  # what it had sent is done by then
            if self.database.in_transaction(ports):
                return
            process.resume()
            time.sleep(0.03)
        raise AssertionError("the scheduler never had a transaction open")

    def orphan_scheduler(self) -> None:
        """Kill the scheduler alone (systemd with KillMode=process): its workers live on, with its session."""
        pid = self.world.airflow.pid("scheduler")
        self.catch_in_transaction(pid)
        os.kill(pid, signal.SIGKILL)
        time.sleep(RESTART)
        self.world.airflow.start_component("scheduler")

    def starve(self, component: str, seconds: float = 25) -> None:
        """Let a part of Airflow stand still, as on a machine that others use.

        A scheduler whose heartbeat is older than `MISSED_SOON` says when it looks for orphans takes itself for dead,
        and the tasks of its own workers, which have gone on meanwhile, for orphans.
        """
        process = psutil.Process(self.world.airflow.pid(component))
        process.suspend()
        try:
            time.sleep(seconds)
        finally:
            process.resume()

    def kill_bucket(self, seconds: float = 15) -> None:
        """Kill the store and start it again after a while."""
        assert self.bucket is not None
        self.bucket.kill()
        time.sleep(seconds)
        self.bucket.start()

    def hang_bucket(self, seconds: float = 40) -> None:
        """Let the store accept and never answer, for longer than a client's time-out (30 s)."""
        assert self.bucket is not None
        self.bucket.hang()
        time.sleep(seconds)
        self.bucket.go_on()

    def rotate_keys(self, seconds: float = 60) -> None:
        """Withdraw the store's key, and only after a while write the new one into Airflow's connection."""
        assert self.bucket is not None
        self.keys += 1
        self.bucket.allow(f"key{self.keys}")
        time.sleep(seconds)
        self.connect()

    def connect(self) -> None:
        """Write the bucket's connection with the newest key."""
        assert self.bucket is not None
        body = {
            "connection_id": CONNECTION, "conn_type": "aws", "login": f"key{self.keys}", "password": "secret",
            "extra": f'{{"endpoint_url": "{self.bucket.endpoint}"}}',
        }  # fmt: skip
        if self.world.raw("GET", f"/connections/{CONNECTION}").status_code == 404:
            self.world.call("POST", "/connections", json=body)
        else:
            self.world.call("PATCH", f"/connections/{CONNECTION}", json=body)


@dataclass
class Running:
    """One run, seen through its journal: past the store's server, which may be away."""

    site: Site
    name: str
    run: str
    began: float = field(default_factory=time.time)
    idle: float = 0.0
    """Seconds for which a session was seen idle in a transaction, at most."""
    _study: Study | None = None

    @property
    def state(self) -> State:
        """As the journal has it now."""
        if self._study is None:
            try:
                self._study = self.site.world.study(self.name, self.run)
            except LookupError:
                return State()
        return self._study.refresh()

    def wait_for(self, moment: Callable[[Running], bool], what: str) -> None:
        """Wait for a moment, looking often: it may be short.

        Raises:
            AssertionError: the run ended before it came, or it never came.
        """
        deadline = time.monotonic() + stretched(PATIENCE)
        look = time.monotonic() + 5
        while not moment(self):
            assert time.monotonic() < deadline, f"{self.name}: never {what}"
            if time.monotonic() > look:
                look = time.monotonic() + 5
                assert self.site.world.state(self.name, self.run) in ("queued", "running"), f"it ended before {what}"
            time.sleep(0.05)

    def let_go(self) -> None:
        """Have the trials that are held train on."""
        if self.site.cluster is None:
            (self.site.world.root / "cases" / self.name / "go").touch()

    def waiting(self) -> int:
        """How many of its slots wait in the triggerer."""
        return self.site.world.states(self.name, self.run)["deferred"]

    def finish(self) -> None:
        """Wait for its end, watching the database meanwhile."""

        def over() -> bool:
            self.idle = max(self.idle, self.site.database.longest_idle())
            return self.site.world.state(self.name, self.run) in ("success", "failed")

        wait_until(over, PATIENCE, f"{self.name} to end", self._standing)

    def _standing(self) -> str:
        """Where its tasks stand, and which of them do because Airflow has lost the end of their last try."""
        rows = self.site.world.instances(self.name, self.run)
        hidden = hidden_ends(self.site.world.airflow.log_file("scheduler").read_text(errors="replace"), self.name)
        lost = [key for key, row in rows.items() if row["state"] == "queued" and (*key, row["try_number"]) in hidden]
        told = f"; Airflow took the end of an earlier try for that of: {lost} (see tests.faults.ends)" if lost else ""
        return str({key: row["state"] for key, row in rows.items()}) + told

    def kill_worker(self) -> bool:
        """Kill the process of one of its tasks and the worker above it; False where none runs just now."""
        scheduler = self.site.world.airflow.pid("scheduler")
        for pid in self._tasks():
            above = ancestors(pid)
            if scheduler not in above:
                continue
            for doomed in (pid, *above[: above.index(scheduler)]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(doomed, signal.SIGKILL)
            return True
        return False

    def _tasks(self) -> list[int]:
        """Process ids of its running tasks: of trials as the journal has them, of the reducer as Airflow does."""
        state = self.state
        if state.works and all(work.state.ended for work in state.works.values()) and len(state.works) == TRIALS:
            rows = self.site.world.instances(self.name, self.run)
            return [row["pid"] for (task, _), row in rows.items() if task == "reduce" and row["state"] == "running"]
        attempts = [work.attempts[-1] for work in state.running]
        return [int(attempt.worker.rpartition(":")[2]) for attempt in reversed(attempts) if not attempt.external]


def ancestors(pid: int) -> list[int]:
    """A process's parent, its parent, and so on; empty where it is gone."""
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


@contextlib.contextmanager
def site_of(root: Path, *, pods: bool, **environment: str) -> Iterator[Site]:
    """An Airflow for cases of local trials with a bucket, or of pods on the stand-in with a folder.

    Args:
        root: folder for all of it.
        pods: whether its trials are pods.
        environment: settings of this Airflow that are other than those of `FaultWorld`.
    """
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        database = Database(url)
        cluster = stack.enter_context(some_cluster()) if pods else None
        more = of_cluster(cluster) if cluster is not None else {}
        world = FaultWorld.make(root, database=url, **{**more, **environment})
        assert isinstance(world, FaultWorld)
        site = Site(world, database, cluster=cluster)
        if cluster is not None:
            prepare(world)
        else:
            site.bucket = Bucket(root / "bucket")
            (site.bucket.folder / "runs").mkdir()
            (root / "runs").symlink_to(site.bucket.folder / "runs")
            site.bucket.allow("key1")
            site.bucket.start()
            stack.callback(site.bucket.stop)
        stack.enter_context(running_airflow(world.airflow))
        if site.bucket is not None:
            site.connect()
        yield site
