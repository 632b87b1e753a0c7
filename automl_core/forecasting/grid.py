"""The grid of a panel; kept with the scorer, which goes along in a model's folder and needs it too."""

from __future__ import annotations

from automl_core.modelfile.scoring.calendars.clock import Times
from automl_core.modelfile.scoring.calendars.grid import Grid, Written

__all__ = ["Grid", "Times", "Written"]
