"""A pod that runs trial after trial of one experiment: what it is made of, and what its log says of each trial.

Such a pod (a lane) runs a program of this product, which asks the storage for what to run next
(`automl_core.running.lane`): nothing listens, and nobody needs a right beyond those that start and watch a pod of one
trial. All that depends on the trial travels in an order; what is left is the pod, and two trials may share one where
what is left is the same. The pod's log has a line of ours before and after each trial.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes.bringing import CODE_FOLDER
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, LABEL, NAME_LABEL, TASK_LABEL, AttemptId, dns_label

Manifest: TypeAlias = dict[str, Any]

LANE_LABEL = f"{LABEL}lane"
"""Label of such pods: of the same value are those that may take one another's trials."""

FOLDER = "/automl/lane"
"""Where a pod has room for its trials."""

VARIABLE = "AUTOML_LANE"
"""The environment variable that tells the pod's program what it serves."""

OWN = f"{VARIABLE}_"
"""How the names of variables begin that are the pod's program's alone, and no trial's."""

PYTHON = ("python", "-m")
"""How the image starts a module; it has this product."""

_MARK = "[automl-lane]"
_LINE = re.compile(r"\[automl-lane\] (begins|ended) ([0-9a-f]{16}) (.*)")


@dataclass(frozen=True, slots=True)
class LaneId(AttemptId):
    """The pod that an attempt has opened for itself and for those that come after it."""

    key: str = ""

    @property
    def name(self) -> str:
        """As of an attempt's pod, without the trial: it will be of several."""
        digest = AttemptId.name.fget(self)[-10:]  # type: ignore[attr-defined]
        words = f"{dns_label(self.experiment, 24)}-{dns_label(self.task, 10)}".strip("-")
        if not words[:1].isalpha():
            words = f"automl-{words}"
        return f"{words[:35].strip('-')}-lane-{digest}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels to find it by; which trials it had stands in the journal."""
        found = AttemptId.labels.fget(self)  # type: ignore[attr-defined]
        kept = {key: found[key] for key in (JOURNAL_LABEL, f"{LABEL}experiment", f"{LABEL}run", TASK_LABEL)}
        return {**kept, NAME_LABEL: self.name, LANE_LABEL: self.key}


@dataclass(frozen=True, slots=True)
class LaneInPod:
    """How a pod is made into a lane.

    Attributes:
        module: the Python module that it runs.
        told: what that is told, in `VARIABLE`.
        secret: name of a secret whose keys are the storage's credentials, None where the pod has them or needs none.
        env: name → value of what the storage's client is told beside it; as the secret's, no trial's.
    """

    module: str
    told: str
    secret: str | None = None
    env: tuple[tuple[str, str], ...] = ()


def add_lane(pod: Manifest, container: Manifest, lane: LaneInPod) -> None:
    """Make a pod into a lane.

    Args:
        pod: changed.
        container: its first, without the trial's own environment; changed.
        lane: how.
    """
    container["command"] = [*PYTHON, lane.module]
    container.pop("args", None)
    own = {**{f"{OWN}{name}": value for name, value in lane.env}, VARIABLE: lane.told}
    kept = [each for each in container.get("env") or [] if each["name"] not in own]
    # a kubelet reads $(NAME) in values
    container["env"] = [*kept, *({"name": name, "value": value.replace("$", "$$")} for name, value in own.items())]
    if lane.secret is not None:
        container["envFrom"] = [*(container.get("envFrom") or []), {"prefix": OWN, "secretRef": {"name": lane.secret}}]
    spec = pod["spec"]
    spec["volumes"] = [*(spec.get("volumes") or []), {"name": "automl-lane", "emptyDir": {}}]
    mount = {"name": "automl-lane", "mountPath": FOLDER}
    container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]


def key_of(pod: Manifest) -> str:
    """What two trials have in common that may run in the same pod: a digest of all of it but its name.

    Its training task is part of that: secrets of connections are called as their pods, whatever is in them.

    Args:
        pod: as `pod_manifest` makes it for either of them.
    """
    left = copy.deepcopy(pod)
    name = left["metadata"]["name"]
    left["metadata"]["labels"].pop(LANE_LABEL, None)
    text = json.dumps(left, sort_keys=True).replace(json.dumps(name), json.dumps("NAME"))  # its secret is called so
    return hashlib.sha256(re.sub(rf"\b{re.escape(name)}\b", "NAME", text).encode()).hexdigest()[:20]


def places_in_pod(storage: str, mounts: Iterable[str] = ()) -> dict[str, str]:
    """Where a pod finds what orders speak of, as its manifest says: what shows it elsewhere tells the pod alone.

    Args:
        storage: the model storage path as the training sees it.
        mounts: paths at which it has files or volumes beside it.
    """
    found = {f"mount_{number}": path for number, path in enumerate(sorted(mounts))}
    return {"storage": storage, "folder": FOLDER, "program": CODE_FOLDER, **found}


# --- the log ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the log before or after a trial.

    Attributes:
        token: of the trial's order.
        at: seconds since 1970 by the node's clock at which it began; None at its end.
        exit: how it ended; None at its beginning.
    """

    token: str
    at: float | None = None
    exit: Exit | None = None


def begin_line(token: str, at: float) -> str:
    """The line before a trial."""
    return f"{_MARK} begins {token} {at:.3f}"


def end_line(token: str, ended: Exit) -> str:
    """The line after a trial."""
    return f"{_MARK} ended {token} {exit_text(ended)}"


def mark_in(line: str) -> Mark | None:
    """What a line of the log says of a trial; None for all others."""
    if not line.startswith(_MARK):
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    try:
        if found[1] == "begins":
            return Mark(found[2], at=float(found[3]))
        return Mark(found[2], exit=exit_from(found[3]))
    except ValueError:  # a training may print what it likes
        return None


def exit_text(ended: Exit) -> str:
    """An end as one line of JSON."""
    return json.dumps(asdict(ended), separators=(",", ":"), sort_keys=True)


def exit_from(text: str) -> Exit:
    """Read back what `exit_text` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        found = Exit(**json.loads(text))
        return replace(found, cause=Cause(found.cause))
    except TypeError as error:
        raise ValueError(str(error)) from error
