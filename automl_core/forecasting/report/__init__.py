"""What is told of a search on series: report.json's parts, the report as one HTML file, and files of forecasts.

The page is drawn from report.json (`conclude` writes it) and nothing else, by the means of `tabular.report`: no
network, no script, light and dark, printable; whatever is in it reaches the page as text. Every part may be missing.
Its shape, beside what `looks.told` makes of the model's own forecasts (``test``, ``coverage``, ``steps``,
``by_origin``, ``series``, ``plots``)::

    {"problem": {"kind": "forecasting", "target", "metric", "direction": "minimize" | "maximize", "horizon",
                 "frequency": "daily", "zone", "seasons": [7], "time", "series": [columns], "known": [columns],
                 "levels": [0.8, 0.9]},
     "data": {"series": 40, "values": 9000, "missing": 12, "from": text, "until": text, "fingerprint"},
     "options": {…}, "notes": [text], "search": {"why", "trials", "failed", "skipped", "cancelled"},
     "times": {name: seconds},
     "guardrails": [{"kind", "certainty": "certain" | "doubtful", "found", "done", "advice", "series": [names]}],
     "leaderboard": [{"trial", "learner", "value", "state", "origins": [value of each], "seconds", "params", "reason",
                      "fallbacks": how many series}],                                     # the best first
     "ensemble": [{"trial", "weight"}], "estimate": the metric over the origins,
     "validation": {"origins": 3, "step": 14, "ends": [time of each origin], "why"}}

What `conclude` does when the model stands: ``report |= told(prepared, looks, notes)``, report.json written,
``leave(folder, prepared, looks, notes)`` for the files beside it, ``write(folder, title=title)`` for the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.forecasting.report.files import leave
    from automl_core.forecasting.report.looks import Look, told
    from automl_core.forecasting.report.page import render, write

__all__ = ["Look", "leave", "render", "told", "write"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the page needs no numpy."""
    homes = {"Look": "looks", "leave": "files", "told": "looks", "render": "page", "write": "page"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
