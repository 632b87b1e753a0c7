"""Rollouts: what servers count while two versions answer, and the guard who decides by it; docs/rollouts.md.

What decides needs numpy and is imported from where it is: `automl_core.models.rollout.guard.Guard`.
"""

from automl_core.models.rollout.layout import read_view
from automl_core.models.rollout.tallies import Counts, Outbox, Tally, Tallying, list_tallies, read_tally, write_tally
from automl_core.models.rollout.view import View

__all__ = [
    "Counts", "Outbox", "Tally", "Tallying", "View", "list_tallies", "read_tally", "read_view", "write_tally",
]  # fmt: skip
