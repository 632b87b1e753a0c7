"""What tests of pods need: a pod in one line, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from kubernetes import client, config
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched

Found = TypeVar("Found")
PATIENCE = 20.0
EVERY = 0.05
"""Seconds between two looks: each is a request, whose CPU the cluster that is waited for lacks."""


def pod(name: str, *command: str, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod with one container `base`; `container` changes the container, every other argument the pod's spec."""
    container = {"name": "base", "image": "standin/any:1", "command": list(command), **spec.pop("container", {})}
    metadata = {"name": name, "labels": labels or {}}
    return {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}


def wait_for(look: Callable[[], Found | None], what: str = "", seconds: float = PATIENCE) -> Found:
    """The first true answer; AssertionError where none comes in time."""
    ends = time.monotonic() + stretched(seconds)
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < ends, f"waited {stretched(seconds):g} s in vain for {what or look}"
        time.sleep(EVERY)


class Lab:
    """A cluster in the hands of a test, through the official client; everything in the namespace `default`."""

    def __init__(self, standin: KubernetesStandIn) -> None:
        self.standin = standin
        self.connection = config.new_client_from_config(str(standin.kubeconfig))
        self.core = client.CoreV1Api(self.connection)

    def start(self, body: dict[str, Any]) -> Any:
        return self.core.create_namespaced_pod("default", body)

    def get(self, name: str) -> Any:
        return self.core.read_namespaced_pod(name, "default")

    def until(self, name: str, *phases: str) -> Any:
        def look() -> Any:
            found = self.get(name)
            return found if found.status.phase in phases else None

        return wait_for(look, f"{name} to be {' or '.join(phases)}")

    def run(self, body: dict[str, Any]) -> Any:
        self.start(body)
        return self.until(body["metadata"]["name"], "Succeeded", "Failed")

    def log(self, name: str, **query: Any) -> str:
        data: bytes = self.core.read_namespaced_pod_log(name, "default", _preload_content=False, **query).data
        return data.decode()

    def events(self, name: str) -> list[tuple[str, str]]:
        found = self.core.list_namespaced_event("default", field_selector=f"involvedObject.name={name}")
        return [(each.reason, each.message) for each in found.items]

    def gone(self, name: str) -> bool:
        return not self.core.list_namespaced_pod("default", field_selector=f"metadata.name={name}").items
