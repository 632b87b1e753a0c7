"""Starting an attempt's pod, once: whoever does it a second time takes the pod over."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operator

from automl_airflow.compat import bundle_folder
from automl_airflow.kubernetes.asking import ask, reason_of
from automl_airflow.kubernetes.belongings import Belonging
from automl_airflow.kubernetes.brought import IMAGE_VARIABLE, Brought
from automl_airflow.kubernetes.queues import check_queue
from automl_airflow.kubernetes.secrets import values_of
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.artifacts import ENDED, FOLDER, Carrying
from automl_core.backends.kubernetes.bringing import CONFIG_MAP, CodeInPod, SpecInPod, code_config_map
from automl_core.backends.kubernetes.files import config_map, read_template
from automl_core.backends.kubernetes.lanes import LaneInPod
from automl_core.backends.kubernetes.manifest import Manifest, PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.secrets import secret, secret_name
from automl_core.backends.kubernetes.workers import group_manifests, worker_variables
from automl_core.backends.remote import NotYet
from automl_core.running.places import Places, carried, context_of
from automl_core.running.sync import MODULE
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.tasks import OUT_OF_MEMORY
from automl_core.spec.units import format_duration
from automl_core.study.progress import out_of_memory
from automl_core.study.queued import QUEUE

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    from automl_airflow.kubernetes.fences import RunFence
    from automl_core.backends.contract import TrialContext
    from automl_core.spec.kubernetes import Pending
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


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
        work, task = self._study.state.works[self._binding.slot], self._binding.task
        held = [
            float(json.loads(each.external).get("memory") or 0)
            for each in work.attempts
            if each.task == task and each.kind == OUT_OF_MEMORY and each.external
        ]
        return self.task.memory_after(out_of_memory(work, task), max(held, default=0.0))

    @property
    def _batch(self) -> Any:
        hook: Any = self._operator.hook
        return hook.batch_v1_client

    def is_there(self) -> bool:
        """Whether the attempt's pod (or Job) exists and is not being deleted."""
        pod = self._find(self.namespace)
        return pod is not None and pod.metadata.deletion_timestamp is None

    def start(self, context: Any, *, new: bool = False) -> dict[str, Any]:
        """Create the pod, or take over the one of this very attempt.

        Args:
            context: of the task instance.
            new: whether nobody can have created it yet: it is not looked for first.

        Returns:
            Where it is, for the trigger and the journal.

        Raises:
            StartError: the cluster does not take it; the message says why.
            NotYet: it does not take it for now.
            PlaceholderError: a ``${…}`` of the task can't be substituted.
        """
        namespace, operator = self.namespace, self._operator
        try:
            owner = None if new else self._find(namespace)
            if owner is None:
                self._check_queue()
                if self.fence is not None:
                    self._check_closed(bundle_folder(context))
                    self.fence.hold(self._ask, operator.log)
                self.places.prepare()
                belongings = self._belongings(bundle_folder(context))
                owner = self._create(context, namespace, belongings)
            else:
                belongings = self._belongings_again(bundle_folder(context))
            left = [each.leave_to(owner, operator.client, namespace, self._ask, operator.log) for each in belongings]
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
        if self._takes_connections:
            job["secret"] = secret_name(self.attempt)
        if not all(left):
            job["loose"] = True  # the reducer removes what the pod does not own
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

    def _check_queue(self) -> None:
        """See that the queue is there that the file names, where it names one.

        Raises:
            StartError: it is not.
        """
        if self.task.kueue is not None:
            check_queue(self._operator.client.api_client, self.task.kueue, self.namespace, self._ask)

    @property
    def _takes_connections(self) -> bool:
        return any(each.connection for each in self.task.secrets)

    def _belongings(self, bundle: Path | None) -> list[Belonging]:
        """What the attempt needs beside its pod.

        Raises:
            StartError: a file or a connection is missing.
        """
        task, attempt, found = self.task, self.attempt, []
        if task.files:
            found.append(Belonging("config_map", config_map(task, attempt, home(), bundle)))
        if self._brought.archive is not None:
            found.append(Belonging("config_map", code_config_map(*self._brought.archive, attempt)))
        if self._takes_connections:
            found.append(Belonging("secret", secret(attempt, values_of(task))))
        return found

    def _belongings_again(self, bundle: Path | None) -> list[Belonging]:
        """The same for a pod that is there: its worker may have died before it left them to it."""
        try:
            return self._belongings(bundle)
        except StartError as error:  # it runs without
            self._operator.log.warning("what the pod has beside it is not left to it: %s", error)
            return []

    def _create(self, context: Any, namespace: str, belongings: list[Belonging]) -> Any:
        """Create all of it, or nothing. Returns the pod or Job, which may have been there already."""
        operator, made = self._operator, list[Belonging]()
        try:
            made += (each for each in belongings if each.make(operator.client, namespace, self._ask))
            operator.namespace = namespace
            operator.pod_template_dict = self._manifest(belongings, bundle_folder(context))
            request = operator.build_pod_request_obj(context)
            if self.task.workers > 1:
                return self._create_group(request, namespace)
            created = self._ask(lambda: operator.client.create_namespaced_pod(namespace, request), exists_is_fine=True)
        except Exception:  # a password is not to lie there for a pod that the cluster refuses
            for each in made:
                each.remove(operator.client, namespace, operator.log)
            raise
        if created is None:
            operator.log.info("the pod is there already: it is taken over")
            created = self._find(namespace)
        operator.pod = created  # for KubernetesPodOperator.on_kill: until the trigger has it, it is the worker's
        return created

    @cached_property
    def fence(self) -> RunFence | None:
        """The network policy around the pods of a closed run; None where the run is not closed."""
        from automl_airflow.kubernetes.fences import fence_of_task

        return fence_of_task(self._study, self.task, self.namespace)

    def _check_closed(self, bundle: Path | None) -> None:
        """Hold the pod as it is now against the deployment's lists: by now its template's file may be another.

        Raises:
            StartError: something in it is on none of them.
        """
        from automl_airflow.closed import policy
        from automl_core.closed.pods import image_problem, images_in, ways_out

        manifest, lists, base = self._manifest([], bundle), policy(), home()
        template = read_template(self.task, base, bundle)
        found = [image_problem(text, where, lists) for where, text in images_in(manifest)]
        wrong = [*(each for each in found if each is not None), *ways_out(template, lists, base)]
        if wrong or lists.problems:
            raise StartError(f"closed environment: {wrong[0] if wrong else lists.problems[0]}", systematic=True)

    def _create_group(self, pod: Any, namespace: str) -> Any:
        """Create the service and the Job of several pods. Returns the Job."""
        operator, task = self._operator, self.task
        plain = operator.client.api_client.sanitize_for_serialization(pod)
        service, job = group_manifests(plain, task.workers, task.port)
        operator.launched = self  # for on_kill, as operator.pod
        hosts = Belonging("service", service)
        hosts.make(operator.client, namespace, self._ask)
        try:
            created = self._ask(lambda: self._batch.create_namespaced_job(namespace, job), exists_is_fine=True)
        except (StartError, NotYet):
            hosts.remove(operator.client, namespace, operator.log)
            raise
        if created is None:
            operator.log.info("the Job is there already: it is taken over")
            created = self._find(namespace)
        hosts.leave_to(created, operator.client, namespace, self._ask, operator.log)
        return created

    @cached_property
    def _brought(self) -> Brought:
        """What the pod is brought beside its folders."""
        return Brought(self._study.experiment, self.task, self.places)

    def _manifest(self, belongings: list[Belonging], bundle: Path | None) -> Manifest:
        task, context, carrying = self.task, context_of(self._study, self._binding, self.places, home()), None
        maps = [each.name for each in belongings if each.kind == "config_map"]
        if task.artifacts is not None:
            image = task.artifacts.image or os.environ.get(IMAGE_VARIABLE)
            if not image:
                raise StartError(
                    f"artifacts.image: name an image of this product, or set {IMAGE_VARIABLE} for Airflow",
                    systematic=True,
                )
            context, order = carried(context, self.places, FOLDER, task.artifacts.every, ENDED)
            carrying = Carrying(task.artifacts, image, MODULE, order.to_json())
        context = self._brought.seen_by(context)
        code = self._brought.code(next((name for name in maps if name.startswith(CONFIG_MAP)), None))
        spec = self._brought.spec_file(context)
        return self._pod(context, maps, bundle, carrying=carrying, spec_file=spec, code=code)

    def _pod(
        self, context: TrialContext, maps: list[str], bundle: Path | None, *, carrying: Carrying | None = None,
        spec_file: SpecInPod | None = None, code: CodeInPod | None = None, lane: LaneInPod | None = None,
    ) -> Manifest:  # fmt: skip
        """The pod (see `PodOrder`).

        Args:
            context: the trial as the pod sees it.
            maps: names of the config maps that it needs.
            bundle: folder of the DAG bundle, where there is one.
            carrying, spec_file, code, lane: as `PodOrder` has them.
        """
        task = self.task
        limits = [task.timeout, self._study.experiment.trials.timeout]
        return pod_manifest(
            PodOrder(
                task=task,
                context=context,
                carrying=carrying,
                attempt=self.attempt,
                memory=self.memory,
                timeout=min((limit for limit in limits if limit is not None), default=None),
                template=read_template(task, home(), bundle),
                files=next((name for name in maps if not name.startswith(CONFIG_MAP)), None),
                spec_file=spec_file,
                code=code,
                environment=worker_variables(self.attempt, task.workers, task.port) if task.workers > 1 else (),
                labels=self.fence.fence.selector if self.fence is not None else {},
                lane=lane,
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
        return ask(call, exists_is_fine=exists_is_fine, grown=self.memory != self.task.memory_bytes)


def give_up_in_time(study: Study, binding: Binding, pending: Pending, error: NotYet) -> None:
    """Fail an attempt that can't be started for now, where the file says so of one that has waited for too long.

    Raises:
        StartError: it has.
    """
    attempt = study.state.works[binding.slot].last_attempt()
    if attempt is not None and pending.then == "fail" and time.time() - attempt.started > pending.timeout:
        raise StartError(f"{error} (for more than pending.timeout, {format_duration(pending.timeout)})") from error


def _with_absolute_storage(task: KubernetesTask) -> KubernetesTask:
    """The task with the absolute path of a storage folder that the file gives relative to AUTOML_HOME."""
    mount = task.storage_mount
    if mount is None or mount.host_path is None:
        return task
    path = str((home() / mount.host_path).resolve())
    return task.model_copy(update={"storage_mount": mount.model_copy(update={"host_path": path})})


def home() -> Any:
    """AUTOML_HOME, to which files of training tasks are relative."""
    from automl_airflow import session

    return session.home()
