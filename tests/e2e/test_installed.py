"""docs/deployment.md, walked: into an Airflow that a team has, from a package, without this checkout.

A plain virtual environment with Airflow, PostgreSQL, a bucket, and a git repository as the DAG bundle, with an
experiment file and its training code. Then `pip install`, a run by REST, and its published result.

`INSTALLED_AIRFLOW=3.3.0 make e2e ARGS=tests/e2e/test_installed.py` walks it with another release of Airflow than the
pinned one: the support matrix of docs/deployment.md was found so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from automl_airflow.standalone import StandaloneAirflow, running_airflow
from tests.e2e.world import World, wait_until
from tests.sources import ROOT
from tests.support.patience import stretched
from tests.support.postgres import binaries, postgres

pytestmark = [
    pytest.mark.timeout(420),
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server is installed (apt-get install postgresql)"),
]

OTHER_AIRFLOW = os.environ.get("INSTALLED_AIRFLOW")

KEYS = {"aws_access_key_id": "team", "aws_secret_access_key": "not a secret", "region_name": "us-east-1"}

EXPERIMENT = """
name: team_gb
output: {storage: "s3://team-models/automl", connection: team_s3}
goal: {metric: accuracy, direction: maximize}
search: {algorithm: random, seed: 3}
space:
  x: {type: uniform, low: 0, high: 1}
trials: {max: 3, concurrency: 1}
tasks:
  - name: train
    command: [python, train_gb.py, --x, "${x}"]
    cwd: bundle
"""

TRAIN = """
import argparse, json, os, pathlib, helper
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
x = parser.parse_args().x
for epoch in range(3):
    print(f"accuracy={x * (epoch + 1) / 3:.6f} epoch={epoch}", flush=True)
