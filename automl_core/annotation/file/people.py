"""``people:`` and ``suspects:`` of an annotation project's file: who labels, where, for how much."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from automl_core.spec.base import Model
from automl_core.spec.values import Part, Period, Share, texts_not_empty

Where: TypeAlias = Literal["page", "files", "label-studio"]


class People(Model):
    """Who labels, and how."""

    where: Where = Field(
        "page", description="page: in Airflow; files: JSON lines out and in (`automl annotation export`, `import`); "
        "label-studio: a project in Label Studio.",
    )  # fmt: skip
    who: Annotated[list[str], AfterValidator(texts_not_empty("an annotator")), Field(min_length=1)] | None = Field(
        None, description="Names of those who label; on the page also role:NAME, for all of a role; whoever may start "
        "the DAG's runs in Airflow when left out. In files and in Label Studio: whose labels are taken.",
    )  # fmt: skip
    votes: int = Field(1, ge=1, le=100, description="How many people label each item.")
    lease: Period = Field(
        900.0, description="On the page, how long a task is a person's who has taken it; then it is another's."
    )
    within: Period = Field(
        7 * 86400.0, description="How long a round waits for labels; then it goes on with what has come."
    )
    enough: Share = Field(1.0, description="Of what was sent, the share of answers with which a round goes on at once.")
    price: float = Field(0.0, ge=0, description="What one label of a person costs, in `currency`.")
    currency: str = Field("EUR", pattern=r"^\S{1,10}$", description="Of `price` and of `stop.money`.")
    gold: Part = Field(
        0.05, description="Of a batch, items whose answer is known (`items.gold`), by which annotators are measured; "
        "none where there are no such items.",
    )  # fmt: skip
    least_right: Share = Field(
        0.8, description="Share of right answers that an annotator should have on such items; who is certainly below "
        "is named.",
    )  # fmt: skip


class Suspects(Model):
    """What becomes of labels that are probably wrong."""

    back: bool = Field(
        True, description="Whether they go back to people where that is worth more than new labels for the same money."
    )
