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
    timezone: str | None = Field(
        None, description="Zone of times without an offset, such as Europe/Berlin; without it these are refused."
    )
    answers: str | Data | None = Field(
        None, description="The logged answers; those of `deploy.out`, or of the servers, when left out."
    )
    answered: str | None = Field(
        None, min_length=1, description="Column of the answers with when they were given; those of `deploy` need none: "
        "their interval says it, and the servers write answered_at.",
    )  # fmt: skip
    version: str = Field(
        "model_version", min_length=1, description="Column of the answers with the version that answered, where one is."
    )
    within: Period = Field(30 * 86400.0, description="How long after an answer an outcome counts.")

    _places = field_validator("data", "answers")(check_place)
