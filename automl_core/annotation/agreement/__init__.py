"""Two models of different families label what both are sure of, under a promise that people's labels have shown.

`plan.plan` says what a promise takes in labels, `pair.agree` finds the threshold, `audit.Audit` watches it.
"""

from automl_core.annotation.agreement.audit import Audit, TakenBack
from automl_core.annotation.agreement.bounds import Promise, labels_needed
from automl_core.annotation.agreement.families import SameFamily, families
from automl_core.annotation.agreement.pair import Agreement, Labeller, agree
from automl_core.annotation.agreement.plan import Plan, plan

__all__ = [
    "Agreement", "Audit", "Labeller", "Plan", "Promise", "SameFamily", "TakenBack", "agree", "families",
    "labels_needed", "plan",
]  # fmt: skip
