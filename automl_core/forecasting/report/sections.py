"""The report's sections, each from its part of report.json; None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automl_core.forecasting.report import charts, words
from automl_core.tabular.report import charts as plain
from automl_core.tabular.report.figures import count, finite, number, seconds, share, short
from automl_core.tabular.report.markup import Markup, el, join
from automl_core.tabular.report.parts import finding, folded, table
from automl_core.tabular.report.sections import cost, decided
from automl_core.tabular.report.words import FOUND

Report = Mapping[str, Any]

MOST_TRIALS, MOST_STRIPS, MOST_SERIES = 60, 15, 30
"""What of a long list is drawn; the rest is counted."""

OTHERS = (("mase", "MASE"), ("rmsse", "RMSSE"), ("smape", "sMAPE"))
"""Metrics of each series that are told beside the problem's own."""

PLACES = {"worst": "The worst series", "median": "The middle one", "best": "The best series"}


def quality(report: Report) -> Markup | None:
    """How good the forecasts are, on steps that no search has seen where there are some."""
    test = report.get("test") or {}
    metrics = test.get("metrics") or {}
    horizon = (report.get("problem") or {}).get("horizon")
    rows = [
        (name, number(value.get("value")), interval(value))
        for name, value in metrics.items() if isinstance(value, Mapping)
    ]  # fmt: skip
    told = words.TESTED.format(horizon=count(horizon, "step")) if untouched(report) else words.UNTESTED
    over = f"Metrics over {count(test.get('series'), 'series', 'series')}"
    return join([
        el("p", told), el("p", words.METRICS, class_="muted") if rows else None,
        table(("Metric", "Value", "Interval"), rows, caption=over, numbers=(1, 2)) if rows else None,
    ])  # fmt: skip


def untouched(report: Report) -> bool:
    """Whether the steps that the model was measured on took no part in the search."""
    return bool((report.get("test") or {}).get("untouched"))


def interval(value: Mapping[str, Any]) -> str:
    """Both ends of an interval, or that there is none."""
    low, high = finite(value.get("low")), finite(value.get("high"))
    return f"{number(low)} to {number(high)}" if low is not None and high is not None else "–"


def forecasts(report: Report) -> Markup | None:
    """The worst, the middle and the best series, with what came and what is ahead."""
    drawn = []
    for plot in _listed(report, "plots"):
        shown = shown_of(plot)
        heading = f"{PLACES.get(str(plot.get('place')), 'A series')}: {short(plot.get('series'), 60)}"
        drawn.append(join([
            el("h3", heading, title=str(plot.get("series"))),
            charts.forecasts(f"{plot.get('series')}: what came, and forecasts with intervals", plot, shown),
            folded("As a table", _plot_table(plot, shown)),
        ]))  # fmt: skip
    return join([el("p", words.PLOTS), drawn]) if drawn else None


