"""Training tasks as the experiment file states them: what every backend has, and the local one."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.bundles import BUNDLE_DIR, CWD
from automl_core.spec.code import CODE_DIR
from automl_core.spec.code import CWD as CODE
from automl_core.spec.metrics import Metrics, StdoutMetrics
from automl_core.spec.placement import Placement
from automl_core.spec.units import Duration

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}"


def _check_name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(
            "a name starts with a letter or digit and has letters, digits, '_', '-' and '.' only (120 at most)"
        )
    return value


OUT_OF_MEMORY = "oom"
"""The kind of failure of attempts that ran out of memory: after each, a backend may give the next one more."""

Name = Annotated[str, AfterValidator(_check_name), Field(json_schema_extra={"pattern": f"^{_NAME}$"})]


class TaskBase(Model):
    """What every training task has."""

    name: Name = Field("train", description="Name of the training task, and of its Airflow task.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables; ${…} as in commands.")
    timeout: Duration | None = Field(None, description="Time limit of this training task.")
    metrics: Metrics = Field(default_factory=StdoutMetrics, description="Where the metrics come from.")
    cost_per_hour: float = Field(0.0, ge=0, description="Price of one hour of this training task.")
    airflow: Placement = Field(
        default_factory=Placement, description="Queue, pool, executor and weight of this training task in Airflow."
    )

    @property
    def hourly_price(self) -> float:
        """Price of one hour of this training task, all told."""
        return self.hourly_price_after(0)

    def hourly_price_after(self, failures: int) -> float:
        """Price of one hour of an attempt that follows so many which ran out of memory."""
        return self.cost_per_hour

    @property
    def has_other_prices(self) -> bool:
        """Whether it has prices that its time alone doesn't tell, so that nobody knows its cost before it has run."""
        return False


class LocalTask(TaskBase):
    """A training task that is a process on the worker's machine."""

    backend: Literal["local"] = "local"
    command: list[str] | str = Field(
        description="An argument list, run as it is; or text, run by /bin/sh with substituted values quoted."
    )
    cwd: str | None = Field(
        None,
        description="Working directory: `code` for the folder of code that goes along, `bundle` for the DAG bundle "
        "that the file comes from, or a path relative to AUTOML_HOME. AUTOML_HOME when left out.",
    )
    grace: Duration = Field(5.0, description="Between asking the processes to end and killing them.")

    preload: str | None = Field(
        None, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        description="Python module that is loaded before the command begins: `python PROGRAM.py …` runs in a fork of a "
        "process that has imported it, and that stays on the machine between the attempts of a run.",
    )  # fmt: skip

    def folder(self, *, code: bool) -> str:
        """Where the command runs, with `${…}` in it: absolute, or relative to AUTOML_HOME.

        Args:
            code: whether a folder of code goes along with the experiment.
        """
        if code and self.cwd == CODE:
            return f"${{{CODE_DIR}}}"
        return f"${{{BUNDLE_DIR}}}" if self.cwd == CWD else self.cwd or "."

    @model_validator(mode="after")
    def _some_command(self) -> LocalTask:
        if not self.command or (isinstance(self.command, list) and not self.command[0]):
            raise ValueError("command: an empty command can't be run")
        return self
