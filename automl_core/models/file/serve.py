"""``deploy:`` of a model that answers requests: how a new version comes to its traffic, and what takes it back."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from automl_core.models.file.values import Loss, Period, Share, WorseBy, loss_of
from automl_core.spec.base import Model

STEPS = (0.05, 0.25, 1.0)
"""Shares of the steps, where the file names none."""


class Metric(Model):
    """A metric of what came true, by the outcomes of `feedback`: a mean over rows."""

    name: str = Field(
        min_length=1,
        description="accuracy, log_loss, brier_score, mae or mse: means over rows, so hours can be compared.",
    )
    every: Period = Field(300.0, description="Outcomes are joined to answers so often while a rollout is open.")

    @field_validator("name")
    @classmethod
    def _can_be_followed(cls, name: str) -> str:
        from automl_core.models.rollout.measures import check_measure

        check_measure(name)
        return name


class SafeguardMetric(Metric):
    """A loss in a metric of what came true, after which a version is taken back."""

    worse_by: WorseBy = Field(
        description="How much worse than the champion: a share of its value such as 1%, or a number in the metric's "
        "unit."
    )

    @property
    def loss(self) -> Loss:
        """How much worse is too much."""
        return loss_of(self.worse_by)


class Safeguard(Model):
    """Conditions under which a rollout goes back by itself. The champion, which answers beside it, is the measure."""

    errors: Share | None = Field(
        0.01, description="More errors than the champion's, as a share of the answers: 1% says 3% against 2%. null: "
        "errors are not judged.",
    )  # fmt: skip
    p99: Period | None = Field(
        None, description="99 of 100 answers come within it: more slow ones than the champion's, and than 1 in 100, "
        "take it back.",
    )  # fmt: skip
    metric: SafeguardMetric | None = Field(None, description="A metric of what came true; needs `feedback`.")
    alpha: float = Field(
        0.05, gt=0, lt=1, description="Chance at most that anything is decided where both are alike, one taken back or "
        "found better: over the whole rollout, all tests together, and however often it is looked at.",
    )  # fmt: skip

    @field_validator("errors")
    @classmethod
    def _some_are_too_many(cls, errors: float | None) -> float | None:
        if errors is not None and errors >= 1:
            raise ValueError("a share below 100% is wanted here; errors: null judges no errors")
        return errors


class Ab(Model):
    """Two versions answer side by side until one is significantly better, or the time is over."""

    share: Share = Field(0.5, description="Of the challenger; below 100%.")
    within: Period = Field(14 * 86400.0, description="How long it goes on at most.")
    metric: Metric | Literal["errors"] = Field(
        description="What decides: a metric of what came true, by the outcomes of `feedback`; or the word errors."
    )
    otherwise: Literal["champion", "challenger"] = Field(
        "champion", description="Who answers where the time is over and neither is significantly better."
    )

    @field_validator("share")
    @classmethod
    def _someone_beside(cls, share: float) -> float:
        if share >= 1:
            raise ValueError("a share below 100% is wanted here: the champion answers the rest")
        return share


class Shadow(Model):
    """Before the first step the version answers beside the champion: what it says is logged, and not given."""

    model_config = ConfigDict(serialize_by_alias=True)

    share: Share = Field(1.0, description="Of the requests that it is asked as well.")
    for_: Period = Field(3600.0, alias="for", description="How long.")


class Rolling(Model):
    """How a version comes to its traffic: what all servers have in common, whoever runs them."""

    key: str | None = Field(
        None, min_length=1, description="Column of the requests by which they are split: who has this value is "
        "answered by the same version again. The request's id when left out.",
    )  # fmt: skip
    steps: list[Share] | None = Field(
        None, min_length=1, max_length=20, description="Growing shares of the new version, the last of them 100%. "
        "[5%, 25%, 100%] when left out; [100%]: at once.",
    )  # fmt: skip
    bake: Period = Field(1800.0, description="Least time in each step.")
    least: int = Field(100, ge=1, description="Answers that the new version gives at least in a step, before the next.")
    within: Period = Field(7 * 86400.0, description="A step that could not be told by then takes the version back.")
    safeguard: Safeguard = Field(default_factory=Safeguard, description="When a version is taken back by itself.")
    ab: Ab | None = Field(None, description="Instead of steps: a share that is held until one is significantly better.")
    shadow: Shadow | None = Field(None, description="Before the first step: answers that are logged, and not given.")

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of the steps, 0 to 1; that of `ab` alone where it stands instead."""
        return (self.ab.share,) if self.ab is not None else tuple(self.steps or STEPS)


class Servers(Rolling):
    """Requests are answered by `automl serve` processes that somebody runs; they follow the model's journal."""

    to: Literal["servers"] = Field(description="servers: `automl serve` processes, which somebody runs, answer.")
