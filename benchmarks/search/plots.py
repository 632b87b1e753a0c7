"""The pictures of benchmarks/README.md, from results/.

``python -m benchmarks.search.environments main -m benchmarks.search.plots``: matplotlib lives with the peers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes  # type: ignore[import-not-found,unused-ignore]

from benchmarks.search.results import CHECKPOINTS, RESULTS, Result
from benchmarks.search.statistics import lead, mean_score
from benchmarks.search.table import OURS, groups

PLOTS = Path(__file__).parents[1] / "plots"
TITLES = {
    ("nine", 1): "nine, one after the other", ("nine", 4): "nine, 4 pending", ("nine", 8): "nine, 8 pending",
    ("eighteen", 1): "eighteen, one after the other", ("check", 1): "check, one after the other",
    ("bbob", 1): "bbob, one after the other", ("live", 1): "live models, one after the other",
}  # fmt: skip
LIMITS = {50: 0.15, 200: 0.3, 1000: 1.0, 5000: 3.0}
"""Seconds that a suggestion of ours may take, by length of the history."""

INK, MUTED, GRID, ACCENT = "#1f2430", "#6b7280", "#e5e7eb", "#1d4ed8"
_COLORS = {
    "optuna-tpe": "#d97706", "optuna-gp": "#b45309", "flaml": "#059669", "nevergrad": "#7c3aed", "hyperopt": "#9ca3af",
    "ax": "#db2777", "hebo": "#0891b2", "smac": "#65a30d", "smac-bb": "#4d7c0f", "skopt": "#a16207",
    "peer-random": "#6b7280", OURS: ACCENT,
}  # fmt: skip


def _style() -> None:
    mpl.use("svg")
    mpl.rcParams.update({
        "font.size": 9, "font.family": "sans-serif", "svg.fonttype": "none", "svg.hashsalt": "benchmarks",
        "axes.edgecolor": GRID, "axes.labelcolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
        "text.color": INK, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GRID,
        "grid.linewidth": 0.7, "axes.axisbelow": True, "lines.linewidth": 1.6, "figure.facecolor": "white",
    })  # fmt: skip


def _save(figure: Any, name: str) -> None:
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"{name}.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    path.write_text(re.sub(r"\n\s+", "\n", re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.DOTALL)))


def _labels(axes: Axes, ends: Mapping[str, float], x: float) -> None:
    """Names at the lines' ends, moved apart where they would cover each other."""
    low, high = axes.get_ylim()
    step, previous = (high - low) / 17, -np.inf
    for name, y in sorted(ends.items(), key=lambda item: item[1]):
        at = max(min(max(y, low), high), previous + step)
        weight = "bold" if name == OURS else "normal"
        axes.annotate(name, (x, at), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8,
                      color=_COLORS.get(name, MUTED), fontweight=weight, annotation_clip=False)  # fmt: skip
        previous = at


def _progress(axes: Axes, title: str, results: Sequence[Result]) -> None:
    ends = {}
    for result in reversed(results):  # ours, which is first or near it, on top
        estimates = [e for e in (mean_score(result, trials) for trials in CHECKPOINTS) if e.mean == e.mean]
        reached = CHECKPOINTS[: len(estimates)]
        means = [e.mean for e in estimates]
        ours = result.algorithm == OURS
        color = _COLORS.get(result.algorithm, MUTED)
        axes.plot(reached, means, color=color, linewidth=2.4 if ours else 1.4, zorder=3 if ours else 2)
        if ours:
            axes.fill_between(
                reached, [e.low for e in estimates], [e.high for e in estimates], color=color, alpha=0.15, lw=0
            )
        ends[result.algorithm] = means[-1]
    axes.set(title=title, ylim=(-25, 102), xlim=(5, 50), xlabel="trials ended", ylabel="score")
    _labels(axes, ends, 50)


