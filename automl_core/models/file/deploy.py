"""``deploy:`` of a model's file: what the champion is used for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from automl_core.models.file.kubernetes import KubernetesServers
from automl_core.models.file.serve import Servers
from automl_core.models.file.values import Data, check_place, texts_not_empty
from automl_core.spec.base import DefaultTag, Model
from automl_core.spec.kubernetes import ObjectName, PodResources
from automl_core.spec.models import Schedule


class Batch(Model):
    """New partitions are scored on a schedule, each once."""

    to: Literal["batch"] = Field(description="batch: new partitions are scored on a schedule, once for each interval.")
    data: str | Data = Field(
        description="The rows that are scored. With a date of the run in it (${ds}) each run has a partition of its "
        "own."
    )
    out: str | Data = Field(description="Where the predictions go; what is there for the same interval is overwritten.")
    schedule: str | Schedule | None = Field(
        None, description="A cron line or preset such as @daily; or a group, with a time zone or with assets."
    )
    keep: Annotated[list[str], AfterValidator(texts_not_empty("a column"))] = Field(
        default_factory=list, description="Columns of the rows that are copied, such as an id."
    )
    proba: bool = Field(False, description="A column `probability_CLASS` for each class as well.")

    _places = field_validator("data", "out")(check_place)

    @property
    def cron(self) -> str | None:
        """The cron line or preset by which it runs, None where none does."""
        return self.schedule.cron if isinstance(self.schedule, Schedule) else self.schedule


class LocalBatch(Batch):
    """A process on the worker's machine scores."""

    backend: Literal["local"] = "local"


class KubernetesBatch(Batch):
    """A pod scores."""

    backend: Literal["kubernetes"]
    image: str | None = Field(None, description="Container image with this product. Needed unless `pod_template` has.")
    connection: str = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: ObjectName | None = Field(None, description="Namespace; the connection's when left out.")
    resources: PodResources = Field(default_factory=PodResources, description="What the pod asks for.")
    pod_template: dict[str, Any] | str | None = Field(
        None,
        description="A whole pod as a mapping, or a YAML file relative to AUTOML_HOME or below ${bundle_dir}, for what "
        "the fields don't cover; its first container scores. The fields go over it.",
    )


class MaxComputeBatch(Batch):
    """SQL scores where the tables lie."""

    backend: Literal["maxcompute"]
    connection: str = Field("maxcompute_default", description="Airflow connection of the project.")
    project: str | None = Field(
        None, description="Project in which the statements run; the connection's when left out."
    )
    hints: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Settings of every statement, as with SET."
    )


_DEFAULT = DefaultTag("local")


def _local_when_left_out(value: Any) -> Any:
    return {"backend": _DEFAULT.value, **value} if isinstance(value, dict) else value


BatchDeploy = Annotated[
    LocalBatch | KubernetesBatch | MaxComputeBatch,
    Field(
        discriminator="backend",
        json_schema_extra={"default_tag": _DEFAULT.value},
        description="New partitions are scored on a schedule, each once.",
    ),
    BeforeValidator(_local_when_left_out),
    _DEFAULT,
]
"""Scoring on a schedule, told apart by its ``backend``; a local one where the file names none."""

Deploy = Annotated[BatchDeploy | Servers | KubernetesServers, Field(discriminator="to")]
"""What the champion is used for, told apart by ``to``."""
