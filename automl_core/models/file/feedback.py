"""``feedback:`` of a model's file: what became of what the model said."""

from __future__ import annotations

from pydantic import Field, field_validator

from automl_core.models.file.values import Data, Period, check_place
from automl_core.spec.base import Model


class Feedback(Model):
    """Outcomes, joined to logged answers by a key within a time."""

    data: str | Data = Field(description="The outcomes: a row for each, as they become known.")
    key: str = Field("request_id", min_length=1, description="Column by which an outcome finds its answer; in both.")
    outcome: str = Field(min_length=1, description="Column of the outcomes with what came true.")
    time: str | None = Field(
        None, min_length=1, description="Column of the outcomes with when it was known; without it, none is late."
    )
    answers: str | Data | None = Field(None, description="The logged answers; those of `deploy.out` when left out.")
    within: Period = Field(30 * 86400.0, description="How long after an answer an outcome counts.")

    _places = field_validator("data", "answers")(check_place)
