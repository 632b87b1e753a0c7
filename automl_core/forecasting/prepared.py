"""Series made ready: read, seasons and origins settled; what every trial works on, and conclude after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.forecasting.options import Options

if TYPE_CHECKING:
    from automl_core.forecasting.metrics import Metric
    from automl_core.forecasting.origins import Origins
    from automl_core.forecasting.panel import Panel


@dataclass(frozen=True)
class Prepared:
    """Series ready for trials.

    Attributes:
        options: what the user said.
        panel: all series with all of their values, those of the test at the end included.
        seasons: lengths in steps, the main one first; ``(1,)`` where there is none.
        metric: what trials are judged by.
        origins: where forecasts are made from, none of which sees the test.
        until: (S,) values of each series that the search may see; the last ``horizon`` after that are the test, where
            ``until < len(values)``.
        findings: what was found in the table and done about it, as plain data.
        notes: what was decided, in words.
        fingerprint: of all values: the same text, the same data.
    """

    options: Options
    panel: Panel
    seasons: tuple[int, ...]
    metric: Metric
    origins: Origins
    until: Any
    findings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    fingerprint: str = ""
    shape: Mapping[str, Any] = field(default_factory=dict)

    @property
    def season(self) -> int:
        """The main season's length; 1 where there is none."""
        return self.seasons[0]

    def save(self, folder: str | Path) -> None:
        """Keep it as JSON and arrays (``prepared.json``, ``prepared.npz``); nothing in it is code."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: str | Path) -> Prepared:
        """What `save` left.

        Raises:
            TrainingError: the folder holds none, or one of another release.
        """
        raise NotImplementedError


def prepare(source: Any, options: Options) -> Prepared:
    """Make series ready for trials.

    Args:
        source: rows: a table of PyArrow, a frame of pandas or polars, columns or rows as plain data, or the place of a
            file.
        options: what the user says of them.

    Raises:
        TrainingError: what the user said doesn't fit the data, in words.
    """
    raise NotImplementedError
