"""The search space: parameters, conditions, constraints, and the unit cube that algorithms see."""

from automl_core.space.parameter import Parameter, Value
from automl_core.space.space import Params, Space

__all__ = ["Parameter", "Params", "Space", "Value"]
