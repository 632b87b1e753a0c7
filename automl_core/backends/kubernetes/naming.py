"""Names and labels of what an attempt makes in a cluster: valid whatever the experiment is called, and always the same.

The name of an attempt's pod is a function of the attempt alone. So whoever starts it a second time (a worker
that was killed and is tried again, say) finds that the name is taken, and takes the pod over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

LABEL = "automl/"
"""Prefix of the labels and annotations."""

JOURNAL_LABEL = f"{LABEL}journal"
"""Label that all objects of one run of an experiment share, and no others."""

NAME_LABEL = f"{LABEL}name"
"""Label with the name of an attempt's job, which all its pods share."""

TASK_LABEL = f"{LABEL}task"
"""Label with the name of the training task."""

_LONGEST_NAME = 52
"""The pods of an indexed Job are called after it, with ``-<index>-<five letters>``; a host name has 63 at most."""

_LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class AttemptId:
    """One attempt at one training task, anywhere.

    Attributes:
        place: URL of the experiment's folder, which tells apart deployments that share a cluster.
        experiment, run: name and run id.
        trial, slot, attempt: numbers.
        task: name of the training task.
    """

    place: str
    experiment: str
    run: str
    trial: int
    slot: int
    task: str
    attempt: int

    @property
    def name(self) -> str:
        """Name of its pod (or Job): DNS-1123, 52 characters at most."""
        identity = "\0".join((self.place, self.run, self.task, str(self.slot), str(self.attempt)))
        digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
        tail = f"t{self.trial}-a{self.attempt}-{digest}"
        words = f"{dns_label(self.experiment, 24)}-{dns_label(self.task, 10)}".strip("-")
        if not words[:1].isalpha():  # a service is called so too, and has to begin with a letter
            words = f"automl-{words}"
        head = words[: _LONGEST_NAME - len(tail) - 1].strip("-")
        return f"{head}-{tail}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels to find it by."""
        return {
            JOURNAL_LABEL: journal_label(self.place),
            NAME_LABEL: self.name,
            f"{LABEL}experiment": label_value(self.experiment),
            f"{LABEL}run": label_value(self.run),
            f"{LABEL}trial": str(self.trial),
            f"{LABEL}slot": str(self.slot),
            TASK_LABEL: label_value(self.task),
            f"{LABEL}attempt": str(self.attempt),
        }

    @property
    def annotations(self) -> dict[str, str]:
        """The full names, which labels may not hold."""
        return {
            f"{LABEL}experiment": self.experiment,
            f"{LABEL}run": self.run,
            f"{LABEL}task": self.task,
            f"{LABEL}folder": self.place,
        }

    def owns(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is this attempt's."""
        return all((labels or {}).get(key) == self.labels[key] for key in (JOURNAL_LABEL, NAME_LABEL))


def journal_label(place: str) -> str:
    """The value of `JOURNAL_LABEL` for an experiment's folder."""
    return hashlib.sha256(place.encode()).hexdigest()[:20]


def dns_label(text: str, length: int) -> str:
    """What is left of a text in lower-case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")


def label_value(text: str) -> str:
    """A text as a label's value: itself where it can be one, else what is left of it with a digest."""
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    head = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[: _LONGEST_LABEL - len(digest) - 1].strip("._-")
    return f"{head}-{digest}" if head else digest
