"""What can go from a model storage path, and how it goes: old runs, checkpoints, caches, what broke off.

`look` reads what there is, `make_plan` decides (a pure function of that), `carry_out` looks again and deletes.
"""

from automl_core.housekeeping.deleting import Done, carry_out
from automl_core.housekeeping.environments import unused_environments
from automl_core.housekeeping.inventory import Inventory, look
from automl_core.housekeeping.local import local_leftovers
from automl_core.housekeeping.mark import BeingDeleted, settle
from automl_core.housekeeping.mentions import ExperimentFile
from automl_core.housekeeping.plan import Item, Options, Plan, Spared, make_plan

__all__ = [
    "BeingDeleted",
    "Done",
    "ExperimentFile",
    "Inventory",
    "Item",
    "Options",
    "Plan",
    "Spared",
    "carry_out",
    "local_leftovers",
    "look",
    "make_plan",
    "settle",
    "unused_environments",
]
