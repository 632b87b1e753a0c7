"""A closed deployment on a real Airflow: what is refused, what trains behind its fence, what leaves with a record."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from kubernetes import client, config

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import running_airflow
from tests.e2e.cluster import TestCluster, environment, prepare
from tests.e2e.world import World, wait_until
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.postgres import airflow_database

pytestmark = pytest.mark.timeout(420)

LOOK = (
    "import socket, sys\n"
    "for port in sys.argv[2:]:\n"
    "    try:\n"
    "        socket.create_connection(('127.0.0.1', int(port)), 2).close(); print('reached', port)\n"
    "    except OSError:\n"
    "        print('not', port)\n"
    "print(f'accuracy={sys.argv[1]} step=1')\n"
)


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """Servers of this machine: one that closed pods may reach, one that they may not."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        for server in (one, two):
            threading.Thread(target=_accept, args=(server,), daemon=True).start()
        yield one.getsockname()[1], two.getsockname()[1]


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with KubernetesStandIn() as standin:
        yield TestCluster(standin.kubeconfig, "python:3.11-slim", "default", standin)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, cluster: TestCluster, ports: tuple[int, int]) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    lists = {
        "CLOSED": "True", "CLOSED_STORES": f"file://{root}/runs", "CLOSED_IMAGES": "python",
        "CLOSED_NETWORK": f"127.0.0.1/32:{ports[0]}", "CLOSED_REACHABLE": f"127.0.0.1:{ports[0]}",
        "CLOSED_FORBIDDEN": f"127.0.0.1:{ports[1]}",
    }  # fmt: skip
    settings = {f"AIRFLOW__AUTOML__{option}": value for option, value in lists.items()}
    with airflow_database() as database:
        made = World.make(root, database=database, **environment(cluster), **settings)
        prepare(made)
        with running_airflow(made.airflow):
            yield made


def test_a_closed_deployment_from_its_refusals_to_its_records(
    world: World, cluster: TestCluster, ports: tuple[int, int]
) -> None:
    (world.root / "look.py").write_text(LOOK)
    task = cluster.task(
        world, files={"/automl/code/look.py": "look.py"},
        command=["python3", "/automl/code/look.py", "${x}", *map(str, ports)],
    )  # fmt: skip
    world.experiment("fenced", tasks=[task], trials={"max": 2, "concurrency": 2})
    world.experiment("local")
    world.experiment("elsewhere", tasks=[{**task, "image": "evil.org/train:1"}])

    run, state = world.run("fenced", seconds=240)
    assert state == "success"
    study = world.study("fenced", run)
    assert study.experiment.closed
    (note,) = [act.text for act in study.state.acts if act.act == "closed"]
    assert f"forbidden and not reached: 127.0.0.1 {ports[1]}" in note
    assert f"reached {ports[0]}\nnot {ports[1]}\n" in (world.folder("fenced", run) / "experiment_0/log.txt").read_text()
    network = client.NetworkingV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
    wait_until(lambda: not network.list_namespaced_network_policy("default").items, 30, "the policy to go")
    assert cluster.pods("fenced") == []

    def errors() -> str:
        return json.dumps(world.call("GET", "/importErrors")["import_errors"])

    wait_until(lambda: "local training" in errors() and "evil.org/train" in errors(), 90, "import errors", errors)
    assert world.raw("GET", "/dags/local").status_code == 404

    answer = downloaded(world, f"/experiments/fenced/runs/{run}/results/controller.json")
    assert answer.status_code == 200
    program = "import sys; from automl_core.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "audit", str(world.root / "runs"), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PRODUCT_ROOT)
    assert told.returncode == 0, told.stderr
    (record,) = json.loads(told.stdout)["records"]
    assert (record["what"], record["run"], record["files"]) == ("download", run, ["controller.json"])
    events = world.call("GET", "/eventLogs", params={"event": "automl_download"})["event_logs"]
    assert record["record"] in str(events[0]["extra"])


def downloaded(world: World, path: str) -> httpx.Response:
    """What the web view's API answers the administrator."""
    secret = json.loads(world.airflow.credentials_file.read_text())
    login = {"username": secret["username"], "password": secret["password"]}
    token = httpx.post(f"{secret['url']}/auth/token", json=login, timeout=60).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{secret['url']}/automl/api/v1{path}", headers=headers, timeout=60)
