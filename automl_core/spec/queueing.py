"""Where a training task waits for its turn in a cluster: a queue of Kueue."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from automl_core.spec.base import Model

_LABEL_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


def _check_label_name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError(
            "the name of an object that is also a label is wanted here: lower-case letters, digits, '-' and '.', "
            "63 at most"
        )
    return name


LabelName = Annotated[str, AfterValidator(_check_label_name)]
"""The name of an object in the cluster that a label's value has to hold: Kueue finds its queues by labels."""


class Kueue(Model):
    """The place in which Kueue decides when a training task may use the cluster."""

    queue: LabelName = Field(description="LocalQueue of Kueue, in the namespace of the pods.")
    priority_class: LabelName | None = Field(
        None, description="WorkloadPriorityClass: its order in the queue, and who gives way to whom."
    )
