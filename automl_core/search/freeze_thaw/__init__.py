"""Freeze-thaw search: which combination to start and which training to go on with, by a model of learning curves.

A suggestion is made in four steps, a module each: `observations` turns a history into points of learning
curves, `model` fits a Gaussian process to them, `rate` says what each combination is worth per unit of budget,
and `algorithm` hands out the best within what the plan allows (`allowance`).
"""

from automl_core.search.freeze_thaw.algorithm import FreezeThaw, FreezeThawOptions

__all__ = ["FreezeThaw", "FreezeThawOptions"]
