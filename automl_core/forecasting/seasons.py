"""Seasons of a panel: by its frequency, and by what the values say."""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.panel import Panel


@dataclass(frozen=True)
class Seasons:
    """What was found.

    Attributes:
        lengths: in steps, the main season first; empty where there is none.
        findings: why, and what was not used.
    """

    lengths: tuple[int, ...]
    findings: tuple[SeriesFinding, ...] = ()

    @property
    def main(self) -> int:
        """The season of seasonal naive forecasts and of MASE; 1 where there is none."""
        return self.lengths[0] if self.lengths else 1


def seasons(panel: Panel, given: int | tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Lengths of seasons in steps, the main one first; those that the user gives stand first. Empty: none."""
    return find_seasons(panel, given).lengths


def find_seasons(panel: Panel, given: int | tuple[int, ...] | None = None) -> Seasons:
    """`seasons` with the reasons.

    Raises:
        SeriesError: a season that was given is no whole number above 0.
    """
    raise NotImplementedError
