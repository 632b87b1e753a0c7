"""Names of the published files below an experiment's folder: those that users of TAO know, and a leaderboard."""

from __future__ import annotations

CONTROLLER = "controller.json"
"""Every trial: values, state, metrics, times, attempts."""

BRAIN = "brain.json"
"""The search algorithm's state, for a person to read."""

METADATA = "automl_metadata.json"
"""Facts of the run: versions, the experiment as it was resolved, times."""

LEADERBOARD = "leaderboard"
"""With the endings .md and .csv."""

FRONT = "pareto_front.json"
"""With several objectives: the trials that none other dominates, and which of them is recommended."""

EXPERIMENT = "experiment.yaml"
"""The experiment file as it was resolved: overrides and defaults in it."""

STATUS = "status.json"
"""One trial's entry of `CONTROLLER`, in its folder."""

RECOMMENDATION = "recommendation"
"""The best trial's combination, in `BEST_MODEL`; with the ending .yaml, and that of a spec file's own format."""

BEST_MODEL = "best_model/"
"""Everything of the best trial."""


def recommendation(trial: int) -> str:
    """File of one trial's combination."""
    return f"recommendation_{trial}.yaml"
