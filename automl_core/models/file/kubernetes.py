"""``deploy: to: kubernetes`` of a model's file: how the servers that we make and own in a cluster look."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from automl_core.models.file.serve import Rolling
from automl_core.models.file.values import Period, texts_not_empty
from automl_core.spec.base import Model
from automl_core.spec.kubernetes import ObjectName, PodResources, StorageMount
from automl_core.spec.quantities import Quantity, parse_quantity

LONGEST_NAME = 52
"""Letters of a name at most: pods of a StatefulSet have eleven more in a label of 63 that the cluster writes."""

SECRET_NAMES = re.compile(r"secret|password|passwd|token|access_?key|credential|private", re.IGNORECASE)
"""Environment variables that nobody means to write into an object which all who may look at pods can read."""

ANSWERS = 2 * 2**30
"""Bytes that a server's answers, and those of its shadows, take at most while the storage is away."""

_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_PERCENT = re.compile(r"\s*([0-9]+)\s*%\s*")


def _check_label(name: str) -> str:
    if not _LABEL.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ValueError(
            "a Service is called so too: lower-case letters, digits and '-', a letter first, "
            f"{LONGEST_NAME} characters at most"
        )
    return name


ServersName = Annotated[str, AfterValidator(_check_label)]
"""What a Deployment, its Service and what belongs to them are called."""


def _parse_percent(value: Any) -> int:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    number = int(match[1]) if match else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 1000:
        raise ValueError("whole percents of the CPU that a pod requests are wanted here, such as 70%")
    return number


Percent = Annotated[
    int,
    BeforeValidator(_parse_percent),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 1000},
                {"type": "string", "pattern": r"^\s*[0-9]+\s*%\s*$"},
            ],
            "description": "Whole percents, such as 70%.",
        }
    ),
]
"""Whole percents, 1 to 1000."""


def _parse_answers(value: Any) -> bool | float:
    if value in ("on", "off"):
        return bool(value == "on")
    if isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", value) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else value
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError("on, off, or a share of the requests is wanted here, such as 10%")
    return float(share)


class Replicas(Model):
    """How many servers."""

    min: int = Field(2, ge=1, le=1000, description="At least so many.")
    max: int | None = Field(None, ge=1, le=1000, description="At most, by load; always `min` when left out.")
    cpu: Percent = Field(70, description="More of them above this share of the CPU that each requests.")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max: {self.max} is below min ({self.min})")
        return self

    @property
    def scaled(self) -> bool:
        """Whether load decides how many there are."""
        return self.max is not None and self.max > self.min


class ServersTls(Model):
    """The servers' own certificate, and whom they let in by one."""

    secret: ObjectName = Field(description="Secret with tls.crt and tls.key, as cert-manager makes them.")
    clients: ObjectName | None = Field(
        None, description="Secret whose ca.crt signs the certificates that clients must have; the same one is fine."
    )


class Reaching(Model):
    """How a pod reaches output.storage. Keys are in a Secret, or come with the service account."""

    secret: ObjectName | None = Field(
        None, description="Secret whose keys become environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, say."
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="What is no secret, such as AWS_ENDPOINT_URL and AWS_REGION."
    )
    mount: StorageMount | None = Field(None, description="Of a file:// storage: where the pod has that folder.")

    @field_validator("env")
    @classmethod
    def _no_secrets(cls, env: dict[str, str]) -> dict[str, str]:
        for name in env:
            if SECRET_NAMES.search(name) and not name.upper().endswith(("_FILE", "_URI", "_URL", "_ENDPOINT")):
                # not with the name first: what tells problems shows the value of the field that is named there
                raise ValueError(
                    f"whoever may look at pods reads what stands here; put {name} into a Secret and name that in "
                    "`secret`"
                )
        return env


class Options(Model):
    """Options of `automl serve`, as on its command line."""

    answers: Annotated[
        bool | float,
        BeforeValidator(_parse_answers),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "boolean"},
                    {"enum": ["on", "off"]},
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                    {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
                ],
                "description": "on, off, or a share of the requests such as 10%.",
            }
        ),
    ] = Field(True, description="Whether answers are written to the storage; or for which share of the requests.")
    columns: Annotated[list[str], AfterValidator(texts_not_empty("a column"))] | Literal["all", "none"] = Field(
        "all", description="Columns of the rows that are written with them."
    )
    memory: Quantity = Field("2Gi", description="Memory of a version's process at most.")
    timeout: Period = Field(10.0, description="Time that an answer may take, waiting for others' rows included.")
    grace: Period = Field(
        30.0, ge=1, le=3600, description="Time for the end of a server: requests are answered, answers are brought."
    )
    most: int = Field(32, ge=1, description="Versions that are loaded at the same time.")
    body: Quantity = Field("8Mi", description="Bytes of a request at most.")
    trust: list[str] = Field(default_factory=list, description="Types that models' estimators need.")


