"""What a model's file wants of a cluster: names, labels and where the storage is, settled once."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.backends.kubernetes.naming import LABEL, dns_label
from automl_core.models.file.kubernetes import LONGEST_NAME, KubernetesServers, problem_of_servers
from automl_core.spec.bundles import in_bundle

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
OURS = "automl"
"""The value of `MANAGED_BY` by which an object is known to be ours."""

MODEL_LABEL = f"models.{LABEL}"
"""Beginning of a label for each model whose file has made an object; its name is what follows."""

STORAGE_NOTE = f"{LABEL}storage"
MODELS_NOTE = f"{LABEL}models"
"""Annotations: the model storage path that servers answer from, and whether for one model or for all of it."""

REVISION_LABEL = f"{LABEL}revision"
"""Label of pods: a digest of what they were made from, so that new ones are told from those before."""

MANAGER = f"{OURS}."
"""Beginning of our field managers: each model is one, so that files which share servers share what they agree on."""

_LONGEST_KEY = 63


class NoPlan(ValueError):
    """A file from which no servers can be made. The message says why, with the field."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted.

    Attributes:
        model: its name.
        storage: the model storage path, as pods have it.
        wanted: what the file says.
        namespace: of all objects.
        template: the pod to start from.
    """

    model: str
    storage: str
    wanted: KubernetesServers
    namespace: str
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What all objects are called."""
        return self.wanted.name or default_name(self.model)

    @property
    def manager(self) -> str:
        """The field manager of this model."""
        return f"{MANAGER}{label_key(self.model)}"

    @property
    def model_label(self) -> str:
        """The label that says this model's file has made an object."""
        return f"{MODEL_LABEL}{label_key(self.model)}"

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which pods are found; they never change."""
        return {"app.kubernetes.io/name": "automl-serving", INSTANCE: self.name}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every object but pods."""
        return {**self.selector, MANAGED_BY: OURS, self.model_label: "true"}

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of every object but pods."""
        return {STORAGE_NOTE: self.storage, MODELS_NOTE: self.wanted.models}

    def metadata(self) -> dict[str, Any]:
        """The metadata of an object."""
        return {
            "name": self.name, "namespace": self.namespace, "labels": self.labels, "annotations": self.annotations
        }  # fmt: skip


def plan_of(file: ModelFile, namespace: str, *, home: Path, bundle: Path | None = None) -> Plan:
    """What a model's file wants.

    Args:
        file: one that says ``deploy: to: kubernetes``.
        namespace: that of the cluster's connection, where the file names none.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle, for a template that names it.

    Raises:
        NoPlan: it wants no servers in a cluster, its template can't be read, or pods can't reach its storage.
    """
    wanted = file.deploy
    if not isinstance(wanted, KubernetesServers):
        raise NoPlan(f"{file.name}: its file has no `deploy: {{to: kubernetes}}`, so it has no servers in a cluster")
    storage, mount = file.output.storage, wanted.storage.mount
    if "://" not in storage or storage.startswith("file://"):
        if mount is None:
            raise NoPlan(
                f"output.storage: {storage} is a folder of a machine, which pods don't have: say where it is in "
                "`deploy.storage.mount` (a claim), or use a bucket"
            )
        storage = f"file://{mount.path}"
    elif mount is not None:
        raise NoPlan(f"deploy.storage.mount: {storage} is a bucket, and nothing of it is mounted")
    template = _template(wanted.pod_template, home, bundle)
    if mount is not None and mount.volume is not None:
        volumes = [each.get("name") for each in (template.get("spec") or {}).get("volumes") or ()]
        if mount.volume not in volumes:
            raise NoPlan(f"deploy.storage.mount.volume: pod_template has no volume {mount.volume!r}")
    if wanted.image is None and not _image(template):
        raise NoPlan("deploy.image: neither this nor the first container of pod_template names an image")
    return Plan(file.name, storage, wanted, wanted.namespace or namespace, template)


def default_name(model: str) -> str:
    """What servers of a model are called: ``automl-churn``. Two models never have the same.

    Args:
        model: its name.
    """
    digest = hashlib.sha256(model.encode()).hexdigest()[:6]
    room = LONGEST_NAME - len("automl-")
    label = dns_label(model, room)
    if label != model:
        label = f"{dns_label(model, room - len(digest) - 1)}-{digest}".strip("-")
    return f"automl-{label}"


def label_key(model: str) -> str:
    """A model's name as the name of a label: itself where it can be one, else what is left of it with a digest."""
    if len(model) <= _LONGEST_KEY and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", model):
        return model
    digest = hashlib.sha256(model.encode()).hexdigest()[:8]
    return f"{model[: _LONGEST_KEY - len(digest) - 1].rstrip('._-')}-{digest}"


def _template(given: Mapping[str, Any] | str | None, home: Path, bundle: Path | None) -> dict[str, Any]:
    if not isinstance(given, str):
        return copy.deepcopy(dict(given or {}))
    import yaml

    path = in_bundle(given, home, bundle)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NoPlan(f"deploy.pod_template: {path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise NoPlan(f"deploy.pod_template: {path} has no pod in it (kind: Pod, spec: …)")
    if problem := problem_of_servers(found):
        raise NoPlan(f"deploy.pod_template: {path}: {problem}")
    return found


def _image(template: Mapping[str, Any]) -> bool:
    containers = (template.get("spec") or {}).get("containers") or [{}]
    return bool(containers[0].get("image"))
