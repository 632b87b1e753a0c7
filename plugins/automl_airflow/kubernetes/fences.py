"""The network policy around a closed run's pods, made and proven before the first of them.

A policy is proven once: the journal has a note with what the probe found, under the policy's own identity (uid and
generation). One that somebody has changed or deleted meanwhile is put back, is another one by that, and is proven anew
before the next pod. It belongs to nobody while the run goes on: a policy that went with one pod would leave the next
one open. At its end it is left to the pods that are still ending, else deleted.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operator

from automl_airflow.kubernetes.belongings import reference_to
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.fence import FENCE_LABEL, Fence, Finding, Probe, finding_of
from automl_core.backends.kubernetes.naming import journal_label
from automl_core.backends.kubernetes.quota import never_fits
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.stages import STAGES, task_places
from automl_core.study.acts import PROOF

if TYPE_CHECKING:
    from automl_core.closed.policy import Policy
    from automl_core.study import Study

ACT = PROOF
"""The act that the journal's notes of probes have."""

BY = "automl"

LOOK = 0.5
"""Seconds between two looks at a probe."""

LONGEST_LOOK = 5.0
"""Seconds that these looks come to be apart, so that a probe which finds no node costs little."""

PATIENCE = 30.0
"""Seconds that a probe tries again: a network plugin takes a moment until it holds pods to a new policy."""

LONGEST = 660.0
"""Seconds after which a probe that has not ended is given up: its image can't be pulled, or no node takes it."""

Ask = Callable[..., Any]
"""As `asking.ask`."""


class NotFenced(RuntimeError):
    """A network policy does not hold, or nobody can tell. The message says what to do."""


@dataclass(frozen=True, slots=True)
class RunFence:
    """A network policy in one cluster, and how it is proven.

    Attributes:
        fence: the policy.
        probe: what proves it.
        study: of the whole run, in whose journal that stands.
        connection, namespace: where.
    """

    fence: Fence
    probe: Probe
    study: Study
    connection: str
    namespace: str

    def hold(self, ask: Ask, log: Any) -> None:
        """Have the policy there as it is to be, and proven.

        Raises:
            StartError: it does not hold; the message says what to do.
            NotYet: the cluster does not answer for now.
        """
        core, network = _clients(self.connection)
        key = self._stand(network, ask, log)
        self.study.refresh()
        if self._is_proven(key):
            return
        finding = self._prove(core, key, ask, log)
        if finding is None:  # another process has
            return
        if finding.problem:
            raise StartError(f"closed environment: {finding.problem}", systematic=True)
        text = f"the network policy {self.namespace}/{self.fence.name} holds: {finding.summary}"
        self.study.journal.append(
            "note",
            {
                "act": ACT, "by": BY, "text": f"{text} ({key})", "fence": key, "cluster": self.connection,
                "reachable": dict(finding.reachable), "forbidden": dict(finding.forbidden),
            },
            valid=lambda state: not any(act.act == ACT and key in act.text for act in state.acts),
        )  # fmt: skip
        log.info("%s", text)

    def _is_proven(self, key: str) -> bool:
        return any(act.act == ACT and key in act.text for act in self.study.state.acts)

    def _stand(self, network: Any, ask: Ask, log: Any) -> str:
        """Make the policy, or see that it is as it is to be. Returns what identifies it as it stands."""
        wanted, name, namespace = self.fence.policy(), self.fence.name, self.namespace
        found = ask(lambda: network.create_namespaced_network_policy(namespace, wanted), exists_is_fine=True)
        if found is None:
            found = ask(lambda: network.read_namespaced_network_policy(name, namespace))
        plain = network.api_client.sanitize_for_serialization(found)
        if plain["spec"] != wanted["spec"] or plain["metadata"].get("ownerReferences"):
            log.warning("the network policy %s/%s was changed by somebody: it is put back", namespace, name)
            found = ask(lambda: network.replace_namespaced_network_policy(name, namespace, wanted))
        return f"{found.metadata.uid}/{found.metadata.generation}"

    def _prove(self, core: Any, key: str, ask: Ask, log: Any) -> Finding | None:
        """Run the probe, or take over the one of a worker that died; None where another process was faster.

        Raises:
            StartError, NotYet: the cluster does not take it, or it does not end.
        """
        name, namespace, until = self.fence.probe, self.namespace, time.monotonic() + LONGEST
        pause = LOOK
        log.info("the probe %s/%s tries whether the network policy holds", namespace, name)
        while True:
            made = ask(lambda: core.create_namespaced_pod(namespace, self.probe.pod(self.fence)), exists_is_fine=True)
            pod = made if made is not None else _found(core, name, namespace, ask)
            while pod is not None:
                plain = core.api_client.sanitize_for_serialization(pod)
                finding = finding_of(plain)
                if finding is not None:
                    ask(lambda: _deleted(core, name, namespace))
                    return self._with_control(finding, log)
                if time.monotonic() > until:
                    ask(lambda: _deleted(core, name, namespace))
                    raise StartError(
                        f"closed environment: the probe {namespace}/{name} has not ended in {LONGEST:.0f} s "
                        f"({_waits_for(plain)}), so nobody knows whether the network policy holds", systematic=True
                    )  # fmt: skip
                time.sleep(pause)
                pause = min(LONGEST_LOOK, pause * 1.2)
                pod = _found(core, name, namespace, ask)
            self.study.refresh()
            if self._is_proven(key):
                return None

    def _with_control(self, finding: Finding, log: Any) -> Finding:
        """Say which forbidden addresses this worker doesn't reach either: not reaching those proves little."""
        if not finding.problem:
            dead = [str(each) for each in self.probe.forbidden if not _reaches(each.host, each.port)]
            if dead:
                log.warning(
                    "%s: this worker, which is in no network policy, does not reach it either, so that the probe "
                    "did not proves little; name an address in [automl] closed_forbidden at which a server listens",
                    ", ".join(dead),
                )  # fmt: skip
        return finding


