"""The plots of the web view for notebooks, with matplotlib: from the same answers of the API.

Each draws on the axes that it is given, or on new ones, and returns them. matplotlib is imported when one is drawn.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

from automl_core.client.errors import ClientError

if TYPE_CHECKING:
    from automl_core.client.run import ExperimentRun

_COLOURS = {"SUCCEEDED": "C0", "EARLY_STOPPED": "C1", "FAILED": "C3", "RUNNING": "C2"}


class Plots:
    """Draws one run."""

    def __init__(self, run: ExperimentRun) -> None:
        self._run = run

    def history(self, axes: Any = None) -> Any:
        """Every trial as a point in the order in which they ended, and the best so far; failed ones as crosses."""
        body = self._run.get("history")
        columns, axes = body["columns"], _axes(axes)
        for state in dict.fromkeys(columns["state"]):
            places = [k for k, s in enumerate(columns["state"]) if s == state and columns["value"][k] is not None]
            if places:
                values = [columns["value"][k] for k in places]
                axes.scatter(places, values, s=18, color=_COLOURS.get(state, "C7"), label=state.lower())
        failed = [k for k, value in enumerate(columns["value"]) if value is None]
        axes.plot(
            failed, [0.02] * len(failed), "x", color="C3", transform=axes.get_xaxis_transform(), label="without a value"
        )
        best = [math.nan if value is None else value for value in columns["best"]]
        axes.step(range(len(best)), best, where="post", color="black", label="best so far")
        axes.set(xlabel="ended trials", ylabel=body["metric"], title=self._run.experiment)
        axes.legend()
        return axes

    def curves(self, axes: Any = None, trials: list[int] | None = None, top: int = 60) -> Any:
        """The goal's value over the steps of trials; those that were stopped early end with a dot."""
        chosen: dict[str, Any] = {"trials": ",".join(map(str, trials))} if trials else {"top": top}
        body = self._run.get("curves", points=500, **chosen)
        axes = _axes(axes)
        for each in body["curves"]:
            axes.plot(each["steps"], each["values"], lw=1, alpha=0.7)
            if each["state"] == "EARLY_STOPPED":
                axes.plot(each["steps"][-1], each["values"][-1], "o", ms=4, color="C1")
        axes.set(xlabel="step", ylabel=body["metric"])
        return axes

    def importance(self, axes: Any = None) -> Any:
        """Shares of the variance by parameter, with their spread over the trees."""
        body = self._run.get("importance")
        axes, shown = _axes(axes), body["parameters"][::-1]
        names = [each["name"] for each in shown]
        axes.barh(names, [each["importance"] for each in shown], xerr=[each["std"] for each in shown])
        axes.set(xlabel="share of the variance", title=body["note"] or f"{body['method']}, {body['trials']} trials")
        return axes

    def slice(self, parameter: str, axes: Any = None) -> Any:
        """Values over one parameter, with what a model of them expects along it."""
        body = self._run.get("slice", parameter=parameter)
        axis, axes, columns = body["parameter"], _axes(axes), body["columns"]
        axes.scatter([_shown(axis, x) for x in columns["x"]], columns["value"], s=18)
        marginal = body["marginal"]
        if marginal is not None:
            x = [_shown(axis, value) for value in marginal["x"]]
            low = [mean - std for mean, std in zip(marginal["mean"], marginal["std"], strict=True)]
            high = [mean + std for mean, std in zip(marginal["mean"], marginal["std"], strict=True)]
            axes.plot(x, marginal["mean"], color="black")
            axes.fill_between(x, low, high, color="black", alpha=0.15)
        _scale(axes, axis, "x")
        return axes

    def contour(self, x: str, y: str, axes: Any = None) -> Any:
        """Values over two parameters, over what a model of them expects."""
        body = self._run.get("contour", x=x, y=y)
        axes, grid, columns = _axes(axes), body["grid"], body["columns"]
        across = [_shown(body["x"], value) for value in columns["x"]]
        up = [_shown(body["y"], value) for value in columns["y"]]
        if grid is not None:
            edges = [[_shown(body[name], value) for value in grid[name]] for name in ("x", "y")]
            axes.pcolormesh(*edges, grid["mean"], shading="nearest", alpha=0.6)
        axes.scatter(across, up, c=columns["value"], edgecolors="black", s=24)
        _scale(axes, body["x"], "x")
        _scale(axes, body["y"], "y")
        return axes

    def parallel(self, axes: Any = None) -> Any:
        """Trials as lines over all parameters, coloured by their value."""
        body = self._run.get("parallel")
        axes, columns = _axes(axes), body["columns"]
        values = [value for value in columns["value"] if value is not None]
        low, high = min(values, default=0.0), max(values, default=1.0)
        colours = _colours()
        for row, value in enumerate(columns["value"]):
            places = [_place(axis, columns["params"][axis["name"]][row]) for axis in body["dimensions"]]
            axes.plot(places, color=colours((value - low) / ((high - low) or 1.0)), lw=0.8, alpha=0.6)
        names = [axis["name"] for axis in body["dimensions"]]
        axes.set_xticks(range(len(names)), names)
        axes.set(yticks=[], title=body["metric"])
        return axes

    def timeline(self, axes: Any = None) -> Any:
        """Which attempt ran on which place, and when."""
        body = self._run.get("timeline")
        axes, columns = _axes(axes), body["columns"]
        for place, started, ended, state in zip(
            columns["place"], columns["started"], columns["ended"], columns["state"], strict=True
        ):
            until = ended if ended is not None else body["now"]
            axes.barh(place, until - started, left=started - body["created"], color=_COLOURS.get(state, "C7"))
        axes.set(xlabel="seconds since the start", ylabel="place")
        return axes

    def cost(self, axes: Any = None) -> Any:
        """Cost over time, cumulated."""
        columns, created = self._run.get("cost")["columns"], self._run.overview()["created"]
        axes = _axes(axes)
        axes.step([time - created for time in columns["time"]], columns["cost"], where="post")
        axes.set(xlabel="seconds since the start", ylabel="cost")
        return axes

    def rungs(self, axes: Any = None) -> Any:
        """How far each trial was trained, bracket by bracket."""
        body = self._run.get("rungs")
        axes = _axes(axes)
        for bracket in body["brackets"]:
            for rung in bracket["rungs"]:
                known = [entry for entry in rung["trials"] if entry["value"] is not None]
                went_on = [entry["promoted"] for entry in known]
                axes.scatter(
                    [rung["budget"]] * len(known), [entry["value"] for entry in known], s=18,
                    facecolors=[f"C{bracket['bracket']}" if promoted else "none" for promoted in went_on],
                    edgecolors=f"C{bracket['bracket']}",
                )  # fmt: skip
        axes.set(xlabel=body["units"] or "no budgets", ylabel="value", xscale="log" if body["brackets"] else "linear")
        return axes

    def pareto(self, axes: Any = None) -> Any:
        """The first two objectives of every trial, and the front."""
        body = self._run.get("pareto")
        axes, names = _axes(axes), [each["metric"] for each in body["objectives"]]
        if len(names) < 2:
            raise ClientError(f"{self._run.experiment} has one goal, {names[0]}: there is no front")
        values, front = body["columns"]["values"], body["columns"]["front"]
        axes.scatter(values[names[0]], values[names[1]], s=18, color="C7")
        members = sorted((values[names[0]][k], values[names[1]][k]) for k, member in enumerate(front) if member)
        axes.plot([x for x, _ in members], [y for _, y in members], "o-", color="C0", label="front")
        axes.set(xlabel=names[0], ylabel=names[1])
        axes.legend()
        return axes


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    try:
        pyplot: Any = import_module("matplotlib.pyplot")
    except ImportError:
        raise ClientError("plots want matplotlib: pip install matplotlib") from None
    return pyplot.subplots()[1]


def _colours() -> Any:
    return import_module("matplotlib").colormaps["viridis"]


def _shown(axis: dict[str, Any], value: Any) -> Any:
    """A value as matplotlib takes it: options as texts, dollar signs as they are."""
    return value if axis["values"] is None else str(value).replace("$", r"\$")


def _scale(axes: Any, axis: dict[str, Any], which: str) -> None:
    name = axis["name"].replace("$", r"\$")
    axes.set(**{f"{which}label": name})
    if axis["log"] and axis["values"] is None:
        axes.set(**{f"{which}scale": "log"})


def _place(axis: dict[str, Any], value: Any) -> float:
    """Where on an axis from 0 to 1 a value lies; NaN for a parameter that is not active."""
    if value is None and None not in (axis["values"] or ()):
        return math.nan
    if axis["values"] is not None:
        return (
            float(axis["values"].index(value)) / max(1, len(axis["values"]) - 1)
            if value in axis["values"]
            else math.nan
        )
    low, high = axis["low"], axis["high"]
    if low is None or high is None or low == high:
        return 0.5
    ends = (math.log(low), math.log(high)) if axis["log"] else (float(low), float(high))
    return ((math.log(value) if axis["log"] else float(value)) - ends[0]) / (ends[1] - ends[0])
