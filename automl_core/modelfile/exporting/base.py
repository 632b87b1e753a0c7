"""What all exporters share."""

from __future__ import annotations

from typing import Any, NamedTuple


class NotExportable(ValueError):
    """A model that numpy alone can't score as its library does, and why."""


class Exported(NamedTuple):
    """A model as plain data.

    Attributes:
        model: its document, see `automl_core.modelfile.scoring.models`.
        link: from its margin to outputs, see `automl_core.modelfile.scoring.links`.
    """

    model: dict[str, Any]
    link: str