def fence_run(study: Study, log: Any) -> None:
    """Before the first trial: make and prove the policies of a run in all clusters that its pods go to.

    Args:
        study: of the whole run, closed.
        log: for people.

    Raises:
        NotFenced: one does not hold, or the cluster refuses it.
        NotYet: a cluster does not answer for now.
    """
    from automl_airflow.kubernetes.asking import ask
    from automl_airflow.kubernetes.connection import cluster_of

    seen = set()
    for _, task in task_places(study.experiment):
        if not isinstance(task, KubernetesTask):
            continue
        namespace = task.namespace or cluster_of(task.connection).namespace_or_default()
        if (task.connection, namespace) in seen:
            continue
        seen.add((task.connection, namespace))
        try:
            fence = fence_of_task(study, task, namespace)
            assert fence is not None, "the run is closed"
            fence.hold(ask, log)
        except StartError as error:
            raise NotFenced(_with_rights(error)) from error


def fence_of_task(study: Study, task: KubernetesTask, namespace: str) -> RunFence | None:
    """The policy around a training task's pods, None where the run is not closed.

    Args:
        study: of the run, or of a stage of it.
        task: whose pods.
        namespace: where they go.
    """
    from automl_airflow.closed import is_closed, policy

    if not is_closed(study.experiment):
        return None
    lists, whole = policy(), _whole(study)
    fence = Fence.of_run(_place(whole), lists.reaches, lists.name_servers)
    tolerations = [
        {**each.model_dump(exclude={"seconds"}, exclude_none=True),
         **({"tolerationSeconds": each.seconds} if each.seconds is not None else {})}
        for each in task.tolerations
    ]  # fmt: skip
    probe = Probe(
        _probe_image(lists, task.image), lists.reachable, lists.forbidden, task.node_selector, tolerations,
        task.image_pull_secrets, PATIENCE,
    )  # fmt: skip
    return RunFence(fence, probe, whole, task.connection, namespace)


def fence_of_resource(study: Study, task: CustomResourceTask, namespace: str, name: str, image: str) -> RunFence:
    """The policy around the pods of one custom resource: what its controller makes has no label of ours.

    Args:
        study: of the run, or of a stage of it.
        task: it.
        namespace: where the resource goes.
        name: of the resource.
        image: one that it names.
    """
    from automl_airflow.closed import policy

    assert task.pods is not None
    lists, whole = policy(), _whole(study)
    fence = Fence.of_resource(_place(whole), task.pods.label, name, lists.reaches, lists.name_servers)
    probe = Probe(_probe_image(lists, image), lists.reachable, lists.forbidden, patience=PATIENCE)
    return RunFence(fence, probe, whole, task.connection, namespace)


