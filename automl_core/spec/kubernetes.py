"""A training task that runs in a pod of a Kubernetes cluster (or in several, trained as one)."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.pod_lanes import Lane, lane_problem
from automl_core.spec.pod_templates import problem_of_template
from automl_core.spec.quantities import Quantity, parse_quantity
from automl_core.spec.queueing import Kueue
from automl_core.spec.tasks import TaskBase
from automl_core.spec.units import Duration

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _check_absolute(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) == "/" or ".." in path.split("/"):
        raise ValueError("an absolute path in the pod is wanted here, such as /mnt/runs")
    return posixpath.normpath(path)


def _check_dns_name(name: str) -> str:
    if not _DNS_NAME.fullmatch(name):
        raise ValueError("a Kubernetes name is wanted here: lower-case letters, digits, '-' and '.'")
    return name


def _check_env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise ValueError("the name of an environment variable is wanted here: letters, digits and '_'")
    return name


PodPath = Annotated[str, AfterValidator(_check_absolute)]
"""An absolute path in a pod, other than its root."""

ObjectName = Annotated[str, AfterValidator(_check_dns_name)]
"""The name of an object in the cluster."""


class Gpus(Model):
    """Graphics processors of a pod."""

    count: int = Field(1, ge=1, description="How many.")
    type: str | None = Field(
        None, description="Product, such as NVIDIA-A100-SXM4-40GB: only nodes whose `type_label` says so."
    )
    resource: str = Field("nvidia.com/gpu", description="The cluster's resource name of such processors.")
    type_label: str = Field("nvidia.com/gpu.product", description="Label of the nodes that names the product.")


class PodResources(Model):
    """What each pod asks for."""

    cpu: Quantity | None = Field(None, description="CPUs requested (and allowed, with `cpu_limit`): 2, or 500m.")
    memory: Quantity | None = Field(None, description="Memory requested, and its limit: 4Gi.")
    gpu: Gpus | int | None = Field(None, description="GPUs: a number, or {count, type}.")
    cpu_limit: Quantity | None = Field(None, description="CPUs allowed at most; unlimited when left out.")
    other: dict[str, Quantity] = Field(
        default_factory=dict, description="Further resources by name, requested and limited: {ephemeral-storage: 10Gi}."
    )

    @property
    def gpus(self) -> Gpus | None:
        """The GPUs as a group, however the file says it."""
        if isinstance(self.gpu, int):
            return Gpus(count=self.gpu) if self.gpu > 0 else None
        return self.gpu

    @model_validator(mode="after")
    def _plausible(self) -> PodResources:
        if isinstance(self.gpu, int) and self.gpu < 0:
            raise ValueError("gpu: a number of GPUs of at least 0 is wanted here")
        if self.cpu and self.cpu_limit and parse_quantity(self.cpu_limit) < parse_quantity(self.cpu):
            raise ValueError(f"cpu_limit: {self.cpu_limit} is below cpu ({self.cpu})")
        return self


class SecretVariable(Model):
    """An environment variable whose value is in a Kubernetes secret, or in an Airflow connection, and nowhere else."""

    env: Annotated[str, AfterValidator(_check_env_name)] = Field(description="Name of the environment variable.")
    secret: ObjectName | None = Field(None, description="Name of the secret, in the pod's namespace.")
    connection: str | None = Field(
        None, min_length=1,
        description="Airflow connection instead: its value is in a secret of the cluster for as long as the attempt's "
        "pod is.",
    )  # fmt: skip
    key: str = Field(
        min_length=1,
        description="Key in the secret; of a connection login, password, host, port, schema, or a key of its extra.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> SecretVariable:
        if (self.secret is None) == (self.connection is None):
            raise ValueError("exactly one of secret and connection is wanted here")
        return self


_SOURCES = ("claim", "host_path", "config_map", "secret", "empty_dir")


class Volume(Model):
    """A volume and where it is mounted. Exactly one of claim, host_path, config_map, secret and empty_dir."""

    mount: PodPath = Field(description="Path in the pod.")
    claim: ObjectName | None = Field(None, description="A persistent volume claim.")
    host_path: str | None = Field(None, description="A folder of the node.")
    config_map: ObjectName | None = Field(None, description="A config map.")
    secret: ObjectName | None = Field(None, description="A secret.")
    empty_dir: Quantity | Literal[True] | None = Field(
        None, description="An empty folder that goes with the pod: true, or its largest size."
    )
    sub_path: str | None = Field(None, description="Folder of the volume that is mounted; its root when left out.")
    read_only: bool = Field(False, description="Mount it read-only.")

    @model_validator(mode="after")
    def _one_source(self) -> Volume:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(_SOURCES)}; found {found}")
        return self


class StorageMount(Model):
    """Where a file:// model storage path is found in the pod. Exactly one of claim, host_path and volume."""

    path: PodPath = Field(description="Path in the pod at which the folder of output.storage is seen.")
    claim: ObjectName | None = Field(None, description="The persistent volume claim that is this folder.")
    host_path: str | None = Field(
        None, description="The folder's path on the nodes; a relative one is relative to AUTOML_HOME."
    )
    volume: ObjectName | None = Field(None, description="Name of a volume of `pod_template` that is this folder.")
    sub_path: str | None = Field(None, description="Folder within the volume.")

    @model_validator(mode="after")
    def _one_source(self) -> StorageMount:
        given = [name for name in ("claim", "host_path", "volume") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of claim, host_path and volume; found {' and '.join(given) or 'none'}")
        return self


class Toleration(Model):
    """A taint of nodes that the pod tolerates, as in a pod."""

    key: str | None = Field(None, description="The taint's key; any when left out.")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="Whether the value has to be equal.")
    value: str | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The taint's effect; any when left out."
    )
    seconds: int | None = Field(None, ge=0, description="How long a NoExecute taint is tolerated.")

    @model_validator(mode="after")
    def _key_or_exists(self) -> Toleration:
        if self.key is None and self.operator == "Equal":
            raise ValueError("key: without a key, operator has to be Exists")
        return self


