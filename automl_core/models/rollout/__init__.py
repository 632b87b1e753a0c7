"""Rollouts: what servers count while two versions answer, and the guard who decides by it; docs/rollouts.md."""

from automl_core.models.rollout.tallies import Counts, Outbox, Tally, Tallying, list_tallies, read_tally, write_tally

__all__ = ["Counts", "Outbox", "Tally", "Tallying", "list_tallies", "read_tally", "write_tally"]