class Cache(Model):
    """The folder for models' files, and for answers that are not in the storage yet."""

    size: Quantity = Field(
        "5Gi", description="Its size at most; 2Gi of it are for answers that wait while the storage is away."
    )
    keep: bool = Field(
        False,
        description="A volume of each server's own (a StatefulSet): answers that a lost pod has not brought yet are "
        "brought by the one that takes its place. Else they are lost with a pod that is killed together with its node, "
        "or that ends while the storage is away.",
    )
    storage_class: ObjectName | None = Field(None, description="Of such a volume; the cluster's default when left out.")

    @property
    def models(self) -> int:
        """Bytes of it for models' files."""
        return int(parse_quantity(self.size)) - ANSWERS

    @model_validator(mode="after")
    def _class_of_what_is_kept(self) -> Cache:
        if problem := _too_small(self.size):
            raise ValueError(f"size: {problem}")
        if self.storage_class is not None and not self.keep:
            raise ValueError("storage_class: an emptyDir has none; say `keep: true` for volumes that stay")
        return self


def _too_small(size: str) -> str:
    if parse_quantity(size) >= ANSWERS * 3 / 2:
        return ""
    return f"{size} is less than 3Gi, and 2Gi are for answers that wait while the storage is away"


class Gateway(Model):
    """A Gateway of the Gateway API through which requests come, by an HTTPRoute of ours."""

    name: ObjectName = Field(description="Name of the Gateway.")
    namespace: ObjectName | None = Field(None, description="Its namespace; the servers' when left out.")
    section: ObjectName | None = Field(None, description="Its listener; all that take the route when left out.")
    hosts: list[str] = Field(default_factory=list, description="Host names that requests are for.")
    ca: ObjectName | None = Field(
        None,
        description="ConfigMap whose ca.crt the Gateway checks the servers' certificate by (a BackendTLSPolicy); its "
        "own authorities when left out.",
    )
    host: str | None = Field(
        None, description="Name in the servers' certificate; NAME.NAMESPACE.svc when left out.", min_length=1
    )