def lift(study: Study, log: Any) -> None:
    """Take away the policies of a run that has ended: deleted, or left to the pods that are still ending.

    A policy that went before the last pod would leave that one open while it ends.

    Args:
        study: of the whole run.
        log: for people.
    """
    from automl_airflow.kubernetes.connection import cluster_of

    label = journal_label(_place(study))
    tasks = [task for _, task in task_places(study.experiment)]
    clustered = [task for task in tasks if isinstance(task, KubernetesTask | CustomResourceTask)]
    for connection, named in sorted({(task.connection, task.namespace or "") for task in clustered}):
        namespace = named
        try:
            namespace = named or cluster_of(connection).namespace_or_default()
            core, network = _clients(connection)
            found = network.list_namespaced_network_policy(namespace, label_selector=f"{FENCE_LABEL}={label}").items
            for each in found:
                _lift_one(core, network, namespace, each)
        except Exception as error:  # what is left holds pods that are gone; the result is published all the same
            log.warning("network policies in %s of %s are left: %s", namespace, connection, error)


def _lift_one(core: Any, network: Any, namespace: str, policy: Any) -> None:
    name = policy.metadata.name
    wanted = ",".join(f"{key}={value}" for key, value in (policy.spec.pod_selector.match_labels or {}).items())
    left = core.list_namespaced_pod(namespace, label_selector=wanted).items if wanted else []
    try:
        if not left:
            network.delete_namespaced_network_policy(name, namespace)
            return
        plain = network.api_client.sanitize_for_serialization(policy)
        plain["metadata"]["ownerReferences"] = [reference_to(pod) for pod in left]
        network.replace_namespaced_network_policy(name, namespace, plain)
    except ApiException as error:
        if error.status != 404:
            raise


def _whole(study: Study) -> Study:
    """The study of the whole run, of which this may be a stage's."""
    from automl_core.spec.stages import StageExperiment
    from automl_core.study import Study, StudyJournal

    if not isinstance(study.experiment, StageExperiment):
        return study
    journal = study.journal
    assert study.experiment.stage in STAGES
    prefix = journal.prefix.removesuffix(f"{study.experiment.stage}/")
    return Study.load(StudyJournal(journal.store, prefix, clock=journal.clock))


def _place(study: Study) -> str:
    return f"{study.journal.store.url}/{study.journal.prefix}"


def _probe_image(lists: Policy, image: str | None) -> str:
    """The image of the probe: the deployment's, else the product's own where it is on the list, else the training's.

    Raises:
        StartError: none is on the list.
    """
    from automl_core.closed.images import refusal

    own = os.environ.get("AUTOML_IMAGE")
    given = [each for each in (lists.probe_image, own, image) if each]
    for each in given:
        if not refusal(each, lists.images, digests=lists.digests):
            return each
    raise StartError(
        "closed environment: no image for the probe of the network is on the deployment's list; name one with "
        "[automl] closed_probe_image", systematic=True
    )  # fmt: skip


def _clients(connection: str) -> tuple[Any, Any]:
    """The pods and the network policies of the cluster of an Airflow connection."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import CoreV1Api, NetworkingV1Api

    api = KubernetesHook(conn_id=connection).get_conn()
    return CoreV1Api(api), NetworkingV1Api(api)


def _found(core: Any, name: str, namespace: str, ask: Ask) -> Any:
    """A pod, None where there is none."""
    try:
        return ask(lambda: core.read_namespaced_pod(name, namespace))
    except StartError as error:
        if getattr(error.__cause__, "status", None) == 404:
            return None
        raise


def _deleted(core: Any, name: str, namespace: str) -> None:
    try:
        core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
    except ApiException as error:
        if error.status != 404:
            raise


def _waits_for(pod: dict[str, Any]) -> str:
    """What a pod that does not start waits for, in the cluster's words."""

    def words() -> Iterator[str]:
        status = pod.get("status") or {}
        for each in status.get("containerStatuses") or ():
            waiting = (each.get("state") or {}).get("waiting") or {}
            yield from filter(None, (waiting.get("message"), waiting.get("reason")))
        for each in status.get("conditions") or ():
            if each.get("status") == "False" and each.get("message"):
                yield str(each["message"])
        yield str(status.get("phase") or "unknown")

    return next(words())


def _with_rights(error: StartError) -> str:
    """A refusal for want of rights says which file has them."""
    text = str(error)
    denied = getattr(error.__cause__, "status", None) == 403 and not never_fits(text)
    return f"{text} (deploy/kubernetes/rbac-closed.yaml has the rights)" if denied else text


def _reaches(host: str, port: int) -> bool:
    """Whether this process can connect to an address."""
    try:
        with socket.create_connection((host, port), 3.0):
            return True
    except OSError:
        return False
