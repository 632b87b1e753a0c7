"""Starting an attempt's pod, once: whoever does it a second time takes the pod over."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operator
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter
from urllib3.exceptions import HTTPError

from automl_airflow.compat import bundle_folder
from automl_airflow.kubernetes.queues import check_queue
from automl_airflow.kubernetes.secrets import values_of
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.artifacts import ENDED, FOLDER, Carrying
from automl_core.backends.kubernetes.files import config_map, read_template
from automl_core.backends.kubernetes.group import group_manifests, worker_variables
from automl_core.backends.kubernetes.manifest import Manifest, PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.secrets import secret
from automl_core.backends.remote import NotYet
from automl_core.running.places import Places, carried, context_of
from automl_core.running.sync import MODULE
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.units import format_duration
from automl_core.study.progress import out_of_memory
from automl_core.study.queued import QUEUE

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    from automl_core.spec.kubernetes import Pending
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study

PATIENCE = 300.0
"""Seconds that an API server may be away or overloaded while a pod is started."""

IMAGE_VARIABLE = "AUTOML_IMAGE"
"""Names this product's own image, for helper containers."""


class Launch:
    """The start of one attempt."""

    def __init__(self, operator: KubernetesPodOperator, study: Study, store: ObjectStore, binding: Binding) -> None:
        """Prepare, without asking the cluster.

        Raises:
            TypeError: the training task is not one for Kubernetes.
        """
        task = study.experiment.tasks[binding.task]
        if not isinstance(task, KubernetesTask):
            raise TypeError(f"{task.name} is no Kubernetes training task")
        task = _with_absolute_storage(task)
        self._operator, self._study, self._store, self._binding, self.task = operator, study, store, binding, task
        prefix = study.journal.prefix
        self.root = task.storage_mount.path if task.storage_mount else store.url
        self.places = Places(store, prefix, binding, self.root)
        state = study.state
        self.attempt = AttemptId(
            place=f"{store.url}/{prefix}", experiment=state.name, run=state.run, trial=binding.trial,
            slot=binding.slot, task=task.name, attempt=binding.attempt,
        )  # fmt: skip

    @property
    def namespace(self) -> str:
        """Where the pod goes."""
        if self.task.namespace:
            return self.task.namespace
        from automl_airflow.kubernetes.connection import cluster_of

        return cluster_of(self.task.connection).namespace_or_default()

    @property
    def memory(self) -> float | None:
        """Bytes of memory that this attempt gets: more after each one that ran out of it."""
        work = self._study.state.works[self._binding.slot]
        return self.task.memory_after(out_of_memory(work, self._binding.task))

    @property
    def _batch(self) -> Any:
        hook: Any = self._operator.hook
        return hook.batch_v1_client

    def is_there(self) -> bool:
        """Whether the attempt's pod (or Job) exists and is not being deleted."""
        pod = self._find(self.namespace)
        return pod is not None and pod.metadata.deletion_timestamp is None

    def start(self, context: Any) -> dict[str, Any]:
        """Create the pod, or take over the one of this very attempt.

        Returns:
            Where it is, for the trigger and the journal.

        Raises:
            StartError: the cluster does not take it; the message says why.
            NotYet: it does not take it for now.
            TemplateError: a ``${…}`` of the task can't be substituted.
        """
        namespace = self.namespace
        try:
            if self._find(namespace) is None:
                if self.task.kueue is not None:
                    check_queue(self._operator.client.api_client, self.task.kueue, namespace, self._ask)
                self.places.prepare()
                self._create(context, namespace)
        except NotYet as error:
            give_up_in_time(self._study, self._binding, self.task.pending, error)
            raise
        job: dict[str, Any] = {
            "kind": "pod", "name": self.attempt.name, "namespace": namespace, "connection": self.task.connection,
        }  # fmt: skip
        if self.task.workers > 1:
            job |= {"kind": "job", "workers": self.task.workers}
        if self.memory is not None:
            job["memory"] = self.memory
        if self.task.kueue is not None:
            job[QUEUE] = self.task.kueue.queue
        self._operator.log.info("pod %s/%s", namespace, self.attempt.name)
        return job

    def end(self) -> None:
        """End the Job of several pods that was started here; a single pod is KubernetesPodOperator's to end."""
        name, namespace, log = self.attempt.name, self.namespace, self._operator.log
        for delete, more in (
            (self._batch.delete_namespaced_job, {"propagation_policy": "Background"}),
            (self._operator.client.delete_namespaced_service, {}),
        ):
            try:
                delete(name, namespace, **more)
            except ApiException as error:
                if error.status != 404:
                    log.warning("%s/%s was not deleted: %s", namespace, name, reason_of(error))

    def _create(self, context: Any, namespace: str) -> None:
        operator, bundle = self._operator, bundle_folder(context)
        files = config_map(self.task, self.attempt, _home(), bundle) if self.task.files else None
        if files is not None:
            self._ask(lambda: operator.client.create_namespaced_config_map(namespace, files), exists_is_fine=True)
        if any(each.connection for each in self.task.secrets):
            self._keep_secrets(namespace)
        manifest = self._manifest(files["metadata"]["name"] if files else None, bundle)
        operator.namespace = namespace
        operator.pod_template_dict = manifest
        request = operator.build_pod_request_obj(context)
        if self.task.workers > 1:
            self._create_group(request, namespace)
            return
        created = self._ask(lambda: operator.client.create_namespaced_pod(namespace, request), exists_is_fine=True)
        if created is None:
            operator.log.info("the pod is there already: it is taken over")
            created = self._find(namespace)
        operator.pod = created  # for KubernetesPodOperator.on_kill: until the trigger has it, it is the worker's

    def _keep_secrets(self, namespace: str) -> None:
        """Put what the task takes from Airflow connections into the run's secret, as it is now."""
        client, attempt = self._operator.client, self.attempt
        made = secret(attempt.place, attempt.experiment, attempt.task, values_of(self.task))
        name = made["metadata"]["name"]
        if self._ask(lambda: client.create_namespaced_secret(namespace, made), exists_is_fine=True) is None:
            self._ask(lambda: client.replace_namespaced_secret(name, namespace, made))

    def _create_group(self, pod: Any, namespace: str) -> None:
        """Create the service and the Job of several pods."""
        operator, task = self._operator, self.task
        plain = operator.client.api_client.sanitize_for_serialization(pod)
        service, job = group_manifests(plain, task.workers, task.port)
        operator.launched = self  # for on_kill, as operator.pod
        self._ask(lambda: operator.client.create_namespaced_service(namespace, service), exists_is_fine=True)
        if self._ask(lambda: self._batch.create_namespaced_job(namespace, job), exists_is_fine=True) is None:
            operator.log.info("the Job is there already: it is taken over")

    def _manifest(self, files: str | None, bundle: Path | None) -> Manifest:
        task, context, carrying = self.task, context_of(self._study, self._binding, self.places), None
        if task.artifacts is not None:
            image = task.artifacts.image or os.environ.get(IMAGE_VARIABLE)
            if not image:
                raise StartError(
                    f"artifacts.image: name an image of this product, or set {IMAGE_VARIABLE} for Airflow",
                    systematic=True,
                )
            context, order = carried(context, self.places, FOLDER, task.artifacts.every, ENDED)
            carrying = Carrying(task.artifacts, image, MODULE, order.to_json())
        limits = [task.timeout, self._study.experiment.trials.timeout]
        return pod_manifest(
            PodOrder(
                task=task,
                context=context,
                carrying=carrying,
                attempt=self.attempt,
                memory=self.memory,
                timeout=min((limit for limit in limits if limit is not None), default=None),
                template=read_template(task, _home(), bundle),
                files=files,
                environment=worker_variables(self.attempt, task.workers, task.port) if task.workers > 1 else (),
            )
        )

    def _find(self, namespace: str) -> Any:
        """The attempt's pod (or Job), None where there is none.

        Raises:
            StartError: a pod of that name is somebody else's.
        """
        name = self.attempt.name
        try:
            if self.task.workers > 1:
                pod = self._ask(lambda: self._batch.read_namespaced_job(name, namespace))
            else:
                pod = self._ask(lambda: self._operator.client.read_namespaced_pod(name, namespace))
        except StartError as error:
            if isinstance(error.__cause__, ApiException) and error.__cause__.status == 404:
                return None
            raise
        if not self.attempt.owns(pod.metadata.labels):
            raise StartError(f"a pod {namespace}/{name} that is not this attempt's stands in the way")
        return pod

    def _ask(self, call: Callable[[], Any], *, exists_is_fine: bool = False) -> Any:
        return ask(call, exists_is_fine=exists_is_fine)


