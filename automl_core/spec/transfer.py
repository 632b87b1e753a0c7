"""The ``search.transfer:`` of an experiment file: earlier runs that the search learns from."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from automl_core.spec.base import Model
from automl_core.spec.tasks import Name


def _check_reference(text: str) -> str:
    name, at, run = text.partition("@")
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise ValueError(f"{name!r} is no experiment's name; wanted is name, or name@run_id") from None
    if at and not run.strip():
        raise ValueError("there is no run id after the @; wanted is name, or name@run_id")
    return text


EarlierExperiment = Annotated[str, AfterValidator(_check_reference)]
"""``name@run_id``, or a name alone for its latest ended run."""


class Transfer(Model):
    """Earlier runs in the same model storage path that the search learns from."""

    runs: int = Field(
        3, ge=0, le=20, description="The latest so many ended runs of this same experiment (retraining); 0: none."
    )
    experiments: list[EarlierExperiment] = Field(
        default_factory=list,
        max_length=20,
        description="Other experiments: name@run_id is that run, a name alone its latest ended run.",
    )
    max_trials: int = Field(
        200, ge=1, le=1000, description="Trials taken of each run: the best, and others spread over the ranks."
    )
