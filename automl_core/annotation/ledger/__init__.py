"""What labels cost, how many are used, how right they are, what they brought. Works on facts: reads no store."""

from automl_core.annotation.ledger.facts import (
    Answer,
    Case,
    DataSet,
    Facts,
    Judged,
    RoundFacts,
    Suspect,
    Threshold,
    Training,
)
from automl_core.annotation.ledger.ledger import Ledger, ledger
from automl_core.annotation.ledger.lines import COLUMNS, csv_lines, lines
from automl_core.annotation.ledger.use import MEANS, Standing

__all__ = [
    "COLUMNS", "MEANS", "Answer", "Case", "DataSet", "Facts", "Judged", "Ledger", "RoundFacts", "Standing", "Suspect",
    "Threshold", "Training", "csv_lines", "ledger", "lines",
]  # fmt: skip
