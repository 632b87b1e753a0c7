"""A series with its forecasts and intervals as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automl_core.tabular.report.charts import WIDTH, at, svg, ticks
from automl_core.tabular.report.figures import finite, number
from automl_core.tabular.report.markup import Markup, el

LEFT, RIGHT, HEIGHT, FOOT = 58, 12, 200, 24


def forecasts(title: str, plot: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]) -> Markup:
    """A series over time, with some of its forecasts.

    Args:
        title: what it shows.
        plot: of `report.plots.plot`: ``times`` of all steps, ``values`` of those that are known.
        shown: forecasts of it to draw.
    """
    times = [str(each) for each in plot["times"]]
    values = [finite(each) for each in plot["values"]]
    every = [each for each in values if each is not None]
    for each in shown:
        every += [v for v in map(finite, each["forecast"]) if v is not None]
        for band in each["intervals"]:
            every += [v for name in ("low", "high") for v in map(finite, band[name]) if v is not None]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    pad = 0.04 * (high - low) or abs(high) * 0.04 or 1.0
    low, high = low - pad, high + pad

    def x(place: float) -> float:
        return LEFT + place * (WIDTH - LEFT - RIGHT) / max(len(times) - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - (value - low) * HEIGHT / (high - low)

    drawn: list[Markup] = []
    for tick in ticks(low, high):
        drawn.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at(y(tick)), y2=at(y(tick)), class_="grid"))
        drawn.append(
            el("text", number(tick), x=LEFT - 6, y=at(max(y(tick) + 4, 9.0)), class_="tick", text_anchor="end")
        )
    for place, anchor in _labelled(len(times)):
        drawn.append(el("text", times[place], x=at(x(place)), y=HEIGHT + 16, class_="tick", text_anchor=anchor))
    for each in shown:
        first = int(each["first"])
        for rank, band in enumerate(sorted(each["intervals"], key=lambda one: -(finite(one["level"]) or 0.0))):
            drawn.append(_band(band, first, x, y, rank))
    drawn += [el("polyline", points=points, class_="came") for points in _lines(values, 0, x, y)]
    drawn += [
        el("circle", cx=at(x(place)), cy=at(y(value)), r=1.6, class_="came-point")
        for place, value in _alone(values)
    ]  # fmt: skip
    for each in shown:
        first = int(each["first"])
        drawn.append(el("line", x1=at(x(first - 0.5)), x2=at(x(first - 0.5)), y1=0, y2=HEIGHT, class_="moment"))
        forecast = [finite(value) for value in each["forecast"]]
        drawn += [el("polyline", points=points, class_="forecast") for points in _lines(forecast, first, x, y)]
        drawn += [
            el("circle", cx=at(x(first + place)), cy=at(y(value)), r=2, class_="forecast-point")
            for place, value in _alone(forecast)
        ]  # fmt: skip
    return svg(title, HEIGHT + FOOT, drawn)


def _labelled(count: int) -> list[tuple[int, str]]:
    """Places of the times that are written, with how their text stands."""
    if count < 3:
        return [(place, "start" if place == 0 else "end") for place in range(count)]
    return [(0, "start"), (count // 2, "middle"), (count - 1, "end")]


def _lines(values: Sequence[float | None], first: int, x: Any, y: Any) -> list[str]:
    """Points of each unbroken part of two values and more."""
    found: list[str] = []
    part: list[str] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            part.append(f"{at(x(first + place))},{at(y(value))}")
            continue
        if len(part) > 1:
            found.append(" ".join(part))
        part = []
    return found


def _alone(values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Values without a neighbour: no line shows them."""
    padded = [None, *values, None]
    return [
        (place, value)
        for place, value in enumerate(values)
        if value is not None and padded[place] is None and padded[place + 2] is None
    ]


def _band(band: Mapping[str, Any], first: int, x: Any, y: Any, rank: int) -> Markup:
    ends = [
        (place, low, high)
        for place, (low, high) in enumerate(zip(map(finite, band["low"]), map(finite, band["high"]), strict=True))
        if low is not None and high is not None
    ]
    # half a step to each side, so that an interval of one step is seen
    upper = [(first + place + side, high) for place, _, high in ends for side in (-0.5, 0.5)]
    lower = [(first + place + side, low) for place, low, _ in reversed(ends) for side in (0.5, -0.5)]
    path = "M" + "L".join(f"{at(x(place))} {at(y(value))}" for place, value in [*upper, *lower]) + "Z"
    return el("path", d=path if ends else "M0 0", class_=f"band band-{min(rank, 2)}")
