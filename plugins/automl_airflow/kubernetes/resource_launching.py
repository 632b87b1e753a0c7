"""Starting an attempt's custom resource, once: whoever does it a second time takes it over."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from automl_airflow.kubernetes.asking import ask, reason_of
from automl_airflow.kubernetes.launching import give_up_in_time
from automl_airflow.kubernetes.queues import check_queue
from automl_airflow.session import home
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.resource import resource_manifest, resource_name
from automl_core.backends.remote import NotYet
from automl_core.running.bringing import spec_text
from automl_core.running.places import Places, context_of
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.errors import did_you_mean
from automl_core.study.queued import QUEUE

if TYPE_CHECKING:
    from kubernetes.client import CustomObjectsApi

    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class ResourceLaunch:
    """The start of one attempt."""

    def __init__(self, study: Study, store: ObjectStore, binding: Binding, log: Any) -> None:
        """Prepare, without asking the cluster.

        Raises:
            TypeError: the training task is no custom resource.
        """
        task = study.experiment.tasks[binding.task]
        if not isinstance(task, CustomResourceTask):
            raise TypeError(f"{task.name} is no custom resource")
        self._study, self._binding, self.task, self._log = study, binding, task, log
        prefix, state = study.journal.prefix, study.state
        self.root = task.storage_path or store.url
        self.places = Places(store, prefix, binding, self.root)
        self.attempt = AttemptId(
            place=f"{store.url}/{prefix}", experiment=state.name, run=state.run, trial=binding.trial,
            slot=binding.slot, task=task.name, attempt=binding.attempt,
        )  # fmt: skip
        self.name = resource_name(self.attempt, task.name_length)
        self._started = False

    @property
    def namespace(self) -> str:
        """Where the resource goes."""
        if self.task.namespace:
            return self.task.namespace
        from automl_airflow.kubernetes.connection import cluster_of

        return cluster_of(self.task.connection).namespace_or_default()

    @cached_property
    def objects(self) -> CustomObjectsApi:
        """The cluster's custom resources."""
        return objects_of(self.task.connection)

    @cached_property
    def plural(self) -> str:
        """The kind's name in the API, as the cluster says.

        Raises:
            StartError: the cluster has no such kind.
            NotYet: the cluster does not answer for now.
        """
        return plural_of(self.objects, self.task)

    def is_there(self) -> bool:
        """Whether the attempt's resource exists and is not being deleted; not where the start will say why it can't."""
        try:
            found = self._find()
        except StartError:
            return False
        return found is not None and not found["metadata"].get("deletionTimestamp")

    def start(self) -> dict[str, Any]:
        """Create the resource, or take over the one of this very attempt.

        Returns:
            Where it is, for the trigger and the journal.

        Raises:
            StartError: the cluster does not take it; the message says why, with the field.
            NotYet: it does not take it for now.
            PlaceholderError: a ``${…}`` of the task can't be substituted.
        """
        namespace, task = self.namespace, self.task
        try:
            if self._find() is None:
                self._create(namespace)
            else:
                self._log.info("the resource is there already: it is taken over")
        except NotYet as error:
            give_up_in_time(self._study, self._binding, task.pending, error)
            raise
        self._log.info("%s %s/%s", task.kind, namespace, self.name)
        return {
            "kind": "resource", "name": self.name, "namespace": namespace, "connection": task.connection,
            "group_version": task.api_version, "plural": self.plural,
            **({QUEUE: task.kueue.queue} if task.kueue is not None else {}),
        }  # fmt: skip

    def end(self) -> None:
        """End the resource that was started here and that no trigger has yet."""
        from kubernetes.client.exceptions import ApiException

        if not self._started:
            return
        try:
            self.objects.delete_namespaced_custom_object(
                *self._kind(), self.name, propagation_policy=self.task.propagation
            )
        except ApiException as error:
            if error.status != 404:
                self._log.warning("%s/%s was not deleted: %s", self.namespace, self.name, reason_of(error))

    def _create(self, namespace: str) -> None:
        task = self.task
        if task.kueue is not None:
            check_queue(self.objects.api_client, task.kueue, namespace, ask)
        context = context_of(self._study, self._binding, self.places, home())
        spec = self._study.experiment.spec_file
        if spec is not None:
            key = self.places.spec_key(spec.file_name)
            context = replace(context, spec_file=self.places.seen(key))
            self.places.store.put(key, spec_text(spec, context).encode())
        manifest = resource_manifest(task, context, self.attempt)
        kind = self._kind()
        self._fence(manifest)
        self.places.prepare()
        self._started = True
        made = ask(  # strict: a field that the kind does not have would be dropped without a word
            lambda: self.objects.create_namespaced_custom_object(*kind, manifest, field_validation="Strict"),
            exists_is_fine=True,
        )
        if made is None:
            self._log.info("the resource is there already: it is taken over")

    def _fence(self, manifest: dict[str, Any]) -> None:
        """Of a closed run: hold the resource against the deployment's lists, and its pods to a network policy.

        Raises:
            StartError: something in it is on no list, or the policy does not hold.
            NotYet: the cluster does not answer for now.
        """
        from automl_airflow.closed import is_closed, policy
        from automl_airflow.kubernetes.fences import fence_of_resource
        from automl_airflow.session import home
        from automl_core.closed.pods import image_problem, images_in, ways_out

        if not is_closed(self._study.experiment):
            return
        lists = policy()
        images = [(where, text) for where, text in images_in(manifest) if text]
        found = [image_problem(text, where, lists) for where, text in images]
        wrong = [*(each for each in found if each is not None), *ways_out(manifest, lists, home())]
        if wrong or lists.problems:
            raise StartError(f"closed environment: {wrong[0] if wrong else lists.problems[0]}", systematic=True)
        label = lists.resources.get(f"{self.task.api_version.partition('/')[0]}/{self.task.kind}")
        if not images or self.task.pods is None or self.task.pods.label != label:
            raise StartError(
                "closed environment: the resource names no image, or not the label that all of its pods have",
                systematic=True,
            )
        fence_of_resource(self._study, self.task, self.namespace, self.name, images[0][1]).hold(ask, self._log)

    def _kind(self) -> tuple[str, str, str, str]:
        """Group, version, namespace and plural: what the API's calls begin with."""
        group, version = self.task.api_version.split("/")
        return group, version, self.namespace, self.plural

    def _find(self) -> dict[str, Any] | None:
        """The attempt's resource, None where there is none.

        Raises:
            StartError: a resource of that name is somebody else's.
        """
        kind = self._kind()
        try:
            found: dict[str, Any] = ask(lambda: self.objects.get_namespaced_custom_object(*kind, self.name))
        except StartError as error:
            if getattr(error.__cause__, "status", None) == 404:
                return None
            raise
        if not self.attempt.owns(found["metadata"].get("labels")):
            raise StartError(
                f"a {self.task.kind} {self.namespace}/{self.name} that is not this attempt's stands in the way"
            )
        return found


