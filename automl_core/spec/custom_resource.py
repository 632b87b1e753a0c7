"""A training task that is a custom resource of a Kubernetes cluster: a TrainJob, a PyTorchJob, a RayJob, a Workflow."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.field_paths import FieldPath, Steps, TooManyPlaces, places
from automl_core.spec.kubernetes import ObjectName, Pending, PodPath
from automl_core.spec.queueing import Kueue
from automl_core.spec.tasks import TaskBase
from automl_core.spec.units import Duration

_KEYS = ("apiVersion", "kind", "metadata", "spec")
_METADATA = ("labels", "annotations")

STEPS = 50_000
"""Steps that all paths of a task may take through its resource: whoever may look can have a file checked."""


class ResourceState(Model):
    """A state of the resource: a condition that holds, or a field with one of some values."""

    condition: str | None = Field(None, min_length=1, description="Type of a condition in status.conditions.")
    status: Literal["True", "False", "Unknown"] = Field("True", description="Status that the condition has to have.")
    reasons: list[str] = Field(
        default_factory=list, description="Reasons that the condition may have; any when left out."
    )
    field: FieldPath | None = Field(None, description="A field instead, such as status.phase.")
    values: list[str] = Field(default_factory=list, description="Values of the field that mean it.")

    @model_validator(mode="after")
    def _one_kind(self) -> ResourceState:
        if (self.condition is None) == (self.field is None):
            raise ValueError("exactly one of condition and field is wanted here")
        if self.field is not None and not self.values:
            raise ValueError("values: name the values of the field that mean it")
        if self.field is not None and self.reasons:
            raise ValueError("reasons: a field has none; they are of a condition")
        if self.condition is not None and self.values:
            raise ValueError("values: a condition has a status and reasons")
        return self


class ResourcePods(Model):
    """How the pods of the resource are found, and whose output counts."""

    label: str = Field(
        pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        description="Label of the pods whose value is the resource's name: jobset.sigs.k8s.io/jobset-name.",
    )
    main: dict[str, str] = Field(
        default_factory=dict,
        description="Further labels of the pods whose output is the trial's; the lines of the others are shown only.",
    )
    container: str | None = Field(None, description="Container that trains; the pod's first when left out.")


class CustomResourceTask(TaskBase):
    """A training task that a controller of the cluster runs, from an object of its own kind."""

    backend: Literal["custom_resource"]
    resource: dict[str, Any] = Field(
        description="apiVersion, kind and spec, and labels and annotations of its metadata; ${…} in every text."
    )
    env_at: list[FieldPath] = Field(
        default_factory=list,
        description="Lists of environment variables in it, to which AUTOML_* and `env` are added: spec.trainer.env.",
    )
    json_at: list[FieldPath] = Field(
        default_factory=list,
        description="Fields whose text is read as JSON once ${…} is substituted: numbers, true and false.",
    )
    success: list[ResourceState] = Field(min_length=1, description="States, of which any means that it has succeeded.")
    failure: list[ResourceState] = Field(min_length=1, description="States, of which any means that it has failed.")
    message_at: FieldPath = Field("status.message", description="Why, where a field and not a condition says that.")
    pods: ResourcePods | None = Field(
        None, description="Its pods: output, metrics, when it began, why it failed. Without, its states alone count."
    )
    suspend_at: FieldPath = Field("spec.suspend", description="Field that keeps it suspended while it is true.")
    kueue: Kueue | None = Field(None, description="The queue of Kueue in which each attempt waits for its turn.")
    storage_path: PodPath | None = Field(
        None, description="Where its pods mount a file:// model storage path; buckets need none."
    )
    connection: str = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: ObjectName | None = Field(None, description="Namespace; the connection's when left out.")
    name_length: int = Field(
        40, ge=24, le=63,
        description="Longest name: what the controller makes of it is called after it, with more behind.",
    )  # fmt: skip
    pending: Pending = Field(default_factory=Pending, description="When a pod can't be scheduled or started.")
    propagation: Literal["Background", "Foreground"] = Field(
        "Background", description="How what belongs to it goes when it is deleted."
    )
    keep_resources: Literal["never", "failed", "always"] = Field(
        "never", description="Which ended resources are left to look at."
    )
    grace: Duration = Field(30.0, description="How long its pods are expected to take to end.")
    poll: Duration | None = Field(
        None, description="How often log and metrics are read; by the number of pods (2s to 5s) when left out."
    )

    @property
    def api_version(self) -> str:
        """``apiVersion`` of the resource."""
        return str(self.resource["apiVersion"])

    @property
    def kind(self) -> str:
        """``kind`` of the resource."""
        return str(self.resource["kind"])

    @model_validator(mode="after")
    def _whole(self) -> CustomResourceTask:
        resource = self.resource
        for key in ("apiVersion", "kind"):
            if not isinstance(resource.get(key), str) or not resource[key] or "$" in resource[key]:
                raise ValueError(f"resource.{key}: a text is wanted here, the same for every trial")
        if self.api_version.count("/") != 1:
            raise ValueError(
                f"resource.apiVersion: GROUP/VERSION is wanted here, such as trainer.kubeflow.org/v1alpha1; found "
                f"{self.api_version!r}"
            )
        unknown = sorted(set(resource) - set(_KEYS))
        if unknown:
            raise ValueError(f"resource.{unknown[0]}: only {', '.join(_KEYS)} are wanted here")
        metadata = resource.get("metadata") or {}
        if not isinstance(metadata, dict) or set(metadata) - set(_METADATA):
            raise ValueError(
                "resource.metadata: only labels and annotations are wanted here; its name follows from the attempt, "
                "and its namespace is `namespace`"
            )
        if not isinstance(resource.get("spec") or {}, dict):
            raise ValueError("resource.spec: a mapping is wanted here")
        self._check_paths()
        return self

    def _check_paths(self) -> None:
        made, count = _copy(self.resource), Steps(STEPS)  # what one path makes is there for the next, as in a trial
        for field, paths in (("env_at", self.env_at), ("json_at", self.json_at)):
            for index, path in enumerate(paths):
                try:
                    make = field == "env_at"  # `json_at` is read before anything is made
                    found = list(places(made if make else self.resource, path, make=make, count=count))
                except TooManyPlaces as error:
                    raise ValueError(f"{field}[{index}]: all paths together take {error} through resource") from None
                except KeyError as error:
                    raise ValueError(f"{field}[{index}]: {path} leads nowhere in resource: {error.args[0]}") from None
                for container, key in found:
                    value = container.get(key) if isinstance(container, dict) else container[key]
                    if field == "env_at" and not isinstance(value or [], list):
                        raise ValueError(f"env_at[{index}]: {path} is no list of environment variables")
                    if field == "json_at" and not isinstance(value, str):
                        raise ValueError(f"json_at[{index}]: {path} is no text: {value!r} needs no reading")


def _copy(value: Any) -> Any:
    """Plain data of its own: what a path makes on its way is not to stay."""
    if isinstance(value, dict):
        return {key: _copy(child) for key, child in value.items()}
    return [_copy(child) for child in value] if isinstance(value, list) else value