def give_up_in_time(study: Study, binding: Binding, pending: Pending, error: NotYet) -> None:
    """Fail an attempt that can't be started for now, where the file says so of one that has waited for too long.

    Raises:
        StartError: it has.
    """
    attempt = study.state.works[binding.slot].last_attempt()
    if attempt is not None and pending.then == "fail" and time.time() - attempt.started > pending.timeout:
        raise StartError(f"{error} (for more than pending.timeout, {format_duration(pending.timeout)})") from error


def ask(call: Callable[[], Any], *, exists_is_fine: bool = False) -> Any:
    """Ask the cluster, patiently where it is away or overloaded.

    Args:
        call: the request.
        exists_is_fine: whether a name that is taken is no error; the answer is None then.

    Raises:
        StartError: it refuses.
        NotYet: it refuses for now (a quota is used up), or was away all the time.
    """
    patience = Retrying(
        retry=retry_if_exception(_may_pass), wait=wait_exponential_jitter(initial=1, max=15),
        stop=stop_after_delay(PATIENCE), reraise=True,
    )  # fmt: skip
    try:
        return patience(call)
    except ApiException as error:
        if exists_is_fine and _is_there_already(error):
            return None
        if _may_pass(error) or _is_quota(error):
            raise NotYet(f"the cluster does not take it for now: {reason_of(error)}") from error
        lasting = error.status in (400, 401, 403, 422)  # 404 and 409 are of this one attempt
        raise StartError(f"the cluster refuses: {reason_of(error)}", systematic=lasting) from error
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise NotYet(f"the cluster does not answer: {error}") from error


