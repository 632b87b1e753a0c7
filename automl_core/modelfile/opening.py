"""A model's folder of any kind, opened: a table's or one of series."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.series import SeriesModel


def load(folder: str | Path, *, trusted: bool | Collection[str] = ()) -> Model | SeriesModel:
    """A model of its folder. Nothing that lies in it is run.

    Args:
        folder: as `writing.write` or `series.write` made it.
        trusted: types of estimators (`model.load`); a model of series has none.

    Raises:
        BrokenModel: it is none, or a file of it is missing or changed.
        LaterFormat: a later release wrote it.
        NotTrusted: an estimator needs types, or is a pickle, that nobody said to trust.
        ImportError: a library that its estimators need is not there.
    """
    from automl_core.modelfile import model, series
    from automl_core.modelfile.writing import FORECASTING

    info = model.read_info(Path(folder))
    if info["problem"].get("kind") == FORECASTING:
        return series.load(folder)
    return model.load(folder, trusted=trusted)
