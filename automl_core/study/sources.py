"""What the first record of an experiment keeps of the earlier runs that it was to learn from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from automl_core.search.base import History
from automl_core.search.earlier import Incompatible, as_history, translate
from automl_core.space import Params, Space


class EarlierRun(msgspec.Struct, omit_defaults=True):
    """One earlier run: the observations taken of it, or why none were.

    It stands whole in this experiment's own journal, so that suggestions stay what they are when the earlier run
    is deleted.

    Attributes:
        experiment: its name.
        run: its run's id, empty where none was found.
        trials: how many it had.
        reason: why it was left out, empty where it entered.
        params: combinations in the space of the day the experiment began, best first.
        losses: one a combination; lower is better.
        dropped: why trials of it were left out → how many.
    """

    experiment: str
    run: str = ""
    trials: int = 0
    reason: str = ""
    params: list[Params] = []
    losses: list[float] = []
    dropped: dict[str, int] = {}

    def __str__(self) -> str:
        """In a line for people."""
        name = f"{self.experiment}@{self.run}" if self.run else self.experiment
        if self.reason:
            return f"{name}: left out: {self.reason}"
        without = "; ".join(f"{count} left out: {reason}" for reason, count in self.dropped.items())
        entered = f"{name}: {len(self.params)} of {self.trials} trials entered"
        return f"{entered} ({without})" if without else entered

    def summary(self) -> dict[str, Any]:
        """What a person wants to know of it, as plain JSON."""
        return {
            "experiment": self.experiment, "run": self.run, "trials": self.trials, "entered": len(self.params),
            "left_out": self.reason or None, "dropped": self.dropped,
        }  # fmt: skip


def histories(runs: Iterable[EarlierRun], space: Space) -> tuple[History, ...]:
    """The runs that entered, as `Context.earlier` takes them.

    Args:
        runs: as recorded.
        space: today's; where an edit has changed it since the record, what no longer fits is left out.
    """
    found = []
    for run in runs:
        try:
            fitting = translate(space, list(zip(run.params, run.losses, strict=True)))
        except Incompatible:
            continue
        found.append(as_history(fitting.observations))
    return tuple(found)
