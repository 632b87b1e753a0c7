"""What tests of watched pods need: pods on the API server stand-in, a hub that watches them, jobs that are followed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from kubernetes import client, config

from automl_core.backends import Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.manifest import PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.workers import group_manifests, worker_variables
from automl_core.backends.remote import RemoteJob, Unreachable
from automl_core.spec.kubernetes import KubernetesTask
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched

_numbers = itertools.count()
SOON = stretched(15.0)


class Bench:
    """Starts pods of a test with the official client, and follows jobs."""

    def __init__(self, standin: KubernetesStandIn, hub: PodHub) -> None:
        self.standin, self.hub = standin, hub
        connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
        self.core, self.batch = client.CoreV1Api(connected), client.BatchV1Api(connected)

    def start(self, command: str, **fields: Any) -> str:
        """Start a pod that runs a shell script. Returns its name."""
        pod, attempt, _ = self._manifest(command, fields)
        self.core.create_namespaced_pod("default", pod)
        return attempt.name

    def start_group(self, command: str, workers: int, **fields: Any) -> str:
        """Start an indexed Job of such pods. Returns its name."""
        pod, attempt, task = self._manifest(command, {**fields, "workers": workers})
        service, job = group_manifests(pod, workers, task.port)
        self.core.create_namespaced_service("default", service)
        self.batch.create_namespaced_job("default", job)
        return attempt.name

    def _manifest(self, command: str, fields: dict[str, Any]) -> tuple[dict[str, Any], AttemptId, KubernetesTask]:
        carrying = fields.pop("carrying", None)
        given = {"backend": "kubernetes", "image": "python:3.11", "command": command, "grace": 1, **fields}
        task = KubernetesTask.model_validate(given)
        number = next(_numbers)
        attempt = AttemptId("s3://b", "jobs", "r", number, number, "train", 1)
        context = TrialContext("jobs", "r", number, 1, {"lr": 0.1}, "/c", "/m")
        variables = worker_variables(attempt, task.workers, task.port) if task.workers > 1 else ()
        order = PodOrder(
            task, context, attempt, memory=task.memory_bytes, environment=variables, carrying=carrying,
            template=task.pod_template if isinstance(task.pod_template, dict) else {},
        )  # fmt: skip
        return pod_manifest(order), attempt, task

    async def follow(
        self, job: RemoteJob, *, until: str | None = None, seconds: float = SOON
    ) -> tuple[list[str], list[str], Exit | None]:
        """Lines and notes up to the end, or to a line or note that has a text in it."""
        lines: list[str] = []
        notes: list[str] = []
        async with asyncio.timeout(seconds):
            while True:
                try:
                    report = await job.poll()
                except Unreachable as error:
                    notes.append(f"unreachable: {error}")
                    await asyncio.sleep(0.2)
                    continue
                lines += report.lines
                notes += report.notes
                if report.exit is not None or (until and any(until in text for text in lines + notes)):
                    return lines, notes, report.exit
                await job.wait(0.3)

    async def run(self, job: RemoteJob) -> tuple[list[str], Exit]:
        lines, _, ended = await self.follow(job)
        assert ended is not None
        return lines, ended


def on(standin: KubernetesStandIn, test: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a test in a loop of its own with a hub that watches the stand-in."""

    async def main() -> None:
        hub = PodHub(KubernetesApi(Access(Cluster(kubeconfig_path=str(standin.kubeconfig)))), "default")
        hub.start()
        try:
            await test(Bench(standin, hub))
        finally:
            await hub.stop()

    asyncio.run(main())
