"""The model's forecasts beside what came: what is told of them in report.json, over all series and of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

if TYPE_CHECKING:
    import numpy as np

    from automl_core.forecasting.prepared import Prepared

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Look:
    """The model's forecasts of all series from one moment.

    Attributes:
        kind: ``origin``: one of those that the search went by; ``test``: the one look at the end; ``ahead``: what comes
            after all data.
        ends: (S,) how many values of each series were known; below 0: the series was not forecast.
        forecast: (S, H).
        lower, upper: (S, L, H) ends of the intervals at the levels of `Prepared.options`, in the target's units; for an
            origin of intervals made without that origin's own residuals.
    """

    kind: Literal["origin", "test", "ahead"]
    ends: Ints
    forecast: Floats
    lower: Floats
    upper: Floats


def told(prepared: Prepared, looks: Sequence[Look]) -> dict[str, Any]:
    """Parts of report.json: ``test``, ``coverage``, ``steps``, ``by_origin``, ``series``, ``plots``.

    Args:
        prepared: the series.
        looks: of the model, in the order of time; `conclude` has one of each origin, of the test where there is one,
            and ahead.
    """
    raise NotImplementedError
