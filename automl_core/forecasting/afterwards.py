"""Where series end, and what is known of the steps after that: what their forecasts begin with."""

from __future__ import annotations

import numpy as np

from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.panel import Panel

_NAMED = 5
"""So many series have their end beside their name."""


def examine(panel: Panel, horizon: int) -> list[SeriesFinding]:
    """Findings about what comes after the series of a panel.

    Args:
        panel: the series, with what the table has of the known columns' future.
        horizon: steps that a forecast has.
    """
    return [*_ended(panel), *_unknown(panel, horizon)]


def _ended(panel: Panel) -> list[SeriesFinding]:
    """Series that end before others: what is forecast of them may lie in what is past for these."""
    ends = panel.starts + panel.lengths
    last = int(ends.max(initial=0))
    early = np.flatnonzero(ends < last)
    if not len(early):
        return []
    early = early[np.argsort(ends[early], kind="stable")]

    def text(end: int) -> str:
        return panel.grid.text(int(panel.grid.times(np.array([end - 1]))[0]))

    names = [panel.names[at] for at in early.tolist()]
    first = [f"{name} ({text(int(end))})" for name, end in zip(names[:_NAMED], ends[early], strict=False)]
    shown = listed([*first, *names[_NAMED:]], _NAMED)
    return [
        SeriesFinding(
            "ended", "certain",
            f"{len(early):,} of {len(panel):,} series end before the last time ({text(last)}): {shown}",
            "their forecasts begin at their own ends",
            "leave out what is over; write rows of 0 where there was nothing any more", tuple(names[:MOST_NAMES]),
            {"series": len(early), "steps": float(last - int(ends[early].min()))},
        )
    ]  # fmt: skip


def _unknown(panel: Panel, horizon: int) -> list[SeriesFinding]:
    """Known columns that nobody has written down as far ahead as a forecast goes."""
    found = []
    future = panel.future_known(panel.lengths, horizon)
    for position, column in enumerate(panel.known):
        there = np.isfinite(future[:, :, position]).sum(axis=1)
        short = np.flatnonzero(there < horizon)
        if not len(short):
            continue
        names = [panel.names[at] for at in short.tolist()]
        shown = listed(f"{name} ({known})" for name, known in zip(names, there[short].tolist(), strict=True))
        found.append(
            SeriesFinding(
                "known_future", "doubtful",
                f"{column.name} is known for fewer than {horizon} steps ahead in {len(short):,} series: {shown}",
                "forecasts take it as unknown there", "add rows without a target, with what is known ahead",
                tuple(names[:MOST_NAMES]), {"series": len(short), "steps": float((horizon - there[short]).sum())},
            )
        )  # fmt: skip
    return found
