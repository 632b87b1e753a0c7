"""What tasks of a model's DAGs, their options and runs are called: ids that other parts look for."""

from __future__ import annotations

OFFER, EVALUATE, ASK, ACCEPT, DECIDE, DEPLOY = "offer", "evaluate", "ask", "accept", "decide", "deploy"
"""The tasks of a rollout, in their order."""

ROLL = "roll"
"""The last one, where servers answer by the champion: a version gets its share step by step."""

ROLLOUT_TASKS = (OFFER, EVALUATE, ASK, ACCEPT, DECIDE, DEPLOY)

ROLLOUT_ID = "rollout"
"""In the XCom of `deploy`: the number of the rollout that it has begun; None where it has put the version in use."""

LOOK, RETRAIN = "look", "retrain"
"""The tasks of a watch, in their order."""

YES, NO = "Accept", "Reject"
"""The options of the approval page."""

NOTE = "note"
"""The field of the approval page in which a person says why."""


def run_of_version(version: int, again: int = 1) -> str:
    """The id of the run that rolls out a version: an id makes it one run, whoever starts it.

    Args:
        version: its number.
        again: 1 for the first run of this version that is started by another run, 2 for the second...
    """
    return f"version_{version}" if again == 1 else f"version_{version}.{again}"
