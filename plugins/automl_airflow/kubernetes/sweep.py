"""Ending what an experiment has left in its clusters: the reducer's last look around."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from automl_core.backends.kubernetes.lanes import LANE_LABEL, LaneId
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, AttemptId, journal_label
from automl_core.backends.kubernetes.secrets import secret_name, secret_of_run
from automl_core.spec.kubernetes import KubernetesTask

if TYPE_CHECKING:
    from automl_core.study import Study

log = logging.getLogger(__name__)


def sweep(context: Any, study: Study) -> None:
    """Delete every pod of a run that still runs, and the objects that were made for it.

    Ended pods that the file keeps to look at stay.

    Raises:
        RuntimeError: a cluster can't be asked; the others were.
    """
    place = f"{study.journal.store.url}/{study.journal.prefix}"
    tasks = [task for task in study.experiment.tasks if isinstance(task, KubernetesTask)]
    problems = []
    for connection, namespace in sorted({(task.connection, task.namespace or "") for task in tasks}):
        own = [task for task in tasks if (task.connection, task.namespace or "") == (connection, namespace)]
        try:
            _sweep(connection, namespace, place, own, study)
        except Exception as error:  # one cluster that is away keeps nothing in another running
            problems.append(f"{connection}: {type(error).__name__}: {error}")
    if problems:
        raise RuntimeError("; ".join(problems))


def _sweep(connection: str, namespace: str, place: str, tasks: list[KubernetesTask], study: Study) -> None:
    """Delete what the training tasks of one namespace have left there."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    from automl_airflow.kubernetes.connection import cluster_of

    selector = f"{JOURNAL_LABEL}={journal_label(place)}"
    namespace = namespace or cluster_of(connection).namespace_or_default()
    client = KubernetesHook(conn_id=connection).core_v1_client
    grace = max(1, round(max(task.grace for task in tasks)))
    keeps = any(task.keep_pods != "never" for task in tasks)
    if any(task.workers > 1 for task in tasks):  # first: a Job would make new pods for those that go
        batch = KubernetesHook(conn_id=connection).batch_v1_client
        for found in batch.list_namespaced_job(namespace, label_selector=selector).items:
            if not (keeps and _is_over(found)):
                _delete(batch.delete_namespaced_job, found.metadata.name, namespace, propagation_policy="Background")
        for found in client.list_namespaced_service(namespace, label_selector=selector).items:
            _delete(client.delete_namespaced_service, found.metadata.name, namespace)
    for pod in client.list_namespaced_pod(namespace, label_selector=selector).items:
        ended = pod.status.phase in ("Succeeded", "Failed")
        if pod.metadata.deletion_timestamp is not None or (ended and keeps):
            continue
        if not ended and LANE_LABEL in (pod.metadata.labels or {}):
            log.info("pod %s/%s waited for a trial: deleted", namespace, pod.metadata.name)
        elif not ended:
            log.warning("pod %s/%s was still there (%s): deleted", namespace, pod.metadata.name, pod.status.phase)
        _delete(client.delete_namespaced_pod, pod.metadata.name, namespace, grace_period_seconds=grace)
    for name in _secrets_left(study, place, tasks):  # by their names: to list secrets is to read them all
        _delete(client.delete_namespaced_secret, name, namespace)
    if study.experiment.code is not None or any(task.files for task in tasks):
        for found in client.list_namespaced_config_map(namespace, label_selector=selector).items:
            _delete(client.delete_namespaced_config_map, found.metadata.name, namespace)


def _secrets_left(study: Study, place: str, tasks: list[KubernetesTask]) -> Iterator[str]:
    """Names of the secrets that may be left: an attempt's belongs to its pod, unless its worker came no further."""
    state, found = study.state, study.experiment.tasks
    taking = {task.name: task for task in tasks if any(each.connection for each in task.secrets)}
    for task in taking.values():
        yield secret_of_run(place, task.name)
    for work in state.works.values():
        for attempt in work.attempts:
            known = taking.get(found[attempt.task].name)
            job = json.loads(attempt.external) if attempt.external else {"loose": True}
            if known is not None and (job.get("loose") or known.keep_pods != "never"):
                if job.get("kind") == "lane":
                    yield str(job["name"])
                    continue
                kind = LaneId if known.shared is not None else AttemptId
                yield secret_name(
                    kind(
                        place=place, experiment=state.name, run=state.run, trial=work.trial, slot=work.slot,
                        task=known.name, attempt=attempt.number,
                    )
                )  # fmt: skip


def _is_over(job: Any) -> bool:
    """Whether a Job has ended; one that trains on may have workers that have ended already."""
    return any(each.type in ("Complete", "Failed") and each.status == "True" for each in job.status.conditions or [])


def _delete(function: Any, name: str, namespace: str, **options: Any) -> None:
    from kubernetes.client.exceptions import ApiException

    try:
        function(name, namespace, **options)
    except ApiException as error:
        if error.status != 404:
            raise
