"""Learners: one file each with its sub-space beside it, behind one interface, made by name."""

from automl_core.tabular.learners.base import Fitted, Learner, Wants
from automl_core.tabular.learners.registry import find, installed, names

__all__ = ["Fitted", "Learner", "Wants", "find", "installed", "names"]