class MemoryGrowth(Model):
    """How much more memory a new attempt gets after one that ran out of it."""

    factor: float = Field(1.5, gt=1, description="Each such attempt gets so many times the memory of the last.")
    max: Quantity = Field(description="Never more than this.")


class Pending(Model):
    """What becomes of a pod that can't be scheduled or started."""

    timeout: Duration = Field(
        600.0,
        description="Time from a pod's creation to its training's start after which people are told, or the attempt "
        "fails: without a node, with init containers that do not end, with an image that takes long.",
    )
    then: Literal["wait", "fail"] = Field("wait", description="wait: go on waiting. fail: the attempt fails.")
    image: Duration = Field(300.0, description="Time after which an image that can't be pulled fails the attempt.")
    config: Duration = Field(
        60.0, description="Time after which a container that can't be made (its secret is missing, say) fails it."
    )


class Prices(Model):
    """What the resources cost."""

    cpu_hour: float = Field(0.0, ge=0, description="Price of one CPU for an hour.")
    memory_gb_hour: float = Field(0.0, ge=0, description="Price of one GB (10^9 bytes) of memory for an hour.")
    gpu_hour: float = Field(0.0, ge=0, description="Price of one GPU for an hour.")


class Artifacts(Model):
    """Helper containers that carry models and checkpoints between the bucket and folders in the pod."""

    image: str | None = Field(
        None, description="An image that has this product; AUTOML_IMAGE of the deployment when left out."
    )
    secret: ObjectName | None = Field(
        None, description="Secret whose keys are the bucket's credentials as environment: AWS_ACCESS_KEY_ID and so on."
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="Further environment, such as AWS_ENDPOINT_URL and AWS_REGION."
    )
    every: Duration = Field(30.0, description="How often what has changed is carried to the bucket.")
    grace: Duration = Field(120.0, description="Time for what is left when the training has ended.")


