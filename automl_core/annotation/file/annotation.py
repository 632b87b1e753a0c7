"""An annotation project's file as validated models. The keys are the product's interface."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from automl_core.annotation.file.alerts import AnnotationAlerts
from automl_core.annotation.file.items import Items
from automl_core.annotation.file.label_studio import LabelStudio
from automl_core.annotation.file.labellers import Labeller
from automl_core.annotation.file.labels import Labels
from automl_core.annotation.file.people import People, Suspects
from automl_core.annotation.file.select import Select
from automl_core.annotation.file.stop import Agree, Stop
from automl_core.spec.base import Model
from automl_core.spec.datasets import DataSet
from automl_core.spec.models import Schedule
from automl_core.spec.placement import Placement
from automl_core.spec.storage_paths import check_storage_path
from automl_core.spec.tasks import Name
from automl_core.spec.values import Data, connection_for, data_set_beside

ANNOTATION = "annotation"
"""What its DAG is called, behind its name and a dot."""

OFF = "off"


class Output(Model):
    """Where the project's journal, items and data sets lie."""

    storage: str = Field(
        "file://./runs",
        description="Model storage path: file://folder, s3://bucket/prefix or oss://bucket/prefix; the project lies "
        "below _annotation/NAME. A relative folder is relative to the AUTOML_HOME of the deployment.",
    )
    connection: str | None = Field(None, description="Airflow connection with the storage's credentials and end point.")

    _known_scheme = field_validator("storage")(check_storage_path)


class AnnotationFile(Model):
    """One annotation project's file."""

    kind: Literal["annotation"] = Field(description="annotation: tells this file from an experiment's.")
    name: Name = Field(description="Name of the project, of its folder below _annotation, and of its DAG before a dot.")
    description: str = Field("", description="What it is for; shown in the Airflow UI and to people who label.")
    owner: str = Field("automl", description="Owner of the DAG.")
    tags: list[str] = Field(default_factory=list, description="Tags of the DAG.")
    output: Output = Field(default_factory=Output, description="Where the project lies.")
    items: Items = Field(description="What is labelled.")
    labels: Labels = Field(description="With what.")
    models: list[Labeller] = Field(
        min_length=1, description="Who predicts: two models of different families, from two experiments, the two best "
        "of one (`families: 2`), or programs; one is enough with `agree: off`.",
    )  # fmt: skip
    select: Select = Field(default_factory=Select, description="Which items go to people next.")
    agree: Agree | Literal["off"] = Field(
        default_factory=Agree, description="What models may label where they agree; off: nothing."
    )
    people: People = Field(default_factory=People, description="Who labels, where, for how much.")
    label_studio: LabelStudio | None = Field(None, description="The server, with `people.where: label-studio`.")
    stop: Stop = Field(default_factory=Stop, description="When there are labels enough.")
    schedule: str | Schedule | None = Field(
        None, description="When runs look for new items: a cron line or preset such as @daily, or a group. A round "
        "begins the next one by itself.",
    )  # fmt: skip
    suspects: Suspects = Field(default_factory=Suspects, description="Labels that are probably wrong: where they go.")
    airflow: Placement = Field(
        default_factory=Placement, description="Queue, pool, executor and weight of all its tasks in Airflow."
    )
    alerts: AnnotationAlerts | None = Field(None, description="Who is told of failures and of what waits for people.")
    closed: bool = Field(
        False, description="Run in the deployment's closed environment; where that is closed as a whole, each does."
    )

    @property
    def promise(self) -> Agree | None:
        """What is promised of labels that models gave; None where they may give none."""
        return self.agree if isinstance(self.agree, Agree) else None

    @property
    def show(self) -> list[str] | None:
        """Columns that people see; None: all that make an item."""
        return self.items.show if self.items.show is not None else self.items.columns

    @property
    def prefix(self) -> str:
        """The project's folder below the storage path, with a ``/`` at its end."""
        return f"_annotation/{self.name}/"

    @property
    def newest(self) -> str:
        """Place of the newest data set, which experiments name as theirs."""
        return f"{self.output.storage.rstrip('/')}/{self.prefix}newest/train.csv"

    @property
    def experiments(self) -> tuple[Labeller, ...]:
        """The experiments among the models with what they leave out: storage, and the connection that goes with it."""
        found = []
        for each in self.models:
            if each.experiment is not None:
                storage = each.storage or self.output.storage
                connection = each.connection or self.connection_for(storage)
                found.append(each.model_copy(update={"storage": storage, "connection": connection}))
        return tuple(found)

    @property
    def programs(self) -> tuple[Labeller, ...]:
        """The programs among the models."""
        return tuple(each for each in self.models if each.is_program)

    @property
    def cron(self) -> str | None:
        """The cron line or preset of the schedule, None where there is none."""
        return self.schedule.cron if isinstance(self.schedule, Schedule) else self.schedule

    def connection_for(self, text: str) -> str | None:
        """The connection of `output` for another place, where it is one of the same scheme; else None.

        Args:
            text: a model storage path, or a place of data.
        """
        return connection_for(self.output, text)

    def data_set(self, given: str | Data) -> DataSet:
        """A place of this file in full, its connection among it."""
        return data_set_beside(self.output, given)

    @property
    def data_sets(self) -> tuple[DataSet, ...]:
        """Where the items lie, each place in full."""
        return tuple(self.data_set(each) for each in self.items.places)

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The ids of the DAGs that are made from it: one."""
        return (dag_id(self.name),)

    def plain(self) -> dict[str, Any]:
        """The file as plain JSON, defaults filled in: what the project's journal keeps."""
        return self.model_dump(mode="json", by_alias=True)


def dag_id(name: str) -> str:
    """The id of a project's DAG: ``intents.annotation``.

    Args:
        name: of the project.
    """
    return f"{name}.{ANNOTATION}"
