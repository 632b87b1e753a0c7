"""Scoring whole tables where they lie: what a model says of each row, by SQL, as a table of MaxCompute."""

from automl_core.batch.scoring import BatchFailed, Scoring
from automl_core.batch.wanted import CantScore, Wanted

__all__ = ["BatchFailed", "CantScore", "Scoring", "Wanted"]
