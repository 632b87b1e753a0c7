"""Closed environments: what a deployment allows of stores, images, data and addresses, and what an experiment asks for.

Pure functions of plain text. Nothing here asks a store, a registry or a cluster: `check` says what of an experiment the
deployment's lists refuse, and whoever runs it holds what was really opened and started against the same lists.
"""

from automl_core.closed.check import experiment_problems
from automl_core.closed.policy import Policy, read_policy

__all__ = ["Policy", "experiment_problems", "read_policy"]
