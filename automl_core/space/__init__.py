"""The search space: parameters, conditions, constraints, and the unit cube that algorithms see."""

from automl_core.space.lists import ListParameter
from automl_core.space.parameter import Parameter, Value
from automl_core.space.space import Params, Space, brief, in_common

__all__ = ["ListParameter", "Parameter", "Params", "Space", "Value", "brief", "in_common"]
