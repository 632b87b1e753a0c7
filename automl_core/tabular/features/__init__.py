"""Features learned from rows: one transformer a file, each the other half of a step in `modelfile.scoring.features`."""

from automl_core.tabular.features.base import Rows, Transformer, learn

__all__ = ["Rows", "Transformer", "learn"]