def shown_of(plot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The forecasts that one picture has room for: the last one that came true, or not, and the one ahead."""
    known = [each for each in plot["forecasts"] if each.get("kind") != "ahead"]
    return [*known[-1:], *[each for each in plot["forecasts"] if each.get("kind") == "ahead"]]


def _plot_table(plot: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]) -> Markup:
    levels = [finite(band.get("level")) for band in (shown[0]["intervals"] if shown else [])]
    rows = []
    for each in shown:
        for place, value in enumerate(each["forecast"]):
            step = int(each["first"]) + place
            came = plot["values"][step] if step < len(plot["values"]) else None
            bands = [f"{number(band['low'][place])} to {number(band['high'][place])}" for band in each["intervals"]]
            rows.append((str(plot["times"][step]), number(value), *bands, number(came)))
    heads = ("Time", "Forecast", *(f"{share(level)} interval" for level in levels), "Came")
    return table(heads, rows, caption="Forecasts", numbers=range(1, len(heads)))


def coverage(report: Report) -> Markup | None:
    """Whether intervals hold what they promise."""
    rows = [
        (share(each.get("level")), share(each.get("origins")), share(each.get("test")), number(each.get("width")))
        for each in _listed(report, "coverage")
    ]  # fmt: skip
    if not rows:
        return None
    heads = ("Promised", "At the origins", "On the last steps", "Mean width, in MASE's unit")
    return join([
        el("p", words.COVERAGE), table(heads, rows, caption="Share within the interval", numbers=range(4)),
    ])  # fmt: skip


def steps(report: Report) -> Markup | None:
    """How errors grow along the horizon."""
    found = _listed(report, "steps")
    rows = [(f"step {number(each.get('step'))}", value, None) for each in found
            if (value := finite(each.get("mase"))) is not None]  # fmt: skip
    if not rows:
        return None
    listed = table(
        ("Step", "MASE", "Mean error", "Forecasts"),
        [(number(e.get("step")), number(e.get("mase")), number(e.get("bias")), number(e.get("values"))) for e in found],
        caption="Errors by step of the horizon", numbers=range(4),
    )  # fmt: skip
    drawn = rows if len(rows) <= 40 else rows[:: -(-len(rows) // 40)]
    return join([el("p", words.STEPS), plain.bars("MASE by step of the horizon", drawn), folded("As a table", listed)])


def by_origin(report: Report) -> Markup | None:
    """How good forecasts were from each moment of the past."""
    metric = str((report.get("problem") or {}).get("metric", "value"))
    rows = [
        (str(each.get("from", "")), "kept from the search" if each.get("kind") == "test" else "",
         number(each.get("series")), number(each.get("value")))
        for each in _listed(report, "by_origin")
    ]  # fmt: skip
    if not rows:
        return None
    heads = ("Forecast after", "", "Series", metric)
    return join([el("p", words.BY_ORIGIN), table(heads, rows, caption="By moment of the forecast", numbers=(2, 3))])


def per_series(report: Report) -> Markup | None:
    """How good forecasts of each series are."""
    found = _listed(report, "series")
    if not found:
        return None
    metric = str((report.get("problem") or {}).get("metric", "value"))
    others = [(name, title) for name, title in OTHERS if name != metric]
    rows = [
        (short(each.get("series"), 60), number(each.get("value")), *(number(each.get(name)) for name, _ in others),
         share(each.get("covered")), number(each.get("values")), number(each.get("missing")),
         str(each.get("note") or ""))
        for each in found[:MOST_SERIES]
    ]  # fmt: skip
    levels = (report.get("problem") or {}).get("levels") or []
    within = f"Within {share(max(levels))}" if levels else "Within the interval"
    more = (finite(report.get("series_in_all")) or len(found)) - len(rows)
    heads = ("Series", metric, *(title for _, title in others), within, "Values", "Missing", "")
    return join([
        el("p", words.PER_SERIES),
        table(heads, rows, caption="Series, the worst first", numbers=range(1, len(heads) - 1)),
        el("p", f"And {more:,.0f} more.", class_="muted") if more > 0 else None,
    ])  # fmt: skip


def guardrails(report: Report) -> Markup | None:
    """What was found in the data, and what was done about it."""
    found = _listed(report, "guardrails")
    if not found:
        return el("p", el("span", "nothing found", class_="tag good"), " ", words.CLEAN)
    return join(
        [el("p", FOUND), [finding(each) for each in sorted(found, key=lambda e: e.get("certainty") != "certain")]]
    )


def leaderboard(report: Report) -> Markup | None:
    """Every trial, the best first."""
    board = _listed(report, "leaderboard")
    if not board:
        return None
    weights = {each.get("trial"): each.get("weight") for each in _listed(report, "ensemble")}
    metric = str((report.get("problem") or {}).get("metric", "value"))
    rows = [
        (
            f"{place}", str(each.get("learner", "")), number(each.get("value")), number(each.get("trial")),
            seconds(each.get("seconds")), share(weights[each.get("trial")]) if each.get("trial") in weights else "",
            _end(each), _params(each),
        )
        for place, each in enumerate(board[:MOST_TRIALS], 1)
    ]  # fmt: skip
    strips = [
        (f"{place}. {each.get('learner', '')}", _origins(each), finite(each.get("value")))
        for place, each in enumerate(board[:MOST_STRIPS], 1)
    ]  # fmt: skip
    more = len(board) - MOST_TRIALS
    return join([
        table(
            ("", "Learner", metric, "Trial", "Time", "In the model", "How it ended else", "Parameters"), rows,
            caption="Trials, the best first", numbers=(2, 3, 4, 5),
        ),
        el("p", f"And {more:,} more.", class_="muted") if more > 0 else None,
        [el("h3", "Learners by origin"), el("p", words.ORIGIN_POINTS, class_="muted"),
         plain.strips(f"{metric} of the best trials, origin by origin", strips)]
        if any(values for _, values, _ in strips) else None,
    ])  # fmt: skip


def _end(each: Mapping[str, Any]) -> str:
    """How a trial ended that did not come to its own end, with the reason; what else is to be said of one that did."""
    state, reason = str(each.get("state") or ""), str(each.get("reason") or "")
    if state in ("", "succeeded"):
        return reason
    return f"{state}: {reason}" if reason else state


def _origins(entry: Mapping[str, Any]) -> list[float]:
    given = entry.get("origins")
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else []
    return [found for found in map(finite, values) if found is not None]


def _params(entry: Mapping[str, Any]) -> Markup | str:
    params = entry.get("params") or {}
    learner = f"{entry.get('learner')}."
    told = [f"{str(name).removeprefix(learner)}={short(value)}" for name, value in params.items() if name != "learner"]
    return folded(f"{len(told)}", el("code", ", ".join(told))) if told else ""


def ensemble(report: Report) -> Markup | None:
    """What the model is made of."""
    members = _listed(report, "ensemble")
    if not members:
        return None
    board = {each.get("trial"): each for each in _listed(report, "leaderboard")}
    rows = [
        (f"{board.get(each.get('trial'), {}).get('learner', 'trial')} (trial {number(each.get('trial'))})",
         finite(each.get("weight")) or 0.0, None)
        for each in members
    ]  # fmt: skip
    if len(rows) == 1:
        return el("p", f"One learner is the whole model: {rows[0][0]}.")
    listed = table(("Learner", "Weight"), [(n, number(v)) for n, v, _ in rows], caption="Weights", numbers=(1,))
    return join([
        el("p", words.ENSEMBLE), plain.bars("Weights of the learners", rows), folded("As a table", listed),
    ])  # fmt: skip


def validation(report: Report) -> Markup | None:
    """How trials were judged, and why so."""
    told = report.get("validation") or {}
    ends = ", ".join(str(each) for each in told.get("ends") or [])
    rows = [
        (name, text)
        for name, text in (
            ("Origins", number(told.get("origins"))), ("Steps between two", number(told.get("step"))),
            ("Forecast after", ends),
        ) if text not in ("", "–")
    ]  # fmt: skip
    if not rows:
        return None
    return join([
        el("p", words.ORIGINS), el("p", str(told["why"])) if told.get("why") else None,
        table(("", ""), rows, caption="How trials were judged"),
    ])  # fmt: skip


def use(report: Report) -> Markup | None:
    """How to use the model."""
    problem: Mapping[str, Any] = report.get("problem") or {}
    known, horizon = [str(each) for each in problem.get("known") or []], finite(problem.get("horizon"))
    steps = f"horizon={horizon:.0f}" if horizon is not None else ""
    code = words.CODE.format(given=", ".join([*([steps] if steps else []), *(["known=rows"] if known else [])]))
    return join([
        el("p", words.USE), el("p", words.USE_KNOWN.format(known=", ".join(known))) if known else None,
        el("pre", el("code", "automl predict MODEL new-rows.csv --out forecast.csv")), el("pre", el("code", code)),
        el("p", words.CHECKED),
    ])  # fmt: skip


def _listed(report: Report, part: str) -> list[Mapping[str, Any]]:
    return [each for each in report.get(part) or [] if isinstance(each, Mapping)]


SECTIONS: tuple[tuple[str, str, Callable[[Report], Markup | None]], ...] = (
    ("quality", "How good it is", quality), ("forecasts", "Forecasts against what came", forecasts),
    ("guardrails", "What was found in the data", guardrails), ("coverage", "Whether intervals hold", coverage),
    ("steps", "How far ahead", steps), ("origins", "From when", by_origin), ("series", "Series by series", per_series),
    ("validation", "How learners were judged", validation), ("leaderboard", "What was tried", leaderboard),
    ("ensemble", "What the model is", ensemble), ("use", "How to use it", use),
    ("decided", "What was decided on the way", decided), ("cost", "What it took", cost),
)  # fmt: skip
"""Anchor, heading and what draws it, in the order of the page."""
