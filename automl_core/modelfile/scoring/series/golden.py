"""Golden series: some of the model's, with what it forecast when it was written, and after some values more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..golden import FILE, TOLERANCE, Differs
from .forecaster import Forecast, Forecaster, News

Floats = NDArray[np.float64]


def made(model: Forecaster, names: list[str], known: Floats | None, more: Floats) -> dict[str, Any]:
    """What a file of golden series holds.

    Args:
        model: as it lies in its file; its states move on.
        names: of the series.
        known: (k, H, c) known columns at the steps ahead; None: the model has none.
        more: (k, u) values that come next, for a look at how states run on.
    """
    places = model.places(names)
    first = model.forecast(known=known, places=places)
    _run_on(model, names, more)
    then = model.forecast(known=known, places=places)
    return {
        "series": names, "known": None if known is None else _plain(known), "more": _plain(more),
        "levels": list(model.levels), "outputs": _said(first), "after": _said(then),
    }  # fmt: skip


def check(folder: Path) -> str:
    """Forecast a folder's golden series, together and alone, then after their further values, in one go and singly.

    Returns:
        What was compared, in words.

    Raises:
        Differs: they are not what they were.
    """
    golden = json.loads((folder / FILE).read_text(encoding="utf-8"))
    names, more = golden["series"], _array(golden["more"])
    known = None if golden["known"] is None else _array(golden["known"])
    model = Forecaster.load(folder)
    places = model.places(names)
    worst = _compare("together", model.forecast(known=known, places=places), golden["outputs"], range(len(names)))
    for k in range(len(names)):
        own = None if known is None else known[k : k + 1]
        worst = max(worst, _compare(f"{names[k]} alone", model.forecast(known=own, places=places[k : k + 1]),
                                    golden["outputs"], [k]))  # fmt: skip
    one_by_one = Forecaster.load(folder)
    _run_on(model, names, more)
    for step in range(more.shape[1]):
        _run_on(one_by_one, names, more[:, step : step + 1])
    for how, each in (("in one go", model), ("one by one", one_by_one)):
        found = each.forecast(known=known, places=places)
        worst = max(worst, _compare(f"updated {how}", found, golden["after"], range(len(names))))
    return (
        f"{len(names)} golden series, together and one by one, as they were and after {more.shape[1]} values more: "
        f"largest difference {worst:.3g}"
    )


def _run_on(model: Forecaster, names: list[str], values: Floats) -> None:
    first = [int(each) + 1 for each in model.last[model.places(names)]]
    model.run_on(News(list(names), first, list(values)))


def _said(forecast: Forecast) -> dict[str, Any]:
    return {
        "forecast": _plain(forecast.values), "lower": _plain(forecast.lower.transpose(1, 0, 2)),
        "upper": _plain(forecast.upper.transpose(1, 0, 2)),
    }  # fmt: skip


def _compare(how: str, forecast: Forecast, expected: dict[str, Any], of: Any) -> float:
    """The largest difference, relative to a value's size, of some of the expected series."""
    worst = 0.0
    for name, values in _said(forecast).items():
        found, was = _array(values), _array([expected[name][k] for k in of])
        if found.shape != was.shape or (np.isnan(found) != np.isnan(was)).any():
            raise Differs(f"golden series, {how}: {name} has other values than it had, or none where there were some")
        size = np.maximum(np.abs(was), np.abs(_array([expected["forecast"][k] for k in of])).max(initial=0.0))
        difference = np.abs(found - was) / np.where(size > 0, size, 1.0)
        worst = max(worst, float(np.nan_to_num(difference).max(initial=0.0)))
        if not worst <= TOLERANCE:
            raise Differs(f"golden series, {how}: {name} differs by {worst:.3g} from what the model said")
    return worst


def _plain(values: Floats) -> Any:
    """An array as JSON has it: NaN is null."""
    found = values.astype(object)
    found[np.isnan(values)] = None
    return found.tolist()


def _array(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