def reason_of(error: ApiException) -> str:
    """What the API server says, without the headers that the client's message has."""
    return f"{error.status} {_said(error).get('message') or error.reason}"


def _said(error: ApiException) -> dict[str, Any]:
    """The API server's answer, empty where it is none of its own."""
    try:
        found = json.loads(error.body)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_there_already(error: ApiException) -> bool:
    """Whether the name is taken. Not every 409 says so: a quota that others change at the same time is one too."""
    return error.status == 409 and _said(error).get("reason") == "AlreadyExists"


def _is_quota(error: ApiException) -> bool:
    """Whether a quota is used up, which may take hours."""
    return error.status == 403 and "exceeded quota" in str(error.body)


def _may_pass(error: BaseException) -> bool:
    """Whether the very same request may be taken in a moment."""
    if isinstance(error, ApiException):
        conflict = error.status == 409 and not _is_there_already(error)
        return conflict or error.status in (0, None, 429) or error.status >= 500
    return isinstance(error, HTTPError | ConnectionError | TimeoutError)


def _with_absolute_storage(task: KubernetesTask) -> KubernetesTask:
    """The task with the absolute path of a storage folder that the file gives relative to AUTOML_HOME."""
    mount = task.storage_mount
    if mount is None or mount.host_path is None:
        return task
    path = str((_home() / mount.host_path).resolve())
    return task.model_copy(update={"storage_mount": mount.model_copy(update={"host_path": path})})


def _home() -> Any:
    from automl_airflow.session import home

    return home()
