"""``agree:`` and ``stop:`` of an annotation project's file: what models may label, and when there are labels enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from automl_core.spec.base import Model
from automl_core.spec.values import Share

if TYPE_CHECKING:
    from automl_core.annotation.agreement import Promise
    from automl_core.annotation.selection import Stopping


def _below_all(share: float | None) -> float | None:
    if share is not None and share >= 1:
        raise ValueError("a share below 100% is wanted here: no sample can show that everything is right")
    return share


class Agree(Model):
    """What is promised of labels on which two models agree, and which nobody has looked at."""

    accuracy: Share = Field(0.97, description="At least this share of them is right.")
    confidence: Share = Field(0.95, description="How surely, from a random sample that people have labelled.")

    _shares = field_validator("accuracy", "confidence")(_below_all)

    def promise(self) -> Promise:
        """The same for `automl_core.annotation.agreement`; imports numpy."""
        from automl_core.annotation.agreement import Promise

        return Promise(accuracy=self.accuracy, confidence=self.confidence)


class Stop(Model):
    """What ends it; what is null ends nothing."""

    target: Share | None = Field(
        None, description="Accuracy of the best model on the random stratum, whose interval must lie above it."
    )
    confidence: Share = Field(0.95, description="Of `target`, over all rounds together.")
    flat: Share | None = Field(
        None, description="Gain of accuracy: it ends where one more round would certainly bring less."
    )
    money: float | None = Field(None, gt=0, description="What all labels may cost together, in `people.currency`.")
    rounds: int | None = Field(30, ge=1, le=10_000, description="Rounds at most.")

    _shares = field_validator("target", "confidence", "flat")(_below_all)

    def stopping(self) -> Stopping:
        """The same for `automl_core.annotation.selection.judge`; imports numpy."""
        from automl_core.annotation.selection import Stopping

        return Stopping(
            target=self.target, alpha=round(1 - self.confidence, 12), flat=self.flat, money=self.money,
            rounds=self.rounds,
        )  # fmt: skip
