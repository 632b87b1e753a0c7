"""Charts as SVG that takes its colours from the page: bars, values by fold, calibration, points.

Each has a title for those who hear it; the numbers stand in a table behind it, which the section adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl_core.tabular.report.figures import number, short
from automl_core.tabular.report.markup import Markup, el, join

WIDTH = 640
"""Of every chart, in its own units."""


def svg(title: str, height: float, *children: Markup | Sequence[Markup]) -> Markup:
    """A chart as wide as all are, with a title for those who hear it."""
    return el(
        "svg", el("title", title), *children, viewBox=f"0 0 {WIDTH} {height:g}", role="img",
        preserveAspectRatio="xMinYMin meet",
    )  # fmt: skip


def at(value: float) -> str:
    """A place in a chart, in no more digits than a screen has."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from low to high.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    found = [round(index * step, 12) for index in range(first, first + most + 2)]
    return [each for each in found if each <= high + 1e-9 * span] or [low]


def bars(title: str, rows: Sequence[tuple[str, float, float | None]]) -> Markup:
    """Horizontal bars from zero, each with its spread.

    Args:
        title: what they show.
        rows: name, value, half the length of the whisker or None.
    """
    left, right, step = 190, 70, 24
    reach = [v + (s or 0) for _, v, s in rows] + [v - (s or 0) for _, v, s in rows] + [0.0]
    low, high = min(reach), max(reach)
    scale = (WIDTH - left - right) / ((high - low) or 1.0)

    def x(value: float) -> float:
        return left + (value - low) * scale

    drawn = [el("line", x1=at(x(0)), x2=at(x(0)), y1=0, y2=step * len(rows), class_="axis")]
    for index, (name, value, spread) in enumerate(rows):
        middle = index * step + step / 2
        begin, end = sorted((x(0), x(value)))
        drawn.append(
            el("text", short(name, 28), el("title", name), x=left - 8, y=middle + 4, class_="label", text_anchor="end")
        )
        drawn.append(
            el("rect", x=at(begin), y=middle - 7, width=at(max(end - begin, 0.5)), height=14, class_="bar", rx=2)
        )
        if spread:
            drawn.append(_whisker(x(value - spread), x(value + spread), middle))
        drawn.append(
            el("text", number(value, 3), x=at(x(max(value + (spread or 0), 0)) + 6), y=middle + 4, class_="figure")
        )
    return svg(title, step * len(rows), drawn)


def _whisker(begin: float, end: float, y: float) -> Markup:
    return el("path", d=f"M{at(begin)} {y - 4}v8M{at(begin)} {y}H{at(end)}M{at(end)} {y - 4}v8", class_="whisker")


def strips(title: str, rows: Sequence[tuple[str, Sequence[float], float | None]]) -> Markup:
    """Values on one scale, a row each: a point a fold, a stroke for the whole.

    Args:
        title: what they show.
        rows: name, values of the folds, value of the whole or None.
    """
    left, right, step = 190, 20, 22
    every = [v for _, folds, whole in rows for v in (*folds, *([whole] if whole is not None else []))]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    pad = (high - low) * 0.04 or abs(high) * 0.04 or 1.0
    low, high = low - pad, high + pad
    scale = (WIDTH - left - right) / (high - low)

    def x(value: float) -> float:
        return left + (value - low) * scale

    bottom = step * len(rows)
    drawn = []
    for tick in ticks(low, high):
        drawn.append(el("line", x1=at(x(tick)), x2=at(x(tick)), y1=0, y2=bottom, class_="grid"))
        drawn.append(el("text", number(tick), x=at(x(tick)), y=bottom + 16, class_="tick", text_anchor="middle"))
    for index, (name, folds, whole) in enumerate(rows):
        middle = index * step + step / 2
        drawn.append(
            el("text", short(name, 28), el("title", name), x=left - 8, y=middle + 4, class_="label", text_anchor="end")
        )
        drawn += [el("circle", cx=at(x(v)), cy=middle, r=3.5, class_="fold") for v in folds]
        if whole is not None:
            drawn.append(el("path", d=f"M{at(x(whole))} {middle - 8}v16", class_="whole"))
    return svg(title, bottom + 24, drawn)


def square(
    title: str, points: Sequence[tuple[float, float, float]], *, across: str, up: str, unit: bool = False,
    line: bool = False,
) -> Markup:  # fmt: skip
    """Points on two axes of one scale, with the diagonal.

    Args:
        title: what they show.
        points: x, y, radius.
        across, up: what the axes are.
        unit: whether both axes go from 0 to 1.
        line: whether the points are joined.
    """
    left, side, foot = 70, 340, 44
    every = [v for x, y, _ in points for v in (x, y)]
    low, high = (0.0, 1.0) if unit or not every else (min(every), max(every))
    pad = 0.02 * (high - low) or 1.0
    low, high = low - pad, high + pad
    scale = side / (high - low)

    def x(value: float) -> float:
        return left + (value - low) * scale

    def y(value: float) -> float:
        return side - (value - low) * scale

    drawn = []
    for tick in ticks(low, high):
        if low <= tick <= high:
            drawn.append(el("line", x1=at(x(tick)), x2=at(x(tick)), y1=0, y2=side, class_="grid"))
            drawn.append(el("line", x1=left, x2=left + side, y1=at(y(tick)), y2=at(y(tick)), class_="grid"))
            drawn.append(el("text", number(tick), x=at(x(tick)), y=side + 16, class_="tick", text_anchor="middle"))
            drawn.append(el("text", number(tick), x=left - 6, y=at(y(tick) + 4), class_="tick", text_anchor="end"))
    drawn.append(el("line", x1=at(x(low)), y1=at(y(low)), x2=at(x(high)), y2=at(y(high)), class_="diagonal"))
    if line:
        path = " ".join(f"{at(x(a))},{at(y(b))}" for a, b, _ in points)
        drawn.append(el("polyline", points=path, class_="line"))
    drawn += [el("circle", cx=at(x(a)), cy=at(y(b)), r=at(r), class_="point") for a, b, r in points]
    drawn.append(el("text", across, x=left + side / 2, y=side + 36, class_="tick", text_anchor="middle"))
    drawn.append(
        el("text", up, x=0, y=0, class_="tick", text_anchor="middle", transform=f"translate(14 {side / 2}) rotate(-90)")
    )
    return svg(title, side + foot, join(drawn))
