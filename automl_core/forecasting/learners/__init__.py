"""Learners of series: one file each with its sub-space beside it, behind one interface, made by name."""

from automl_core.forecasting.learners.base import Fitted, Learner
from automl_core.forecasting.learners.registry import find, installed, names
from automl_core.forecasting.learners.shape import Shape

__all__ = ["Fitted", "Learner", "Shape", "find", "installed", "names"]
