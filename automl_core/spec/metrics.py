"""Where a training task's metrics come from, as the experiment file states it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.patterns import check_pattern


class StdoutMetrics(Model):
    """Metrics from standard output: ``accuracy=0.93 step=4`` lines, JSON lines, or patterns of the user's."""

    source: Literal["stdout"] = "stdout"
    patterns: dict[str, str] = Field(
        default_factory=dict,
        description=r"Metric → regular expression with one group: {accuracy: 'validation: accuracy=([0-9\.]+)'}. "
        "Given, only these are read.",
    )
    step: list[str] = Field(
        default_factory=lambda: ["step", "epoch", "iteration"],
        description="Names under which a line gives its step; without one, the occurrences are counted.",
    )

    @model_validator(mode="after")
    def _one_group(self) -> StdoutMetrics:
        for metric, pattern in self.patterns.items():
            problem = check_pattern(pattern)
            if problem:
                raise ValueError(f"patterns.{metric}: {problem}")
        return self


class JsonMetrics(Model):
    """Metrics from a JSON file: one object, a list of objects with a step each, or JSON lines."""

    source: Literal["json"]
    path: str = Field("${model_dir}/metrics.json", description="The file; ${…} as in commands.")
    step: list[str] = Field(
        default_factory=lambda: ["step", "epoch", "iteration"], description="Keys under which an object gives its step."
    )


class TensorBoardMetrics(Model):
    """Metrics from TensorBoard event files (PAI's `summary`): a scalar's tag is the metric's name."""

    source: Literal["tensorboard"]
    path: str = Field("${model_dir}", description="The folder with the event files; ${…} as in commands.")


class TaoMetrics(Model):
    """Metrics from the status file of NVIDIA TAO's networks, each at its epoch."""

    source: Literal["tao"]
    path: str = Field("${model_dir}/train/status.json", description="The file; ${…} as in commands.")


Metrics = Annotated[StdoutMetrics | JsonMetrics | TensorBoardMetrics | TaoMetrics, Field(discriminator="source")]
