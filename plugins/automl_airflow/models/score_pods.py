"""One interval scored in a pod with this product's image: the claim around what KubernetesPodOperator does.

The pod is told what to do by its environment and has its keys from a secret of its own; what came of it lies in the
model's storage. Importing this costs seconds (the Kubernetes client): only a file that needs it does.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operator

from automl_airflow.compat import bundle_folder
from automl_airflow.kubernetes.asking import ask
from automl_airflow.kubernetes.belongings import Belonging
from automl_airflow.kubernetes.brought import IMAGE_VARIABLE
from automl_airflow.models.score_orders import keys_of
from automl_airflow.models.score_tasks import Attempt, ScoreTask
from automl_core.backends.base import StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes.files import read_template
from automl_core.backends.kubernetes.manifest import Manifest, PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, NAME_LABEL, AttemptId
from automl_core.backends.kubernetes.secrets import secret, secret_name
from automl_core.backends.remote import NotYet
from automl_core.spec.kubernetes import KubernetesTask, SecretVariable

if TYPE_CHECKING:
    from automl_core.models.batch import Order, Report
    from automl_core.models.file import ModelFile

BEGUN = "begun"
"""XCom in which the claim outlives the worker; it holds no secret."""

MODULE = "automl_core.models.batch"

STARTED_WITHIN = 600
"""Seconds that a pod has to find a node, and to start there, as `pending.timeout` of a trial. An image takes longer
than a minute or two on a new node."""

AFTER_DEADLINE = 60.0
"""Seconds that ending a pod, and telling of it, may take once the task's ``execution_timeout`` is over."""


