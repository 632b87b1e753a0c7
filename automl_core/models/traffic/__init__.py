"""How requests are shared by two versions, and what their answers say while they come in."""

from automl_core.models.traffic.fixed import FixedRateTest
from automl_core.models.traffic.sequential import Block, MeanTest, RateTest
from automl_core.models.traffic.split import place_of, taken

__all__ = ["Block", "FixedRateTest", "MeanTest", "RateTest", "place_of", "taken"]
