"""Any training task: the models of all backends as one union, told apart by ``backend``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from automl_core.spec.base import DefaultTag
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.tasks import LocalTask

_DEFAULT = DefaultTag("local")


def _local_when_left_out(value: Any) -> Any:
    return {"backend": _DEFAULT.value, **value} if isinstance(value, dict) else value


TrainingTask = Annotated[
    LocalTask | KubernetesTask | CustomResourceTask | MaxComputeTask,
    Field(discriminator="backend", json_schema_extra={"default_tag": _DEFAULT.value}),
    BeforeValidator(_local_when_left_out),
    _DEFAULT,
]
"""Any training task, told apart by its ``backend``; a local one where the file names none."""