class Security(Model):
    """What a pod may do. The defaults are the restricted Pod Security Standard."""

    run_as_user: int | None = Field(None, ge=0, description="Numeric user; the image's own when left out.")
    run_as_group: int | None = Field(None, ge=0, description="Numeric group; the image's own when left out.")
    fs_group: int | None = Field(None, ge=0, description="Group that owns the pod's volumes.")
    run_as_root: bool = Field(False, description="Allow the image to run as root.")
    privilege_escalation: bool = Field(False, description="Allow processes to gain privileges.")
    add_capabilities: list[str] = Field(default_factory=list, description="Linux capabilities beyond none.")
    service_account_token: bool = Field(False, description="Mount the service account's token.")


class KubernetesTask(TaskBase):
    """A training task in a pod of a Kubernetes cluster: the DLC job of this platform."""

    backend: Literal["kubernetes"]
    image: str | None = Field(None, description="Container image. Needed unless `pod_template` names one.")
    command: list[str] | str | None = Field(
        None,
        description="An argument list, run as it is; or text, run by /bin/sh with substituted values quoted. "
        "The image's own when left out.",
    )
    args: list[str] = Field(default_factory=list, description="Arguments of the image's own entry point.")
    cwd: Literal["code"] | PodPath | None = Field(
        None,
        description="Working directory: `code` for the folder of code that goes along, or a path in the pod. The "
        "image's own when left out.",
    )
    resources: PodResources = Field(default_factory=PodResources, description="What each pod asks for.")
    secrets: list[SecretVariable] = Field(
        default_factory=list,
        description="Environment variables from Kubernetes secrets or Airflow connections; never in the journal.",
    )
    volumes: list[Volume] = Field(default_factory=list, description="Volumes and where they are mounted.")
    files: dict[PodPath, str] = Field(
        default_factory=dict,
        description="Path in the pod → text file relative to AUTOML_HOME or below ${bundle_dir}: training code without "
        "building an image.",
    )
    storage_mount: StorageMount | None = Field(
        None, description="Where a file:// model storage path is mounted in the pod; buckets need none."
    )
    artifacts: Artifacts | None = Field(
        None, description="Carry models and checkpoints for training code that knows no buckets."
    )
    connection: str = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: ObjectName | None = Field(None, description="Namespace; the connection's when left out.")
    service_account: str | None = Field(None, description="Service account of the pod.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels that the node must have.")
    tolerations: list[Toleration] = Field(default_factory=list, description="Taints that are tolerated.")
    priority_class: str | None = Field(None, description="Priority class.")
    kueue: Kueue | None = Field(None, description="The queue of Kueue in which each attempt waits for its turn.")
    image_pull_secrets: list[ObjectName] = Field(default_factory=list, description="Secrets of the image registry.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the image is pulled; the cluster's default when left out."
    )
    security: Security = Field(default_factory=Security, description="What the pod may do.")
    pod_template: dict[str, Any] | str | None = Field(
        None,
        description="A whole pod as a mapping, or a YAML file relative to AUTOML_HOME or below ${bundle_dir}, for what "
        "the fields don't cover; its first container trains. The fields go over it.",
    )
    workers: int = Field(1, ge=1, le=1000, description="Pods that train as one (PyTorch and MPI conventions).")
    port: int = Field(29500, ge=1, le=65535, description="MASTER_PORT of several workers.")
    lane: Lane | bool = Field(
        False, description="Let one pod run trial after trial, each in a process of its own: true, or {idle}."
    )
    preload: str | None = Field(
        None, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        description="With `lane`: Python module that a pod imports once; `python PROGRAM.py …` runs in forks of the "
        "process that has. Without `lane` it says nothing.",
    )  # fmt: skip
    memory_limit_on_oom: MemoryGrowth | None = Field(
        None, description="More memory for the next attempt after one that ran out of it."
    )
    pending: Pending = Field(default_factory=Pending, description="When a pod can't be scheduled or started.")
    prices: Prices = Field(default_factory=Prices, description="What the resources cost.")
    prices_connection: str | None = Field(
        None,
        description="Airflow connection whose extra has cpu_hour, memory_gb_hour and gpu_hour, in place of prices.",
    )
    keep_pods: Literal["never", "failed", "always"] = Field(
        "never", description="Which ended pods are left to look at."
    )
    grace: Duration = Field(4.0, description="Between asking the training to end and killing it.")
    poll: Duration | None = Field(
        None,
        description="How often metrics in files are read and orders looked for; by the number of pods (2s to 5s) when "
        "left out.",
    )

    @property
    def shared(self) -> Lane | None:
        """How its pods serve one trial after the other, however the file says it; None where each trial has its own."""
        if isinstance(self.lane, bool):
            return Lane() if self.lane else None
        return self.lane

    @property
    def memory_bytes(self) -> float | None:
        """Memory of one pod in bytes, None where the file states none."""
        return parse_quantity(self.resources.memory) if self.resources.memory else None

    def memory_after(self, failures: int, held: float = 0.0) -> float | None:
        """Memory of one pod in bytes after so many attempts that ran out of it.

        Args:
            failures: how many did.
            held: most bytes that one of them had: more than it was given where somebody raised its limit in place.
        """
        growth, most = self.memory_limit_on_oom, self.most_memory
        if self.memory_bytes is None or growth is None or most is None:
            return self.memory_bytes
        return min(max(self.memory_bytes * growth.factor**failures, held * growth.factor), most)

    @property
    def most_memory(self) -> float | None:
        """Bytes of memory that an attempt can come to have."""
        growth = self.memory_limit_on_oom
        return max(self.memory_bytes or 0.0, parse_quantity(growth.max)) if growth else self.memory_bytes

    def price_with(self, memory: float | None) -> float:
        """Price of one hour of all pods, with so many bytes of memory each."""
        gpus = self.resources.gpus
        one = (
            (parse_quantity(self.resources.cpu) if self.resources.cpu else 0.0) * self.prices.cpu_hour
            + (memory or 0.0) / 1e9 * self.prices.memory_gb_hour
            + (gpus.count if gpus else 0) * self.prices.gpu_hour
        )
        return self.cost_per_hour + one * self.workers

    def hourly_price_after(self, failures: int) -> float:
        """Price of one hour of all pods of an attempt that follows so many which ran out of memory."""
        return self.price_with(self.memory_after(failures))

    @property
    def has_other_prices(self) -> bool:
        """Whether its prices stand in a connection that nobody has read yet: Airflow does when a run begins."""
        return self.prices_connection is not None and self.prices == Prices()

    @model_validator(mode="after")
    def _consistent(self) -> KubernetesTask:
        if self.image is None and self.pod_template is None:
            raise ValueError("image: name the container image, or give a pod_template that does")
        if self.command is not None and (not self.command or not self.command[0]):
            raise ValueError("command: an empty command can't be run")
        if isinstance(self.pod_template, dict) and (problem := problem_of_template(self.pod_template)):
            raise ValueError(f"pod_template.{problem}")
        if isinstance(self.command, str) and self.args:
            raise ValueError("args: a command that is text takes no further arguments; write them into it")
        if self.shared is not None and (wrong := lane_problem(self)):
            raise ValueError(wrong)
        if self.memory_limit_on_oom is not None:
            if self.memory_bytes is None:
                raise ValueError("memory_limit_on_oom: state resources.memory, of which there is to be more")
            if parse_quantity(self.memory_limit_on_oom.max) <= self.memory_bytes:
                raise ValueError(
                    f"memory_limit_on_oom.max: {self.memory_limit_on_oom.max} is no more than resources.memory "
                    f"({self.resources.memory})"
                )
        return self
