"""Where and in which order Airflow runs the tasks of an experiment: its own words, queue, pool, executor and weight."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from automl_core.spec.base import Model


class Placement(Model):
    """What Airflow is told of a task; what is left out is as the deployment has it."""

    queue: str | None = Field(
        None, min_length=1, max_length=256, description="Queue of an executor that has some (CeleryExecutor)."
    )
    pool: str | None = Field(
        None, min_length=1, max_length=256, description="Airflow pool; it must exist, or the task never starts."
    )
    pool_slots: int | None = Field(None, ge=1, description="Slots of the pool that each task instance takes.")
    executor: str | None = Field(
        None, min_length=1, max_length=1000, description="One of the deployment's executors, by name or alias."
    )
    priority_weight: int | None = Field(
        None, ge=-(2**31), le=2**31 - 1, description="Higher goes first where tasks wait for a place."
    )
    weight_rule: Literal["downstream", "upstream", "absolute"] | None = Field(
        None, description="What the weights of a task's neighbours add to its own."
    )

    @field_validator("queue", "pool", "executor")
    @classmethod
    def _as_it_stands(cls, name: str | None) -> str | None:
        if name is not None and "${" in name:
            raise ValueError("${…} has no meaning here: Airflow places a task before its trial is known")
        return name

    def arguments(self, under: Placement | None = None) -> dict[str, Any]:
        """What is given, as arguments of an operator.

        Args:
            under: what holds where this says nothing.
        """
        base = {} if under is None else under.arguments()
        return base | {name: value for name, value in self if value is not None}
