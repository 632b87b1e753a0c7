"""Hyperband (Li et al. 2018) with the schedule, the options and the arithmetic that NVIDIA TAO publishes."""

from __future__ import annotations

from collections.abc import Set

from automl_core.search.base import History, rng_for
from automl_core.search.brackets import BracketSearch
from automl_core.search.drawing import draw_new
from automl_core.search.schedule import auto_adjust, forecast_not_resumed, forecast_resumed, schedule, totals
from automl_core.space import Params

__all__ = ["Hyperband", "auto_adjust", "forecast_not_resumed", "forecast_resumed", "schedule", "totals"]


class Hyperband(BracketSearch):
    """Random combinations, halved rung by rung in brackets of different boldness; synchronous as published.

    A slot waits while a rung is incomplete. `asha` never waits.
    """

    name = "hyperband"
    summary = "random combinations halved rung by rung, in the published brackets"

    def draw(self, history: History, seen: Set[str], bracket: int) -> Params | None:
        """A combination from the distributions of the file."""
        rng = rng_for(self.context.seed, self.name, len(history))
        return draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))