class KubernetesServers(Rolling):
    """Requests are answered by servers in a cluster, made and owned by us."""

    to: Literal["kubernetes"] = Field(description="kubernetes: servers in a cluster, made and owned by us, answer.")
    image: str | None = Field(
        None,
        min_length=1,
        description="Container image of `deploy/serving/Dockerfile`. Needed unless `pod_template` has one.",
    )
    connection: str = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: ObjectName | None = Field(None, description="Namespace; the connection's when left out.")
    name: ServersName | None = Field(
        None, description="Name of the Deployment and of its Service; automl-NAME when left out."
    )
    models: Literal["this", "all"] = Field(
        "this",
        description="this: they answer for this model alone, loaded at once. all: for every model of the storage, each "
        "loaded when it is asked for; several files with the same `name` share them.",
    )
    objects: Literal["plain", "kserve"] = Field(
        "plain", description="plain: a Deployment and a Service. kserve: an InferenceService with our container."
    )
    replicas: int | Replicas = Field(default_factory=Replicas, description="How many: a number, or {min, max, cpu}.")
    resources: PodResources = Field(
        default_factory=lambda: PodResources(cpu="500m", memory="4Gi"), description="What a server's pod asks for."
    )
    tokens: ObjectName | None = Field(
        None, description="Secret whose key `tokens` has bearer tokens, one a line, 16 letters at least."
    )
    tls: ObjectName | ServersTls | None = Field(
        None, description="Secret with tls.crt and tls.key; or a group with the clients' CA as well."
    )
    open: bool = Field(False, description="Answer without tokens and without clients' certificates.")
    storage: Reaching = Field(default_factory=Reaching, description="How the pods reach output.storage.")
    service_account: ObjectName | None = Field(
        None, description="Service account of the pods, for stores that know it (IRSA, workload identity)."
    )
    serve: Options = Field(default_factory=Options, description="Options of `automl serve`.")
    cache: Quantity | Cache = Field(
        default_factory=Cache, description="Size of the folder for models' files and answers; or {size, keep}."
    )
    gateway: ObjectName | Gateway | None = Field(
        None, description="Gateway through which requests come; a name, or a group."
    )
    allow: list[ObjectName] | None = Field(
        None,
        description="Namespaces whose pods alone may ask (a NetworkPolicy), the Gateway's and Airflow's among them "
        "where these do; all when left out.",
    )
    wait: Period = Field(600.0, description="Time within which new servers have to be ready.")
    pod_template: dict[str, Any] | str | None = Field(
        None,
        description="A whole pod as a mapping, or a YAML file relative to AUTOML_HOME or below ${bundle_dir}, for what "
        "the fields don't cover; its first container serves. The fields go over it.",
    )

    @property
    def scale(self) -> Replicas:
        """How many there are, however the file says it."""
        return Replicas(min=self.replicas) if isinstance(self.replicas, int) else self.replicas

    @property
    def certificate(self) -> ServersTls | None:
        """Their certificate, however the file says it."""
        return ServersTls(secret=self.tls) if isinstance(self.tls, str) else self.tls

    @property
    def folder(self) -> Cache:
        """Their folder, however the file says it."""
        return Cache(size=self.cache) if isinstance(self.cache, str) else self.cache

    @property
    def way_in(self) -> Gateway | None:
        """The Gateway, however the file says it."""
        return Gateway(name=self.gateway) if isinstance(self.gateway, str) else self.gateway

    @field_validator("replicas")
    @classmethod
    def _some(cls, replicas: int | Replicas) -> int | Replicas:
        if isinstance(replicas, int) and not 1 <= replicas <= 1000:
            raise ValueError("at least one server is wanted here, and 1000 at most")
        return replicas

    @model_validator(mode="after")
    def _consistent(self) -> KubernetesServers:
        for message in self._problems():
            raise ValueError(message)
        return self

    def _problems(self) -> list[str]:
        found = []
        tls, memory = self.certificate, self.resources.memory
        if self.image is None and self.pod_template is None:
            found.append("image: name the image of deploy/serving/Dockerfile, or give a pod_template that does")
        if self.tokens is None and (tls is None or tls.clients is None) and not self.open:
            found.append(
                "tokens: nobody's requests are answered unasked: name a Secret with tokens, or `tls.clients`, or say "
                "`open: true`"
            )
        if self.scale.scaled and self.resources.cpu is None:
            found.append("resources.cpu: by load there can be more only where the CPU that a pod requests is stated")
        if memory is not None and parse_quantity(self.serve.memory) >= parse_quantity(memory):
            found.append(
                f"resources.memory: a version may take {self.serve.memory} (serve.memory), and the whole pod has "
                f"{memory}: one that takes all would take the server with it"
            )
        if isinstance(self.cache, str) and (problem := _too_small(self.cache)):
            return [*found, f"cache: {problem}"]
        if self.objects == "kserve":
            found += [
                f"{name}: not with `objects: kserve`: {why}"
                for name, given, why in (
                    ("tls", tls is not None, "its way in ends TLS, and asks pods in plain HTTP"),
                    ("cache.keep", self.folder.keep, "it makes a Deployment, whose pods have no volume of their own"),
                    ("gateway", self.gateway is not None, "it makes the route"),
                )
                if given
            ]
        if isinstance(self.pod_template, dict) and (problem := problem_of_servers(self.pod_template)):
            found.append(f"pod_template.{problem}")
        return found


def problem_of_servers(template: dict[str, Any]) -> str:
    """What is wrong with a pod template for servers, with the field; empty where nothing is.

    Args:
        template: a pod as a mapping.
    """
    if template.get("kind", "Pod") != "Pod":
        return f"kind: a Pod is wanted here, found {template['kind']!r}"
    spec = template.get("spec")
    if spec is not None and not isinstance(spec, dict):
        return "spec: a mapping is wanted here"
    if spec and spec.get("restartPolicy", "Always") != "Always":
        return f"spec.restartPolicy: servers are started again; {spec['restartPolicy']} would leave them ended"
    containers = (spec or {}).get("containers")
    if containers is not None and not (isinstance(containers, list) and all(isinstance(c, dict) for c in containers)):
        return "spec.containers: a list of containers is wanted here"
    return ""


__all__ = [
    "Cache", "Gateway", "KubernetesServers", "Options", "Percent", "Reaching", "Replicas", "ServersName", "ServersTls",
    "problem_of_servers",
]  # fmt: skip
