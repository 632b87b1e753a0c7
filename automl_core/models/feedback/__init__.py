"""Logged answers and what became true later, joined into rows on which a model is judged; docs/model-feedback.md."""

from automl_core.models.feedback.counts import AnswerCounts, Counts, OutcomeCounts
from automl_core.models.feedback.joining import Answers, Each, Joined, Joiner, Rule, join, read_outcomes

__all__ = [
    "AnswerCounts", "Answers", "Counts", "Each", "Joined", "Joiner", "OutcomeCounts", "Rule", "join", "read_outcomes",
]  # fmt: skip
