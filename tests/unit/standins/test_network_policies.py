"""The stand-in's network policies: what the API server takes, and what pods reach under them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched

PROGRAM = """
import json, socket, sys
said = {}
for port in sys.argv[2:]:
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2).close()
        said[port] = "reached"
    except OSError as error:
        said[port] = error.strerror
open(sys.argv[1], "w").write(json.dumps(said))
"""


@contextmanager
def listening() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn() as made:
        yield made


def policy(port: int, **spec: Any) -> dict[str, Any]:
    egress = [{"to": [{"ipBlock": {"cidr": "127.0.0.1/32"}}], "ports": [{"protocol": "TCP", "port": port}]}]
    return {"metadata": {"name": "p"}, "spec": {"podSelector": {"matchLabels": {"fenced": "yes"}},
            "policyTypes": ["Ingress", "Egress"], "egress": egress, **spec}}  # fmt: skip


def tried(standin: KubernetesStandIn, name: str, labels: dict[str, str], *ports: int) -> dict[str, str]:
    core = client.CoreV1Api(config.new_client_from_config(str(standin.kubeconfig)))
    words = ["python3", "-c", PROGRAM, "/dev/termination-log", *map(str, ports)]
    container = {"name": "a", "image": "python:3.12", "command": words}
    core.create_namespaced_pod(
        "default",
        {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container], "restartPolicy": "Never"}},
    )
    until = time.monotonic() + stretched(20)
    while time.monotonic() < until:
        found = core.read_namespaced_pod(name, "default")
        if found.status.phase in ("Succeeded", "Failed"):
            return dict(json.loads(found.status.container_statuses[0].state.terminated.message))
        time.sleep(0.05)
    raise AssertionError(f"the pod {name} has not ended")


def test_a_pod_reaches_what_its_policy_allows_and_nothing_else(standin: KubernetesStandIn) -> None:
    net = client.NetworkingV1Api(config.new_client_from_config(str(standin.kubeconfig)))
    with listening() as allowed, listening() as other:
        net.create_namespaced_network_policy("default", policy(allowed))
        try:
            assert tried(standin, "in", {"fenced": "yes"}, allowed, other) == {
                str(allowed): "reached", str(other): "No route to host",
            }  # fmt: skip
            assert tried(standin, "out", {"fenced": "no"}, allowed, other) == {
                str(allowed): "reached", str(other): "reached",
            }  # fmt: skip
            more = policy(other)
            more["metadata"]["name"] = "q"
            net.create_namespaced_network_policy("default", more)  # policies add up
            assert set(tried(standin, "both", {"fenced": "yes"}, allowed, other).values()) == {"reached"}
        finally:
            net.delete_collection_namespaced_network_policy("default")


def test_a_cluster_whose_plugin_knows_no_policies_takes_them_all_the_same() -> None:
    with KubernetesStandIn(unfenced=True) as standin, listening() as allowed, listening() as other:
        net = client.NetworkingV1Api(config.new_client_from_config(str(standin.kubeconfig)))
        net.create_namespaced_network_policy("default", policy(allowed))
        assert set(tried(standin, "in", {"fenced": "yes"}, allowed, other).values()) == {"reached"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}, {}]}]}, "must specify a peer"),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "x"}}]}]}, "must be a valid CIDR value"),
        (
            {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
            "may not specify both ipBlock",
        ),
        ({"egress": [{"ports": [{"port": 443, "endPort": 400}]}]}, "must be greater than or equal to `port`"),
        ({"policyTypes": ["egress"]}, "Unsupported value"),
    ],
)
def test_what_the_api_server_refuses(standin: KubernetesStandIn, spec: dict[str, Any], said: str) -> None:
    net = client.NetworkingV1Api(config.new_client_from_config(str(standin.kubeconfig)))
    with pytest.raises(ApiException) as caught:
        net.create_namespaced_network_policy("default", policy(1, **spec))
    assert caught.value.status == 422
    assert said in caught.value.body


def test_defaults_are_those_of_a_cluster(standin: KubernetesStandIn) -> None:
    net = client.NetworkingV1Api(config.new_client_from_config(str(standin.kubeconfig)))
    body = {"metadata": {"name": "d"}, "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 443}]}]}}
    made = net.create_namespaced_network_policy("default", body)
    net.delete_namespaced_network_policy("d", "default")
    assert made.spec.policy_types == ["Ingress", "Egress"]
    assert made.spec.egress[0].ports[0].protocol == "TCP"
    assert made.metadata.generation == 1