class PodScoreOperator(ScoreTask, KubernetesPodOperator):
    """Scores one interval in a pod; the watch that trials have follows it too."""

    ui_color = "#d9e7fb"
    template_fields: Sequence[str] = ("interval",)
    template_fields_renderers: ClassVar[dict[str, str]] = {}

    def __init__(
        self, *, file: ModelFile, cluster: str, interval: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(
            kubernetes_conn_id=cluster, random_name_suffix=False, deferrable=True, do_xcom_push=False,
            get_logs=False, **kwargs,
        )  # fmt: skip
        self.file, self.interval = file, interval
        self._attempt: Attempt | None = None

    def execute(self, context: Any, event: Any = None) -> Any:
        """Claim the interval and start its pod, or take that over.

        Args:
            context: of the task.
            event: of the trigger that has waited for data.
        """
        from automl_airflow.closed import is_closed

        if is_closed(self.file):
            raise AirflowFailException(
                "closed environment: pods that score are not fenced in by this release; use deploy.backend local"
            )
        attempt = self._attempt = Attempt(self, context)
        outcome = attempt.begin(adopt=True)
        if outcome is not None:
            return attempt.told(outcome)
        context["ti"].xcom_push(key=BEGUN, value=attempt.begun.to_json())
        try:
            self.pod_template_dict = self._manifest(attempt.order, bundle_folder(context))
            self.execute_async(context)  # which defers
        except StartError as error:
            return attempt.told(attempt.failed(str(error), final=error.systematic))
        except NotYet as error:
            return attempt.told(attempt.failed(str(error)))

    def get_or_create_pod(self, pod_request_obj: Any, context: Any) -> Any:
        """The attempt's pod: created once, found by its name; pods of earlier attempts are ended.

        Raises:
            StartError: the cluster doesn't take it.
            NotYet: it doesn't for now.
        """
        assert self._attempt is not None
        order = self._attempt.order
        name = attempt_id(order)
        namespace = pod_request_obj.metadata.namespace
        found = self._find(name, namespace)
        if found is not None:
            self.log.info("the pod %s/%s is there already: it is taken over", namespace, name.name)
            return found
        self._end_others(name, namespace)
        keys = Belonging("secret", secret(name, {"keys": keys_of(order)}))
        made = keys.make(self.client, namespace, ask)
        try:
            created = ask(
                lambda: self.client.create_namespaced_pod(namespace, pod_request_obj), exists_is_fine=True
            )  # fmt: skip
        except Exception:
            if made:
                keys.remove(self.client, namespace, self.log)
            raise
        created = created if created is not None else self._find(name, namespace)
        keys.leave_to(created, self.client, namespace, ask, self.log)
        self.log.info("pod %s/%s", namespace, name.name)
        return created

    def invoke_defer_method(self, last_log_time: Any = None, context: Any = None) -> None:
        """Defer to a trigger that watches with those of trials, not to the provider's, which asks for each pod alone.

        Raises:
            TaskDeferred: always; a pod that has ended already (a retry finds it) is told of by the trigger too.
        """
        from automl_airflow.models.score_pod_watching import GRACE, ScorePodTrigger

        pod = self.pod
        assert pod is not None  # `execute_async` has made it, or found it
        deadline = timeout = None
        if self.execution_timeout is not None and context is not None:
            deadline = (context["ti"].start_date + self.execution_timeout).timestamp()
            # the trigger is to end the pod, and to tell: Airflow's own timeout leaves both undone
            timeout = timedelta(seconds=max(0.0, deadline - time.time()) + GRACE + AFTER_DEADLINE)
        self.defer(
            trigger=ScorePodTrigger(
                connection=str(self.kubernetes_conn_id), namespace=pod.metadata.namespace,
                pod=pod.metadata.name, pending=STARTED_WITHIN, deadline=deadline,
            ),
            method_name="trigger_reentry", timeout=timeout,
        )  # fmt: skip

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> Any:
        """The pod has ended: what came of it is read from the model's storage, and recorded.

        Args:
            context: of the task.
            event: of `ScorePodTrigger`; the provider's has the same keys, which pods that an older release has
                started are still waited for with.
        """
        from automl_core.models.batch import Begun

        attempt = self._attempt = Attempt(self, context)
        attempt.begun = Begun.from_json(context["ti"].xcom_pull(key=BEGUN, task_ids=self.task_id,
                                                                map_indexes=context["ti"].map_index))  # fmt: skip
        outcome = attempt.end(
            self._report(attempt, "" if event["status"] == "success" else str(event.get("message") or ""))
        )
        self._remove(event["name"], event["namespace"])  # now that it is recorded: until then a retry finds it
        told = attempt.told(outcome)
        context["ti"].xcom_push(key="return_value", value=told)
        return told

    def patch_already_checked(self, pod: Any, *, reraise: bool = True) -> None:
        """Label no pod: whose it is stands in its name, and it is deleted. So no right to patch pods is needed."""

    def on_kill(self) -> None:
        """The task was cleared or marked before a trigger has the pod: it is ended."""
        self.killed = True
        super().on_kill()

    # --- parts ------------------------------------------------------------------------------------

    def _remove(self, name: str, namespace: str) -> None:
        """Delete the ended pod, and its secret with it. What is recorded stays so where that fails."""
        try:
            ask(lambda: self.client.delete_namespaced_pod(name, namespace))
        except (StartError, NotYet) as error:
            if not isinstance(error.__cause__, ApiException) or error.__cause__.status != 404:
                self.log.warning("the pod %s/%s was not deleted: %s", namespace, name, error)

    def _report(self, attempt: Attempt, ended: str) -> Report:
        from automl_core.models.batch import Report
        from automl_core.storage import NotFound

        store = attempt.batch.life.store
        try:
            return Report.from_json(self.patiently(lambda: store.get(attempt.order.report)).decode())
        except NotFound:
            return Report(problem="later", words=f"the pod came to no end of its own: {ended or 'it left no report'}")
        except ValueError as error:
            return Report(problem="later", words=str(error))

    def _manifest(self, order: Order, bundle: Path | None) -> Manifest:
        from automl_airflow.session import home
        from automl_core.models.batch.order import KEYS_VARIABLE, VARIABLE
        from automl_core.models.batch.processes import LONGEST

        deploy: Any = self.file.deploy
        image = deploy.image or (None if deploy.pod_template is not None else os.environ.get(IMAGE_VARIABLE))
        if image is None and deploy.pod_template is None:
            raise StartError(
                f"deploy.image: name an image of this product, or set {IMAGE_VARIABLE} for Airflow", systematic=True
            )
        name = attempt_id(order)
        task = KubernetesTask(
            name="score", backend="kubernetes", image=image, command=["python", "-m", MODULE],
            env={VARIABLE: order.to_json().replace("${", "$${")}, connection=deploy.connection,
            namespace=deploy.namespace, resources=deploy.resources, pod_template=deploy.pod_template,
            secrets=[SecretVariable(env=KEYS_VARIABLE, secret=secret_name(name), key="keys")],
        )  # fmt: skip
        context = TrialContext(
            experiment_id=order.name, run_id=order.run, trial=order.generation, attempt=order.attempt, params={},
            checkpoint_dir="", model_dir="",
        )  # fmt: skip
        memory = task.memory_bytes
        manifest = pod_manifest(
            PodOrder(task, context, name, memory, template=read_template(task, home(), bundle))
        )  # fmt: skip
        self.namespace = task.namespace or self._default_namespace(deploy.connection)
        manifest["metadata"]["namespace"] = self.namespace
        manifest["spec"]["activeDeadlineSeconds"] = int(LONGEST)
        return manifest

    @staticmethod
    def _default_namespace(connection: str) -> str:
        from automl_airflow.kubernetes.connection import cluster_of

        return cluster_of(connection).namespace_or_default()

    def _find(self, name: AttemptId, namespace: str) -> Any:
        try:
            pod = ask(lambda: self.client.read_namespaced_pod(name.name, namespace))
        except StartError as error:
            if isinstance(error.__cause__, ApiException) and error.__cause__.status == 404:
                return None
            raise
        if not name.owns(pod.metadata.labels):
            raise StartError(f"a pod {namespace}/{name.name} that is not this attempt's stands in the way")
        return pod

    def _end_others(self, name: AttemptId, namespace: str) -> None:
        """End pods of earlier attempts at this interval: their claims count no more."""
        selector = f"{JOURNAL_LABEL}={name.labels[JOURNAL_LABEL]},automl/task={name.labels['automl/task']}"
        for pod in ask(lambda: self.client.list_namespaced_pod(namespace, label_selector=selector)).items:
            if pod.metadata.labels.get(NAME_LABEL) != name.name:
                self.log.info("the pod %s of an earlier attempt is ended", pod.metadata.name)
                try:
                    self.client.delete_namespaced_pod(pod.metadata.name, namespace)
                except ApiException as error:
                    if error.status != 404:
                        self.log.warning("it was not: %s", error.reason)


def attempt_id(order: Order) -> AttemptId:
    """What the pod of an attempt is called: the same whoever starts it."""
    return AttemptId(
        place=json.dumps([order.storage.text, order.name]), experiment=order.name,
        run=f"{order.run} {order.token}", trial=order.generation, slot=order.generation, task=order.key,
        attempt=order.attempt,
    )  # fmt: skip
