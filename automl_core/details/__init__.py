"""What a trained model gets right and wrong, from the predictions that its training task has left.

A file of predictions becomes two small objects: a summary without any row (`details.json`), and the worst errors with
their rows (`details-rows.json`), which not everybody may see. Heavy libraries are imported by the modules that need
them, not by this one; `python -m automl_core.details FILE FOLDER` makes both in a process of its own.
"""

from __future__ import annotations

FORMAT = 1
"""Version of both objects."""

PREDICTIONS = ("predictions.parquet", "predictions.csv")
"""Files of predictions in a model's folder, the first of them that is there counts."""

UNREADABLE, NO_LIBRARY = 3, 4
"""Exit codes of the process: the file is not what it should be; pyarrow is not installed."""


class BadPredictions(ValueError):
    """A file of predictions is not what it should be; the message says what is wrong and what is allowed."""