model = {"x": x, "code": helper.VERSION, "product": "automl_core" in str(os.environ.get("PYTHONPATH"))}
(pathlib.Path(os.environ["AUTOML_MODEL_DIR"]) / "model.json").write_text(json.dumps(model))
"""


class Team:
    """A team's folder: its Airflow's environment, its git repository."""

    def __init__(self, root: Path) -> None:
        self.root, self.repository, self.venv = root, root / "repository", root / "venv"
        self.python = self.venv / "bin" / "python"

    def commit(self, files: Mapping[str, str]) -> None:
        """Write files into the repository and commit them."""
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        who = ["-c", "user.name=team", "-c", "user.email=team@example.com"]
        for line in (["add", "--all"], ["commit", "--quiet", "--message", "work"]):
            subprocess.run(["git", *who, *line], cwd=self.repository, env=clean(), check=True)

    def install(self, *what: str) -> None:
        """`pip install`, with the packages that this checkout's environment was made from where they are at hand."""
        pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
        if OTHER_AIRFLOW:
            pins = [f"apache-airflow=={OTHER_AIRFLOW}"]  # its packages ask for other releases of much else
        constraints = self.root / "constraints.txt"
        constraints.write_text("\n".join(pins))
        command = [uv(), "pip", "install", "--quiet", "--python", str(self.python), "--constraint", str(constraints)]
        command += what
        for offline in (["--offline"], []):
            done = subprocess.run([*command, *offline], env=clean(), capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
        raise AssertionError(done.stderr)

    def airflow(self, *arguments: str, **more: str) -> str:
        """A command of the team's Airflow."""
        command = [self.python, "-m", "airflow", *arguments]
        done = subprocess.run(
            command,
            env=clean() | more,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=stretched(180),
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


class InstalledAirflow(StandaloneAirflow):
    """An Airflow of another environment, configured as docs/deployment.md says, and by nothing of this checkout's."""

    def environment(self) -> dict[str, str]:
        env = super().environment()
        ours = ("AIRFLOW__CORE__PLUGINS_FOLDER", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__AUTOML__EXPERIMENTS_FOLDER")
        for name in (*ours, "PYTHONPATH", "AUTOML_HOME", "VIRTUAL_ENV"):
            env.pop(name, None)
        env["PATH"] = os.pathsep.join(p for p in env["PATH"].split(os.pathsep) if not p.startswith(str(ROOT)))
        return env


def clean() -> dict[str, str]:
    """This process's environment without what leads back to the checkout."""
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in dropped and "AUTOML" not in name}


def uv() -> str:
    return str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A plain Airflow with a git bundle, before anything of ours."""
    made = Team(tmp_path_factory.mktemp("team"))
    subprocess.run([uv(), "venv", "--quiet", "--python", sys.executable, made.venv], env=clean(), check=True)
    made.install("apache-airflow", "apache-airflow-providers-git", "psycopg2-binary", "asyncpg")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", made.repository], check=True)
    code = {"train_gb.py": TRAIN, "helper.py": "VERSION = 1"}
    made.commit({"experiments/team_gb.yaml": EXPERIMENT, **code})
    return made


@pytest.fixture(scope="module")
def package(team: Team) -> str:
    """Both packages, installed as docs/deployment.md says. Returns the Airflow's version."""
    version = team.airflow("version").strip().splitlines()[-1]
    for project in (ROOT, ROOT / "plugins"):
        build = [uv(), "build", "--quiet", "--wheel", "--out-dir", str(team.root / "dist"), str(project)]
        for offline in (["--offline"], []):
            if subprocess.run([*build, *offline], env=clean(), capture_output=True, check=False).returncode == 0:
                break
    wheels = [str(path) for path in (team.root / "dist").glob("*.whl")]
    assert len(wheels) == 2
    team.install(*wheels, f"apache-airflow=={version}")
    assert team.airflow("version").strip().splitlines()[-1] == version, "what the team had stays"
    return version


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The team's bucket. Yields the server's address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        boto3.client("s3", endpoint_url=f"http://{host}:{port}", **KEYS).create_bucket(Bucket="team-models")
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def world(team: Team, package: str, bucket: str) -> Iterator[World]:
    """The team's Airflow, up."""
    bundles = [
        {
            "name": "team",
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {"repo_url": str(team.repository), "tracking_ref": "main", "refresh_interval": 5},
        }
    ]
    connection = {
        "conn_type": "aws", "login": KEYS["aws_access_key_id"], "password": KEYS["aws_secret_access_key"],
        "extra": {"endpoint_url": bucket, "region_name": KEYS["region_name"]},
    }  # fmt: skip
    settings = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(team.root / "bundles"),  # else one below /tmp for all
        "AIRFLOW_CONN_TEAM_S3": json.dumps(connection),
    }
    with postgres() as database:
        airflow = InstalledAirflow(
            team.root / "airflow", database=database, parallelism=8, port=0, extra_env=settings
        )  # fmt: skip
        airflow.python, airflow.patience = team.python, stretched(airflow.patience)
        with running_airflow(airflow):
            yield World(team.root, airflow)


def test_the_package_brings_all_and_nothing_of_the_checkout_is_needed(team: Team, package: str) -> None:
    program = (
        "import automl_core, automl_airflow, pathlib, sys\n"
        "from automl_airflow.web import app\n"
        "static = pathlib.Path(app.__file__).parent / 'static'\n"
        "print(automl_core.__file__, automl_airflow.__file__, *sys.path, sep='\\n')\n"
        "assert (static / 'index.html').is_file() and (static / 'vendor' / 'echarts.js').is_file()\n"
    )
    command = [team.python, "-c", program]
    done = subprocess.run(command, env=clean(), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout.replace(str(team.venv), "")


def test_airflow_lists_the_plugin(team: Team, package: str) -> None:
    home = {"AIRFLOW_HOME": str(team.root / "plain"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    listed = json.loads(team.airflow("plugins", "--output", "json", **home))
    (ours,) = [each for each in listed if each["name"] == "automl"]
    assert "airflow-automl==" in ours["source"], "by its entry point"


def test_a_first_experiment_from_the_teams_repository_to_its_published_result(
    world: World, team: Team, bucket: str
) -> None:
    world.wait_for_dag("team_gb", 120)
    run = world.start("team_gb")
    wait_until(lambda: world.states("team_gb", run)["success"] > 0, 180, "the first trial's end",
               lambda: str({k: v["state"] for k, v in world.instances("team_gb", run).items()}))  # fmt: skip
    team.commit({"helper.py": "VERSION = 2", "train_gb.py": "raise SystemExit('of another version')"})
    state = world.finish("team_gb", run, 180)
    assert state == "success", world.log("team_gb", run, "trial", 1)

    published = read(bucket, f"automl/team_gb/{folder_of(bucket)}/controller.json")
    assert published["experiment"]["state"] == "FINISHED"
    assert [trial["state"] for trial in published["trials"]] == ["SUCCEEDED"] * 3, "each with the code of its version"
    best = max(published["trials"], key=lambda trial: trial["value"])
    model = read(bucket, f"automl/team_gb/{folder_of(bucket)}/best_model/model/model.json")
    assert model == {"x": best["params"]["x"], "code": 1, "product": False}
    row = world.call("GET", f"/dags/team_gb/dagRuns/{run}")
    assert row["bundle_version"], "Airflow holds the run to a commit"


def test_the_pages_are_served(world: World) -> None:
    world.wait_for_dag("team_gb", 120)
    pages = world.airflow.url
    headers = {"Authorization": f"Bearer {world._token}"}
    for path in ("/automl/", "/automl/static/js/main.js", "/automl/api/v1/experiments"):
        answer = httpx.get(f"{pages}{path}", headers=headers, timeout=60, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"


def folder_of(bucket: str) -> str:
    """The one run's folder in the bucket."""
    client = boto3.client("s3", endpoint_url=bucket, **KEYS)
    found = client.list_objects_v2(Bucket="team-models", Prefix="automl/team_gb/", Delimiter="/")["CommonPrefixes"]
    (only,) = [each["Prefix"].removeprefix("automl/team_gb/").rstrip("/") for each in found]
    return str(only)


def read(bucket: str, key: str) -> Any:
    """A JSON object of the bucket."""
    client = boto3.client("s3", endpoint_url=bucket, **KEYS)
    return json.loads(client.get_object(Bucket="team-models", Key=key)["Body"].read())
