"""Training tasks that run in MaxCompute: SQL statements and PAI commands, next to data that may not leave."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.metrics import JsonMetrics, StdoutMetrics
from automl_core.spec.placeholders import placeholders
from automl_core.spec.tasks import TaskBase
from automl_core.spec.units import Duration

SHARED_NAMES = frozenset({"experiment_id", "exp_id", "run_id", *RUN_DATES})
"""What ``${…}`` of a statement that runs once may name: the same for all trials."""

METRIC_LINE = "metrics: "
"""What a line of output begins with that has a row's metrics, as JSON with the step among them."""

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_column(name: str) -> str:
    if not _COLUMN.fullmatch(name):
        raise ValueError("the name of a column is wanted here: letters, digits and '_'")
    return name


Column = Annotated[str, AfterValidator(_check_column)]


class Statement(Model):
    """One SQL statement or PAI command, with what is particular about it."""

    sql: str = Field(description="The statement; ${…} become literals, or parts of names.")
    name: str | None = Field(None, description="What people call it in logs; its number when left out.")
    once: bool = Field(
        False, description="Run it once per run of the experiment, for all trials; it may name no parameter."
    )
    timeout: Duration | None = Field(None, description="Time limit of this statement.")

    @model_validator(mode="after")
    def _the_same_for_all(self) -> Statement:
        if not self.once:
            return self
        own = [name for name, _ in placeholders(self.sql) if name not in SHARED_NAMES]
        if own:
            raise ValueError(
                f"once: a statement that runs once for all trials can't name ${{{own[0]}}}; "
                f"allowed: {', '.join(sorted(SHARED_NAMES, key=lambda name: (name in RUN_DATES, name)))}"
            )
        return self


class RowMetrics(Model):
    """What becomes of the rows of a metric table: each numeric column is a metric."""

    step: Column | None = Field(
        None, description="Column with numbers that gives the step; without it, one row is wanted."
    )
    aggregate: Literal["mean", "median", "min", "max", "sum"] | None = Field(
        None, description="How several rows of a step (folds, days) become one."
    )
    weight: Column | None = Field(None, description="Column with the rows' weights; the mean is weighted by it.")
    ignore: list[Column] = Field(default_factory=list, description="Columns that are no metrics, such as the fold.")
    after: Literal["last", "each"] = Field(
        "last", description="Read after the last statement, or after each one that isn't `once`."
    )

    @model_validator(mode="after")
    def _consistent(self) -> RowMetrics:
        if self.weight is not None and self.aggregate != "mean":
            raise ValueError("weight: rows are weighted in a mean only; set aggregate: mean")
        return self


class SelectMetrics(RowMetrics):
    """Metrics from a query."""

    source: Literal["select"]
    sql: str = Field(min_length=1, description="A query whose columns are metrics; ${…} as in statements.")


class TableMetrics(RowMetrics):
    """Metrics from a table that the statements fill."""

    source: Literal["table"]
    table: str = Field(min_length=1, description="The table, such as metrics_${trial_id}.")


MaxComputeMetrics: TypeAlias = Annotated[
    SelectMetrics | TableMetrics | StdoutMetrics | JsonMetrics, Field(discriminator="source")
]
"""Metrics of a MaxCompute task; ``stdout`` are the rows and texts that its instances answer with."""


class TemporaryTables(Model):
    """Tables that are only of use to the trial."""

    prefix: str = Field(min_length=1, description="Tables whose names start so, such as tmp_${trial_id}_.")
    lifecycle: int = Field(
        1, ge=1, le=37231, description="Days after which MaxCompute removes them; set where CREATE TABLE states none."
    )


