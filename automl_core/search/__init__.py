"""Search algorithms: one file each behind one interface, made by name."""

from automl_core.search.base import (
    Algorithm,
    BudgetRange,
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    PastTrial,
    Plan,
    Promote,
    Wait,
)
from automl_core.search.registry import available, create, names

__all__ = [
    "Algorithm",
    "BudgetRange",
    "Context",
    "Decision",
    "Exhausted",
    "History",
    "NewTrial",
    "PastTrial",
    "Plan",
    "Promote",
    "Wait",
    "available",
    "create",
    "names",
]
