"""What tasks of an annotation project's DAG and its runs are called: ids that other parts look for."""

from __future__ import annotations

import re

COLLECT, PREDICT, SETTLE, CHOOSE, SEND = "collect", "predict", "settle", "choose", "send"
WAIT, WRITE_SET, TRAIN, EVALUATE, DECIDE = "wait", "write_set", "train", "evaluate", "decide"

TASKS = (COLLECT, PREDICT, SETTLE, CHOOSE, SEND, WAIT, WRITE_SET, TRAIN, EVALUATE, DECIDE)
"""The tasks of a round, in their order."""

ROUND = "round"
"""In the XCom of `collect`: the number of the round that the run is."""

SET = "set"
"""In the XCom of `write_set`: the number of the data set that the round's models learn from."""

_ROUND_RUN = re.compile(r"round_([1-9][0-9]*)(?:\.[1-9][0-9]*)?")


def run_of_round(number: int, again: int = 1) -> str:
    """The id of the run that is a round: an id makes it one run, whoever starts it.

    Args:
        number: of the round, from 1.
        again: more than 1 where runs of that name have ended, and the journal has no such round: they belonged to
            another journal, which somebody has emptied since.
    """
    return f"round_{number}" if again == 1 else f"round_{number}.{again}"


def round_of_run(run: str) -> int | None:
    """The round that a run is by its id; None for a run that only looks whether there is anything to do.

    Args:
        run: the run's id.
    """
    found = _ROUND_RUN.fullmatch(run)
    return int(found[1]) if found is not None else None


def training_run(project: str, number: int, data_set: str, again: int = 1) -> str:
    """The id of an experiment's run that learns from a data set of a project.

    The project's name is in it, since an experiment may learn for several; the set's folder too, which its content
    names: a round that is cleared may write another set.

    Args:
        project: its name.
        number: of the round.
        data_set: the last part of the data set's folder, such as ``2-0a1b2c3d4e5f``.
        again: 1 for the first try; more where the ones before have failed and `train` was cleared.
    """
    first = f"{training_runs(project)}{number}_set_{data_set}"
    return first if again == 1 else f"{first}.{again}"


def training_runs(project: str) -> str:
    """What ids of all such runs of a project begin with.

    Args:
        project: its name.
    """
    return f"annotation_{project}_round_"
