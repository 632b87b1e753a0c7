"""What every group of an experiment file has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

UNTOLD: Final = "null is taken, but nobody is told to write it"
"""Marks a field that is left out in one form of its group, and needed in the other."""


@dataclass(frozen=True)
class DefaultTag:
    """Marks a union told apart by a tag, of which one member is meant where the file leaves the tag out."""

    value: str


class Model(BaseModel):
    """Base of every group of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)
