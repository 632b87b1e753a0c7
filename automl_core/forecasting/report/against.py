"""Forecasts of a model's folder drawn: history, forecast with its intervals, and what came; one file, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.forecasting.report import charts
from automl_core.forecasting.report.plots import FEWEST_STEPS, HORIZONS, MOST_STEPS
from automl_core.tabular.report.charts import WIDTH
from automl_core.tabular.report.figures import count, number, share
from automl_core.tabular.report.markup import Markup, el, join
from automl_core.tabular.report.style import STYLE

if TYPE_CHECKING:
    from automl_core.forecasting.against import Against
    from automl_core.modelfile.scoring.series.forecaster import Forecaster

MOST_HTML, MOST_SVG = 60, 12
"""Series that a file shows; it says how many it leaves out."""

GAP = 44
"""Between two charts of one SVG: room for a heading of two lines."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(model: Forecaster, against: Sequence[Against], title: str, notes: Sequence[str] = ()) -> str:
    """A page of HTML with a chart of each series, what it says in words, and its numbers in a table.

    Args:
        model: whose forecasts they are.
        against: forecasts of the same series from one moment, or from several of them, the oldest first.
        title: of the page.
        notes: what is to be said about the forecasts.
    """
    names = _order(against)
    shown = names[:MOST_HTML]
    whole = [_sentence(each) for each in against if each.came]
    parts = [el("section", el("h2", name), *_of_one(model, against, name), id=f"s{k}") for k, name in enumerate(shown)]
    head = el(
        "head", el("meta", charset="utf-8"), el("meta", name="viewport", content="width=device-width,initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY), el("title", title),
        el("style", Markup(STYLE)),
    )  # fmt: skip
    left = f"Shown are {count(len(shown), 'series', 'series')} of {len(names)}." if len(names) > len(shown) else None
    body = el(
        "body",
        el("header", el("h1", title), [el("p", text) for text in whole], el("p", _LEGEND, class_="muted"),
           el("p", left) if left else None),
        el("main", parts),
        el("footer", [el("p", note) for note in notes]),
    )  # fmt: skip
    return "<!doctype html>\n" + el("html", head, body, lang="en") + "\n"


def svg(model: Forecaster, against: Sequence[Against], title: str) -> str:
    """The charts of series one below the other, as one SVG that needs no page.

    Raises:
        ValueError: more series than it has room for.
    """
    names = _order(against)
    if len(names) > MOST_SVG:
        raise ValueError(
            f"an SVG shows {MOST_SVG} series at most, and these are {len(names)}: name some, or take .html"
        )
    height = charts.HEIGHT + charts.FOOT
    drawn = []
    for k, name in enumerate(names):
        top = k * (height + GAP)
        drawn.append(el("text", name, x=charts.LEFT, y=top + GAP - 24, class_="label"))
        said = "; ".join(text for each in against if (text := _short(each, name)))
        drawn.append(el("text", said, x=charts.LEFT, y=top + GAP - 8, class_="tick") if said else Markup(""))
        chart = str(_chart(model, against, name)).replace("<svg ", f'<svg x="0" y="{top + GAP}" width="{WIDTH}" '
                                                          f'height="{height}" ', 1)  # fmt: skip
        drawn.append(Markup(chart))
    total = len(names) * (height + GAP)
    outer = el(
        "svg", el("title", title), el("style", Markup(STYLE)),
        el("rect", width=WIDTH, height=total, fill="var(--card)"), drawn,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {total}", width=WIDTH, height=total, role="img",
    )  # fmt: skip
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + outer + "\n"


_LEGEND = (
    "The line is what came; dashed, the forecast, with its intervals: the wider, the paler. A broken upright line is "
    "the moment at which a forecast was made."
)


def _order(against: Sequence[Against]) -> list[str]:
    """Series' names: where something came the worst first, by MASE; else as they are."""
    names = list(dict.fromkeys(name for each in against for name in each.forecast.names))
    worst: dict[str, float] = {}
    for each in against:
        for k, name in enumerate(each.forecast.names):
            value = each.metrics(k).get("mase") if not np.isnan(each.actual[k]).all() else None
            if value is not None:
                worst[name] = max(value, worst.get(name, 0.0))
    return sorted(names, key=lambda name: -worst.get(name, -1.0))


def _place(each: Against, name: str) -> int | None:
    return each.forecast.names.index(name) if name in each.forecast.names else None


def _sentence(each: Against) -> str:
    metrics, covered = each.metrics(), each.coverage()
    some = [f"{name} {number(metrics[name])}" for name in ("mase", "smape", "mae", "rmse") if name in metrics]
    held = [f"the {share(level)} interval held {share(value)}" for level, value in covered.items()]
    compared = f"Of {count(each.came, 'value')} that came"
    return f"{compared}: {', '.join([*some, *held])}." if some or held else f"{compared} nothing can be said."


def _of_series(each: Against, name: str) -> str:
    """What is said of one series: errors and coverage; nothing where nothing came."""
    k = _place(each, name)
    if k is None or np.isnan(each.actual[k]).all():
        return ""
    metrics = [f"{metric} {number(value)}" for metric, value in each.metrics(k).items()]
    held = [f"{share(value)} within {share(level)}" for level, value in each.coverage(k).items()]
    came = int(np.count_nonzero(~np.isnan(each.actual[k])))
    return f"{count(came, 'value')} came, {', '.join([*metrics, *held])}"


def _short(each: Against, name: str) -> str:
    """The same in a line of a chart."""
    k = _place(each, name)
    if k is None or np.isnan(each.actual[k]).all():
        return ""
    metrics = [f"{metric} {number(value)}" for metric, value in each.metrics(k).items() if metric in ("mase", "smape")]
    held = [f"{level:.4g}: {value:.2g}" for level, value in each.coverage(k).items()]
    came = int(np.count_nonzero(~np.isnan(each.actual[k])))
    return f"{count(came, 'value')} came, {', '.join(metrics)}{', within ' + ', '.join(held) if held else ''}"


def _data(model: Forecaster, against: Sequence[Against], name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `charts.forecasts` draws: the series from before the first forecast, and each forecast of it."""
    of = [(each, k) for each in against if (k := _place(each, name)) is not None]
    oldest, at = of[0]
    last = int(oldest.forecast.last[at])
    begin = max(oldest.first[at], last + 1 - min(MOST_STEPS, max(FEWEST_STEPS, HORIZONS * oldest.forecast.horizon)))
    until = max(int(each.forecast.last[k]) + each.forecast.horizon for each, k in of) + 1
    values = np.full(until - begin, np.nan)
    for each, k in of:
        for first, part in ((each.first[k], each.history[k]), (int(each.forecast.last[k]) + 1, each.actual[k])):
            for offset, value in enumerate(part):
                if not np.isnan(value) and first + offset >= begin:
                    values[first + offset - begin] = value
    slots = np.arange(begin, until, dtype=np.int64)
    known = int(np.flatnonzero(~np.isnan(values)).max(initial=-1)) + 1
    plot = {
        "times": [model.grid.text(int(each)) for each in model.grid.times(slots)],
        "values": [None if np.isnan(value) else float(value) for value in values[:known]],
    }
    shown = []
    begins = [int(each.forecast.last[k]) + 1 for each, k in of]
    for (each, k), first, following in zip(of, begins, [*begins[1:], until], strict=True):
        steps = min(each.forecast.horizon, following - first)  # where a newer forecast begins, the older one ends
        lower, upper = each.forecast.lower[:, k, :steps].tolist(), each.forecast.upper[:, k, :steps].tolist()
        bands = [
            {"level": level, "low": low, "high": high}
            for level, low, high in zip(each.forecast.levels, lower, upper, strict=True)
        ]
        forecast = each.forecast.values[k, :steps].tolist()
        shown.append({"first": first - begin, "forecast": forecast, "intervals": bands})
    return plot, shown


def _chart(model: Forecaster, against: Sequence[Against], name: str) -> Markup:
    plot, shown = _data(model, against, name)
    return charts.forecasts(f"{name}: what came, and the forecast with its intervals", plot, shown)


def _of_one(model: Forecaster, against: Sequence[Against], name: str) -> list[Markup]:
    said = [el("p", f"{text}.") for each in against if (text := _of_series(each, name))]
    return [_chart(model, against, name), *said, el("details", el("summary", "Numbers"), _table(model, against, name))]


def _table(model: Forecaster, against: Sequence[Against], name: str) -> Markup:
    rows = []
    levels = against[0].forecast.levels
    for each in against:
        k = _place(each, name)
        if k is None:
            continue
        first = int(each.forecast.last[k]) + 1
        times = model.grid.times(np.arange(first, first + each.forecast.horizon, dtype=np.int64))
        for step in range(each.forecast.horizon):
            cells = [number(each.forecast.values[k, step]), number(float(each.actual[k, step]))]
            for rank in range(len(levels)):
                cells += [number(float(part[rank, k, step])) for part in (each.forecast.lower, each.forecast.upper)]
            rows.append(el("tr", el("td", model.grid.text(int(times[step]))), [el("td", c, class_="n") for c in cells]))
    names = ["forecast", "came", *(f"{side} {share(level)}" for level in levels for side in ("lower", "upper"))]
    heads = [el("th", "time", scope="col"), *(el("th", each, scope="col", class_="n") for each in names)]
    table = el("table", el("thead", el("tr", heads)), el("tbody", join(rows)))
    return el("div", table, class_="scroll")