def objects_of(connection: str) -> CustomObjectsApi:
    """The custom resources of the cluster of an Airflow connection."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import CustomObjectsApi

    return CustomObjectsApi(KubernetesHook(conn_id=connection).get_conn())


def plural_of(objects: CustomObjectsApi, task: CustomResourceTask) -> str:
    """The name that the API has for a task's kind of resource, by discovery.

    Raises:
        StartError: the cluster has no such kind.
        NotYet: the cluster does not answer for now.
    """
    group, version = task.api_version.split("/")
    try:
        found = ask(lambda: objects.get_api_resources(group, version)).resources
    except StartError as error:
        if getattr(error.__cause__, "status", None) != 404:
            raise
        raise StartError(
            f"resource.apiVersion: the cluster has no {task.api_version}: is the controller of {task.kind} installed, "
            "in this version?",
            systematic=True,
        ) from error
    kinds = {each.kind: each for each in found if "/" not in each.name}
    if task.kind not in kinds:
        raise StartError(
            f"resource.kind: {task.api_version} has no {task.kind!r} (it has {', '.join(sorted(kinds))}). "
            f"{did_you_mean(task.kind, kinds)}".strip(),
            systematic=True,
        )
    if not kinds[task.kind].namespaced:
        raise StartError(f"resource.kind: a {task.kind} belongs to no namespace, and is no job", systematic=True)
    return str(kinds[task.kind].name)
