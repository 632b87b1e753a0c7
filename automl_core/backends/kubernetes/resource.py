"""The custom resource of an attempt: its name, its manifest, and what its states mean. Pure functions of plain JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.backends.contract import TrialContext, environment, substitute
from automl_core.backends.kubernetes.manifest import CONTAINER, Manifest, rendered, variable
from automl_core.backends.kubernetes.naming import AttemptId, dns_label
from automl_core.backends.kubernetes.queueing import labels_of
from automl_core.backends.substitution import PlaceholderError
from automl_core.spec.custom_resource import CustomResourceTask, ResourceState
from automl_core.spec.field_paths import places, value_at


def resource_name(attempt: AttemptId, longest: int) -> str:
    """Name of an attempt's resource: a function of the attempt alone, a DNS-1035 label of ``longest`` characters."""
    if len(attempt.name) <= longest:
        return attempt.name
    digest = hashlib.sha256(attempt.name.encode()).hexdigest()[:10]
    tail = f"t{attempt.trial}-a{attempt.attempt}"[: longest - 12] + f"-{digest}"
    words = dns_label(attempt.name, longest - len(tail) - 1)
    return f"{words}-{tail}" if words else tail


def resource_manifest(task: CustomResourceTask, context: TrialContext, attempt: AttemptId) -> Manifest:
    """The resource of an attempt, as the API server takes it.

    Raises:
        PlaceholderError: a ``${…}`` of the task can't be substituted, or its value is no JSON where `json_at` says so.
    """
    made: Manifest = rendered(_typed(task, context), context)
    metadata = made["metadata"] = dict(made.get("metadata") or {})
    metadata["name"] = resource_name(attempt, task.name_length)
    metadata["labels"] = {**(metadata.get("labels") or {}), **attempt.labels, **labels_of(task.kueue)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **attempt.annotations}
    given = {name: substitute(value, context) for name, value in task.env.items()}
    values = {"PYTHONUNBUFFERED": "1", **given, **environment(context)}
    own = [variable(name, value) for name, value in values.items()]  # each once: many kinds take no name twice
    for path in task.env_at:
        for container, key in places(made, path, make=True):
            there = (container.get(key) if isinstance(container, dict) else container[key]) or []
            container[key] = [*(each for each in there if each.get("name") not in values), *own]
    return made


def _typed(task: CustomResourceTask, context: TrialContext) -> Any:
    """The resource as in the file, with what `json_at` names already substituted and read."""
    made = json.loads(json.dumps(task.resource))
    for path in task.json_at:
        for container, key in places(made, path):
            text = substitute(container[key], context)
            try:
                container[key] = json.loads(text)
            except ValueError:
                raise PlaceholderError(f"json_at: {path} is no JSON in this trial: {text!r}") from None
    return made


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a resource has ended, by its own word.

    Attributes:
        succeeded: or failed.
        reason: its word for it: the condition's reason, or the field's value.
        message: its explanation, empty where it gives none.
    """

    succeeded: bool
    reason: str
    message: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.reason}: {self.message}" if self.message else self.reason


def verdict(task: CustomResourceTask, resource: Mapping[str, Any]) -> Verdict | None:
    """How a resource has ended, None while it has not. What says both has failed."""
    for succeeded, states in ((False, task.failure), (True, task.success)):
        for state in states:
            found = _holds(state, resource)
            if found is not None:
                reason, message = found
                return Verdict(succeeded, reason, message or str(value_at(resource, task.message_at) or ""))
    return None


def _holds(state: ResourceState, resource: Mapping[str, Any]) -> tuple[str, str] | None:
    """Reason and message of a state that holds, None where it doesn't."""
    if state.field is not None:
        value = value_at(resource, state.field)
        words = json.dumps(value) if isinstance(value, bool) else str(value)
        return (words, "") if value is not None and words in state.values else None
    for condition in (resource.get("status") or {}).get("conditions") or []:
        if condition.get("type") != state.condition or condition.get("status") != state.status:
            continue
        reason = str(condition.get("reason") or "")
        if not state.reasons or reason in state.reasons:
            return reason or str(state.condition), str(condition.get("message") or "")
    return None


def is_suspended(task: CustomResourceTask, resource: Mapping[str, Any]) -> bool:
    """Whether it is kept from running: by a queue, or by somebody."""
    return value_at(resource, task.suspend_at) is True


def is_main(pod: Mapping[str, Any], main: Mapping[str, str]) -> bool:
    """Whether a pod's output is the trial's."""
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in main.items())


def training_in(pod: Mapping[str, Any], container: str | None) -> Mapping[str, Any]:
    """A pod as if the container that trains were called as in pods of ours, so that its end is read as theirs."""
    status = pod.get("status") or {}
    found = status.get("containerStatuses") or []
    if container is None or not any(each.get("name") == container for each in found):
        return pod
    renamed = [{**each, "name": CONTAINER if each.get("name") == container else each.get("name")} for each in found]
    return {**pod, "status": {**status, "containerStatuses": renamed}}
