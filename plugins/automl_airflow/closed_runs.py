"""A closed run from its beginning to its end: what is taken, the fence around its pods, and that it goes with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

if TYPE_CHECKING:
    from collections.abc import Callable

    from automl_core.spec.models import Experiment
    from automl_core.spec.yaml_reader import Document
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Study

FENCE_AGAIN = timedelta(seconds=60)
"""How long a closed run waits whose probe the cluster does not take for now."""


def taken(experiment: Experiment, document: Document, store: ObjectStore, bundle: Path | None) -> Experiment:
    """The experiment as its closed environment takes it: this is where that is decided.

    Raises:
        SpecError: it refuses something of it.
        StorageError, BackendError: a connection leads to another server than the deployment's lists say.
    """
    from automl_airflow.closed import check_opened, check_servers, closed_problems, is_closed, policy
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import locate

    if not is_closed(experiment):
        return experiment
    refused = closed_problems(experiment, bundle, Path(document.source), real=True)
    if refused:
        raise SpecError(locate(refused, document))
    check_opened(store, experiment.output.storage, policy())
    check_servers(experiment)
    return experiment.model_copy(update={"closed": True})  # the journal says so, whatever the deployment says later


def fence(study: Study, log: Any, patiently: Callable[[Callable[[], Any]], Any]) -> None:
    """Before anything trains in a cluster: a network policy around it, and a probe that it holds.

    Raises:
        AirflowFailException: it doesn't. The experiment has ended by that.
        AirflowRescheduleException: the cluster does not take the probe for now (a quota is used up, say).
    """
    from automl_airflow.closed import is_closed

    if not is_closed(study.experiment) or study.state.stop is not None:
        return
    from automl_core.spec.kubernetes import KubernetesTask
    from automl_core.spec.stages import task_places

    if any(isinstance(task, KubernetesTask) for _, task in task_places(study.experiment)):
        from automl_airflow.kubernetes.fences import NotFenced, fence_run
        from automl_core.backends.remote import NotYet
        from automl_core.states import ExperimentState

        try:
            patiently(lambda: fence_run(study, log))
        except NotYet as error:
            log.warning("it is tried again in %.0f s: %s", FENCE_AGAIN.total_seconds(), error)
            raise AirflowRescheduleException(datetime.now(UTC) + FENCE_AGAIN) from None
        except NotFenced as error:
            why = str(error)
            patiently(lambda: study.stop("closed", ExperimentState.FAILED, why))
            raise AirflowFailException(why) from None


def lift_fences(study: Study, log: Any) -> None:
    """Take away the network policies of a closed run once none of its pods is left."""
    from automl_airflow.closed import is_closed

    if is_closed(study.experiment) and _in_clusters(study):
        from automl_airflow.kubernetes.fences import lift

        lift(study, log)


def _in_clusters(study: Study) -> bool:
    """Whether a training task, of a stage too, runs in a cluster."""
    from automl_core.spec.stages import task_places

    backends = {getattr(task, "backend", "local") for _, task in task_places(study.experiment)}
    return bool(backends & {"kubernetes", "custom_resource"})
