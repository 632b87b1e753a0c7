"""``watch:`` of a model's file: how often the champion is looked at, and when it is to be trained anew."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from automl_core.models.file.values import Every, Loss, Period, WorseBy, loss_of
from automl_core.spec.base import Model
from automl_core.spec.tasks import Name


class When(Model):
    """A loss after which it is trained anew."""

    worse_by: WorseBy = Field(
        description="How much worse than when it was accepted: a share such as 2%, or a number in the metric's unit."
    )
    metric: str | None = Field(None, min_length=1, description="Of which metric; that of `evaluate` when left out.")

    @property
    def loss(self) -> Loss:
        """How much worse is too much."""
        return loss_of(self.worse_by)


class Retrain(Model):
    """When a run of the experiment is asked for, and how often at most."""

    model_config = ConfigDict(serialize_by_alias=True)

    experiment: Name | None = Field(
        None, description="Experiment that trains it; that of `candidates` when left out, where there is one."
    )
    when: When | None = Field(None, description="After a loss.")
    every: Period | None = Field(None, description="After so long a time since the last training, whatever was found.")
    at_most: int = Field(2, ge=1, le=1000, description="Retrainings at most within `in`: a brake against loops.")
    in_: Period = Field(7 * 86400.0, alias="in", description="The time that `at_most` is about.")

    @model_validator(mode="after")
    def _some_reason(self) -> Retrain:
        if self.when is None and self.every is None:
            raise ValueError("nothing says when it is trained anew; give `when: {worse_by: 2%}`, `every: 30d`")
        return self


class Watch(Model):
    """The champion is evaluated on the latest data that have labels, again and again."""

    every: Every = Field(86400.0, description="How often: a duration such as 1h or 1d, or a cron line.")
    retrain: Retrain | None = Field(None, description="When it is trained anew; never by itself when left out.")
    drift: bool = Field(
        True, description="Whether a look says which columns have drifted since the evidence of the acceptance."
    )

    @property
    def cron(self) -> str | None:
        """The cron line, None where it is a duration."""
        return self.every if isinstance(self.every, str) else None

    @property
    def seconds(self) -> float | None:
        """The duration, None where it is a cron line."""
        return None if isinstance(self.every, str) else self.every
