"""How right labels are: several annotators, gold items, suspected wrong labels, and what a second look is worth."""

from automl_core.annotation.quality.dawid_skene import Consensus, dawid_skene
from automl_core.annotation.quality.gold import Record, on_gold
from automl_core.annotation.quality.raters import Agreed, cohen, krippendorff, pairs
from automl_core.annotation.quality.suspects import Suspects, suspects
from automl_core.annotation.quality.votes import Votes
from automl_core.annotation.quality.worth import Worth, worth

__all__ = [
    "Agreed", "Consensus", "Record", "Suspects", "Votes", "Worth", "cohen", "dawid_skene", "krippendorff", "on_gold",
    "pairs", "suspects", "worth",
]  # fmt: skip