class TrialTables(Model):
    """What becomes of the tables of a trial."""

    temporary: TemporaryTables | None = Field(None, description="Which ones are temporary.")
    drop: Literal["on_success", "always", "never"] = Field(
        "on_success", description="When the temporary ones are dropped."
    )

    @model_validator(mode="after")
    def _own_tables(self) -> TrialTables:
        if self.temporary and self.drop != "never":
            names = {name for name, _ in placeholders(self.temporary.prefix)}
            if "trial_id" not in names:
                raise ValueError(
                    f"temporary.prefix: {self.temporary.prefix!r} doesn't name ${{trial_id}}, so one trial would drop "
                    "another's tables; add it, or set drop: never"
                )
        return self


class TrialModel(Model):
    """Where the statements leave the model. Exactly one of table, offline_model and export."""

    table: str | None = Field(None, description="A table with it, such as weights_${trial_id}.")
    offline_model: str | None = Field(None, description="A PAI offline model.")
    export: str | None = Field(None, description="A place in OSS that a statement (UNLOAD) or command writes it to.")

    @model_validator(mode="after")
    def _one(self) -> TrialModel:
        given = [name for name in ("table", "offline_model", "export") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"give exactly one of table, offline_model and export; found {found}")
        if self.export is not None and not self.export.startswith("oss://"):
            raise ValueError("export: a place in OSS is wanted here, such as oss://bucket/models/${trial_id}")
        return self


class MaxComputePrices(Model):
    """What computing costs."""

    cu_hour: float = Field(0.0, ge=0, description="Price of one CU (one core with 4 GB) for an hour.")
    input_gb: float = Field(0.0, ge=0, description="Price of one GB (10^9 bytes) that a statement reads.")


class MaxComputeTask(TaskBase):
    """A training task of SQL statements and PAI commands, run in order."""

    backend: Literal["maxcompute"]
    sql: str | list[str | Statement] = Field(
        description="Statements, in order: text with ';' between them, or a list. One that starts with PAI is a PAI "
        "command (PAI -name … -Dkey=value)."
    )
    connection: str = Field("maxcompute_default", description="Airflow connection of the project.")
    project: str | None = Field(None, description="Project; the connection's when left out.")
    quota: str | None = Field(None, description="Name of the quota to compute with.")
    priority: int | None = Field(None, ge=0, le=9, description="Priority of the instances; 0 is the highest.")
    hints: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Settings of every statement, as with SET."
    )
    metrics: MaxComputeMetrics = Field(  # type: ignore[assignment]  # rows of a query instead of files that training writes
        default_factory=StdoutMetrics, description="Where the metrics come from."
    )
    tables: TrialTables = Field(default_factory=TrialTables, description="What becomes of the trial's tables.")
    model: TrialModel | None = Field(None, description="Where the statements leave the model.")
    export: dict[str, str] = Field(
        default_factory=dict,
        description="Table → CSV file below ${model_dir} that it is written to at the end, for the next training task.",
    )
    prices: MaxComputePrices = Field(default_factory=MaxComputePrices, description="What computing costs.")
    logview: bool = Field(
        False, description="Print logview links with their token (good for a day) in the task log, for who may read it."
    )
    poll: Duration = Field(5.0, gt=0, description="How often the instances are looked at.")

    @property
    def has_other_prices(self) -> bool:
        """Whether it is paid by what MaxCompute says it took: CU hours, and bytes that were read."""
        return self.prices != MaxComputePrices()

    @property
    def statements(self) -> list[Statement]:
        """The items of `sql`; the text of one may still hold several statements."""
        items = [self.sql] if isinstance(self.sql, str) else self.sql
        return [Statement(sql=item) if isinstance(item, str) else item for item in items]

    @model_validator(mode="after")
    def _consistent(self) -> MaxComputeTask:
        if not self.statements or not all(statement.sql.strip() for statement in self.statements):
            raise ValueError("sql: an empty statement can't be run")
        if self.env:
            raise ValueError("env: statements have no environment; write ${…} into them")
        for table, file in self.export.items():
            if file.startswith("/") or ".." in file.split("/") or not file.strip():
                raise ValueError(f"export.{table}: a file below the model folder is wanted here, such as train.csv")
        return self
