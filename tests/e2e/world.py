"""A real Airflow with experiments of a test's own, spoken to over HTTP as a user would."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneAirflow
from automl_core.storage import open_store
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.support.patience import stretched
from tests.support.postgres import MIGRATED

TRAIN = '''
"""Training code of the tests: a value from x, a few steps, and any misbehaviour it is asked for."""
import json, os, pathlib, signal, sys, time

args = dict(a.split("=", 1) for a in sys.argv[1:])
x, steps = float(args.get("x", 0.5)), int(args.get("steps", 3))
pause, mode = float(args.get("pause", 0.05)), args.get("mode", "good")
home = pathlib.Path(args["home"]) if "home" in args else None
if home:
    with (home / "starts.jsonl").open("a") as file:
        row = {"pid": os.getpid(), "trial": os.environ["AUTOML_TRIAL_ID"], "attempt": os.environ["AUTOML_ATTEMPT"]}
        file.write(json.dumps(row) + "\\\\n")
if mode == "fails_once" and os.environ["AUTOML_ATTEMPT"] == "1":
    mode = "fails"
if mode == "fails":
    print("about to fail", flush=True)
    raise SystemExit("ValueError: this combination is bad")
if mode == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)
if mode == "floods":
    line = "x" * 1023 + "\\\\n"
    for _ in range(100 * 1024):  # five times what a log keeps
        sys.stdout.write(line)
if mode == "silent":
    raise SystemExit(0)
if mode == "nan":
    print("accuracy=nan step=0", flush=True)
    time.sleep(3600)
if mode == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if int(os.environ["AUTOML_TRIAL_ID"]) >= int(args.get("held", 1_000_000)):
    patience = time.monotonic() + 1800
    while not (home / "go").exists() and time.monotonic() < patience:
        time.sleep(0.1)
for step in range(steps):
    print(f"accuracy={x * (1 - 0.5 ** (step + 1)):.6f} step={step}", flush=True)
    time.sleep(pause)
model = pathlib.Path(os.environ["AUTOML_MODEL_DIR"])
(model / "model.json").write_text(json.dumps({"x": x}))
'''

READING = {
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
    "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "5",
}
"""How the DAG processor reads. A new file is seen within two seconds, for which every test waits. A changed one is read
as soon as it is seen, so nobody waits for all others to be read anew: each forty seconds, that was a third of an
Airflow's CPU where there were two dozen files. What an edited file refers to no more is inactive soon: in a minute most
tests are over.
"""

OF_THE_WORLD = {"automl_experiments.py"}
"""Files in the DAGs folder that are no module's."""

MISSED_SOON = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
}
"""For who kills workers and schedulers and waits until that is noticed; on a busy machine the living are missed too."""

FOR_TABLES = {"AUTOML_PRELOAD_IDLE": "20", "AUTOML_ENVIRONMENTS": str(PRODUCT_ROOT / ".automl-environments")}
"""For who trains on tables and series: what is kept loaded between attempts ends soon after the last one; what series
are forecast with is made once in this checkout.
"""


