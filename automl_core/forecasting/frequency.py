"""Frequencies as users write them; found by `spacing`, kept with the scorer, which needs them too."""

from __future__ import annotations

from automl_core.modelfile.scoring.calendars.frequency import ALLOWED, DAYS, MONTHS, Frequency, Unit, parse

__all__ = ["ALLOWED", "DAYS", "MONTHS", "Frequency", "Unit", "parse"]
