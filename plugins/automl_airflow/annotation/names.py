"""What tasks of an annotation project's DAG and its runs are called: ids that other parts look for."""

from __future__ import annotations

COLLECT, PREDICT, SETTLE, CHOOSE, SEND = "collect", "predict", "settle", "choose", "send"
WAIT, WRITE_SET, TRAIN, EVALUATE, DECIDE = "wait", "write_set", "train", "evaluate", "decide"

TASKS = (COLLECT, PREDICT, SETTLE, CHOOSE, SEND, WAIT, WRITE_SET, TRAIN, EVALUATE, DECIDE)
"""The tasks of a round, in their order."""

ROUND = "round"
"""In the XCom of `collect`: the number of the round that the run is."""

SET = "set"
"""In the XCom of `write_set`: the number of the data set that the round's models learn from."""

_ROUND_RUN = "round_"


def run_of_round(number: int) -> str:
    """The id of the run that is a round: an id makes it one run, whoever starts it.

    Args:
        number: of the round, from 1.
    """
    return f"{_ROUND_RUN}{number}"


def round_of_run(run: str) -> int | None:
    """The round that a run is by its id; None for a run that only looks whether there is anything to do.

    Args:
        run: the run's id.
    """
    digits = run.removeprefix(_ROUND_RUN)
    is_number = run.startswith(_ROUND_RUN) and digits.isascii() and digits.isdigit() and not digits.startswith("0")
    return int(digits) if is_number else None


def training_run(project: str, number: int, data_set: int, again: int = 1) -> str:
    """The id of an experiment's run that learns from a data set of a project.

    The project's name is in it, since an experiment may learn for several; the set's number too, since a round that is
    cleared may write another set.

    Args:
        project: its name.
        number: of the round.
        data_set: number of the data set.
        again: 1 for the first try; more where the ones before have failed and `train` was cleared.
    """
    first = f"annotation_{project}_round_{number}_set_{data_set}"
    return first if again == 1 else f"{first}.{again}"