def _client() -> httpx.Client:
    """One for all calls: each of `httpx.request` reads all certificates of the world, a twentieth of a second of CPU.

    A connection for each call: one that is kept may be closed by the server just when it is used.
    """
    return httpx.Client(timeout=60, verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class World:
    """One Airflow and the folders around it."""

    root: Path
    airflow: StandaloneAirflow
    _token: str = ""
    _http: httpx.Client = field(default_factory=_client)

    @classmethod
    def make(cls, root: Path, *, database: str | None = None, **environment: str) -> World:
        """Lay out the folders and describe the Airflow; it is started by its owner."""
        dags = root / "dags"
        (root / "experiments").mkdir(parents=True)
        dags.mkdir()
        (dags / "automl_experiments.py").write_text((PRODUCT_ROOT / "dags" / "automl_experiments.py").read_text())
        (dags / "experiments").symlink_to(root / "experiments")
        (root / "train.py").write_text(textwrap.dedent(TRAIN).replace("\\\\n", "\\n"))
        airflow = StandaloneAirflow(
            root / "airflow", dags=dags, automl_home=root, database=database, parallelism=12, port=0,
            extra_env={**READING, **environment},
        )  # fmt: skip
        airflow.patience = stretched(airflow.patience)
        airflow.migrated = database in MIGRATED
        airflow.end_within = 1.0  # nothing of it is looked at afterwards
        return cls(root, airflow)

    # --- experiments ---------------------------------------------------------------------------

    def experiment(self, name: str, **groups: Any) -> str:
        """Write an experiment file; what is not given is small and quick."""
        body: dict[str, Any] = {
            "name": name,
            "output": {"storage": "file://./runs"},
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "random", "seed": 1},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": 4, "concurrency": 2, "retry_delay": "1s"},
            "tasks": [{"name": "train", "command": self.command()}],
        }
        for group, values in groups.items():
            body[group] = {**body[group], **values} if group in ("goal", "output", "search", "trials") else values
        self.write(name, yaml.safe_dump(body, sort_keys=False))
        return name

    def command(self, **arguments: Any) -> list[str]:
        """The command of the tests' training code."""
        given = {"x": "${x}", "home": str(self.root), **arguments}
        return ["python", str(self.root / "train.py"), *(f"{key}={value}" for key, value in given.items())]

    def write(self, name: str, text: str) -> None:
        """Write an experiment file as it is."""
        (self.root / "experiments" / f"{name}.yaml").write_text(text)

    def starts(self) -> list[dict[str, Any]]:
        """Every start of the training code: pid, trial, attempt."""
        path = self.root / "starts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    # --- Airflow's REST API ---------------------------------------------------------------------

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """A call of Airflow's REST API, as the administrator."""
        response = self.raw(method, path, **arguments)
        assert response.status_code < 400, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json() if response.content else None

    def raw(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The same with whatever answer comes; an API server that is busy for a moment is asked again."""
        secret = json.loads(self.airflow.credentials_file.read_text())
        if not self._token:
            login = {"username": secret["username"], "password": secret["password"]}
            answer = self._http.post(f"{secret['url']}/auth/token", json=login)
            self._token = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        for patience in (1, 3, None):
            try:
                answer = self._http.request(method, f"{secret['url']}/api/v2{path}", headers=headers, **arguments)
            except httpx.TransportError:
                if patience is None:
                    raise
            else:
                busy = (
                    answer.status_code == 500 and "Database error" in answer.text
                )  # SQLite is locked: nothing was done
                if not busy or patience is None:
                    return answer
            time.sleep(patience)
        raise AssertionError("unreachable")

    def wait_for_dag(self, name: str, seconds: float = 60) -> None:
        """Wait until an experiment file is a DAG."""
        wait_until(lambda: self.raw("GET", f"/dags/{name}").status_code == 200, seconds, f"{name} to become a DAG")

    def start(self, name: str, conf: dict[str, Any] | None = None) -> str:
        """Trigger a run; returns its id."""
        self.wait_for_dag(name)
        body = {"logical_date": None, "conf": conf or {}}
        return str(self.call("POST", f"/dags/{name}/dagRuns", json=body)["dag_run_id"])

    def state(self, name: str, run: str) -> str:
        """State of a run."""
        return str(self.call("GET", f"/dags/{name}/dagRuns/{run}")["state"])

    def instances(self, name: str, run: str) -> dict[tuple[str, int], dict[str, Any]]:
        """Task instances of a run by task id and map index."""
        rows = self.call("GET", f"/dags/{name}/dagRuns/{run}/taskInstances", params={"limit": 1000})["task_instances"]
        return {(row["task_id"], row["map_index"]): row for row in rows}

    def states(self, name: str, run: str, task: str = "trial") -> Counter[str]:
        """How many instances of a task are in which state."""
        return Counter(str(row["state"]) for (task_id, _), row in self.instances(name, run).items() if task_id == task)

    def log(self, name: str, run: str, task: str, index: int, attempt: int = 1) -> str:
        """The log of a task instance, as the UI shows it."""
        path = f"/dags/{name}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}"
        content = self.call("GET", path, params={"map_index": index, "full_content": "true"})["content"]
        lines = []
        for row in content:
            lines.append(str(row.get("event", row)))
            lines += [str(error.get("exc_value")) for error in row.get("error_detail") or []]
        return "\n".join(lines)

    def finish(self, name: str, run: str, seconds: float = 180) -> str:
        """Wait for the end of a run; returns its state."""
        wait_until(
            lambda: self.state(name, run) in ("success", "failed"), seconds, f"{name} to end",
            explain=lambda: str({key: row["state"] for key, row in self.instances(name, run).items()}),
        )  # fmt: skip
        return self.state(name, run)

    def run(self, name: str, conf: dict[str, Any] | None = None, seconds: float = 180) -> tuple[str, str]:
        """Trigger a run and wait for its end; returns its id and state."""
        run = self.start(name, conf)
        return run, self.finish(name, run, seconds)

    # --- one world for several modules ----------------------------------------------------------

    def clear(self) -> None:
        """Leave the Airflow to the next module: no file is there that it could run, and nothing goes on.

        What has been written and published stays, and so do the records of Airflow: names are a module's own.
        """
        for path in (*(self.root / "experiments").iterdir(), *(self.root / "dags").glob("*.py")):
            if path.name in OF_THE_WORLD:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name in ("starts.jsonl", "go"):
            (self.root / name).unlink(missing_ok=True)
        # the end of what has no file any more comes last: until Airflow sees that, a schedule begins further runs
        wait_until(lambda: not self._dags(), 120, "Airflow to see that no file is left", lambda: str(self._dags()))
        for row in self._going():
            path = f"/dags/{row['dag_id']}/dagRuns/{quote(row['dag_run_id'], safe='')}"
            answer = self.raw("PATCH", path, json={"state": "failed"})
            assert answer.status_code < 500, f"{path}: {answer.status_code} {answer.text[:500]}"
        wait_until(lambda: not self._going(), 60, "every run to end", lambda: str(self._going()))

    def _dags(self) -> list[str]:
        """Names of all DAGs whose file is there, as Airflow knows it."""
        return [row["dag_id"] for row in self.call("GET", "/dags", params={"limit": 100})["dags"]]

    def _going(self) -> list[dict[str, Any]]:
        """The runs that have not ended."""
        states = {"state": ["queued", "running"], "limit": 100}
        return list(self.call("GET", "/dags/~/dagRuns", params=states)["dag_runs"])

    # --- what came of it ------------------------------------------------------------------------

    def folder(self, name: str, run: str) -> Path:
        """The published folder of a run."""
        return self.root / "runs" / experiment_prefix(name, run)

    def controller(self, name: str, run: str) -> dict[str, Any]:
        """The published controller.json."""
        return dict(json.loads((self.folder(name, run) / "controller.json").read_text()))

    def study(self, name: str, run: str) -> Study:
        """The study of a run, read from its journal."""
        return Study.load(StudyJournal(open_store(str(self.root / "runs")), experiment_prefix(name, run)))


def wait_until(
    condition: Callable[[], bool], seconds: float, what: str, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait for a condition; fails with what was waited for."""
    deadline = time.monotonic() + stretched(seconds)
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.5)
    raise AssertionError(f"waited {stretched(seconds):.0f} s for {what}. {explain()}")