def progress(found: Mapping[tuple[str, int], Sequence[Result]]) -> None:
    """Score against trials, a panel a set; the band is the 95 % interval of ours."""
    rows = -(-len(found) // 2)
    figure, panels = plt.subplots(rows, 2, figsize=(9.4, 3.1 * rows), squeeze=False)
    for axes, (key, results) in zip(panels.flat, found.items(), strict=False):
        _progress(axes, TITLES[key], results)
    for axes in panels.flat[len(found) :]:
        axes.set_axis_off()
    figure.subplots_adjust(wspace=0.48, hspace=0.45)
    _save(figure, "score_by_trials")


def leads(found: Mapping[tuple[str, int], Sequence[Result]]) -> None:
    """Our lead over each peer after the last trial, with its interval."""
    rows = []
    for key, results in found.items():
        ours = next((r for r in results if r.algorithm == OURS), None)
        if ours is not None:
            rows += [(TITLES[key], r.algorithm, lead(ours, r, CHECKPOINTS[-1])) for r in results
                     if r is not ours and r.seeds(CHECKPOINTS[-1])]  # fmt: skip
    figure, axes = plt.subplots(figsize=(7.4, 0.24 * len(rows) + 0.25 * len(found) + 0.6))
    y, previous, names, places = 0.0, "", [], []
    for title, name, estimate in rows:
        if title != previous:
            y += 1.1
            axes.text(0.005, y - 0.75, title, transform=axes.get_yaxis_transform(), fontsize=8.5, fontweight="bold",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip
            previous = title
            y += 0.2
        color = _COLORS.get(name, MUTED)
        axes.plot([estimate.low, estimate.high], [y, y], color=color, solid_capstyle="round")
        axes.plot(estimate.mean, y, "o", color=color, markersize=4.5)
        names.append(name)
        places.append(y)
        y += 1.0
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set(ylim=(y, -0.2), xlim=(min(-10.0, axes.get_xlim()[0]), min(axes.get_xlim()[1], 150)))
    axes.set_xlabel(
        f"lead of {OURS} in points of score after {CHECKPOINTS[-1]} trials, 95 % interval (over problems and seeds)"
    )
    _save(figure, "leads")


def speed() -> None:
    """CPU seconds of a suggestion against the length of the history, with our limits."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads((RESULTS / "speed.json").read_text())
    figure, axes = plt.subplots(figsize=(6.0, 3.4))
    ends: dict[str, tuple[float, float]] = {}
    for name, by_length in found.items():
        lengths = sorted(map(int, by_length))
        seconds = [by_length[str(n)]["cpu"] for n in lengths]
        color = _COLORS.get(name, MUTED)
        axes.plot(lengths, seconds, "o-", color=color, markersize=4, linewidth=2.4 if name == OURS else 1.4)
        ends[name] = (lengths[-1], seconds[-1])
    axes.plot(list(LIMITS), list(LIMITS.values()), "_", color=INK, markersize=16, markeredgewidth=1.4)
    axes.annotate("limit of ours", (50, LIMITS[50]), xytext=(-4, 6), textcoords="offset points", fontsize=8)
    above: dict[float, float] = {}  # where the last name beside an end stands
    for name, (x, end) in sorted(ends.items(), key=lambda item: item[1][1]):
        y = above[x] = max(end, 1.5 * above.get(x, 0.0))
        axes.annotate(name, (x, y), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8,
                      color=_COLORS.get(name, MUTED), fontweight="bold" if name == OURS else "normal")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="trials in the history", ylabel="CPU seconds a suggestion")
    axes.set_xticks(list(LIMITS), [f"{n:,}" for n in LIMITS])
    axes.minorticks_off()
    axes.set(xlim=(38, 9000), ylim=(None, 10.0))
    _save(figure, "seconds_a_suggestion")


def main() -> None:
    """Draw every picture."""
    _style()
    found = groups()
    progress(found)
    leads(found)
    speed()


if __name__ == "__main__":
    main()
