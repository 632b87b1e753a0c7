"""``select:`` of an annotation project's file: what a round's batch is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from automl_core.spec.base import Model
from automl_core.spec.values import Part, Share

if TYPE_CHECKING:
    from automl_core.annotation.selection import Rules

OF_TWO = ("vote", "disagreement")
"""What usefulness may be measured by only where there are two models."""


class Select(Model):
    """Which items go to people next, as `automl_core.annotation.selection` has it."""

    by: Literal["margin", "entropy", "vote", "disagreement"] = Field(
        "margin", description="What usefulness is measured by: margin and entropy of one model; vote (margin of the "
        "mean) and disagreement of two.",
    )  # fmt: skip
    diversity: Literal["k-means++", "k-centre", "none"] = Field(
        "k-means++", description="How items of a batch are kept unlike each other."
    )
    cold: Literal["centres", "random"] = Field(
        "centres", description="How the first batch is chosen, before there is a model."
    )
    multiple: int = Field(
        2, ge=1, le=100, description="A batch is chosen from so many times as many most useful items; more is more "
        "diverse.",
    )  # fmt: skip
    many: int = Field(100, ge=1, le=100_000, description="Items of a batch, one batch a round.")
    random_share: Share = Field(
        0.4, description="Of a batch, from the random stratum, on which evaluation, the promise and the target stand."
    )
    stratum_share: Share = Field(
        0.2, description="Of all items, set apart as the random stratum: trained on never. More items of it are never "
        "labelled than there are.",
    )  # fmt: skip
    bad_share: Part = Field(0.25, description="Of a batch at most, open bad cases; they come first.")
    seed: int = Field(
        0, ge=0, lt=2**63, description="Of the stratum and of all draws; another one draws another stratum."
    )

    @field_validator("random_share", "stratum_share")
    @classmethod
    def _not_all(cls, share: float) -> float:
        if share >= 1:
            raise ValueError("a share below 100% is wanted here: with all of it, nothing is left to choose or to train")
        return share

    def rules(self) -> Rules:
        """The same for `automl_core.annotation.selection.select`; imports numpy."""
        from automl_core.annotation.selection import Rules

        return Rules(
            by=self.by, diversity=self.diversity, cold=self.cold, multiple=self.multiple,
            random_share=self.random_share, stratum_share=self.stratum_share, bad_share=self.bad_share,
        )  # fmt: skip
