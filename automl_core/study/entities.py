"""What a state is made of: trials, the work on them, its attempts, and the end. Plain records, folded by `State`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from automl_core.metrics.points import Step
from automl_core.space import Params
from automl_core.states import TrialState


def pack_curve(points: Iterable[tuple[Step, float]]) -> str:
    """Text of (step, value) pairs: read ten times faster than as JSON, and half as long.

    ``0:0.5 0.75 0.8 7:0.9 7.5:0.91``: a value without a step is that of the next whole step.
    """
    words, following = [], -1.0
    for step, value in points:
        words.append(f"{value:.9g}" if step == following and isinstance(step, int) else f"{step}:{value:.9g}")
        following = step + 1
    return " ".join(words)


@lru_cache(maxsize=4096)
def unpack_curve(text: str) -> tuple[tuple[Step, float], ...]:
    """The pairs in such a text; that of the first format, which states each step, is one too.

    Raises:
        ValueError: it is no such text.
    """
    points: list[tuple[Step, float]] = []
    for word in text.split():
        stated, colon, value = word.rpartition(":")
        if colon:
            step: Step = int(stated) if stated.isdecimal() else float(stated)
        elif points:
            step = points[-1][0] + 1
        else:
            raise ValueError(f"a curve begins with a step, not with {word!r:.50}")
        points.append((step, float(value)))
    return tuple(points)


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at one training task of a slot's work.

    Attributes:
        task: index of the training task, from 0.
        number: from 1, for this training task of this slot.
        started, ended: seconds since 1970.
        state: RUNNING, or how it ended; SYS_CANCELED with the reason "lost" when a later attempt took over.
        worker: which process ran it, for people.
        external: identity of the running job outside Airflow (a pod's name, an instance id).
        error: digest of the error that ended it, the same for the same error; empty where that is not known.
        kind: the kind of failure in one word, where it was known (``oom``, ``evicted``, ``metric``); of one that was
            ended before anything of its training had run, `automl_core.states.NEVER_BEGAN`.
        systematic: whether its failure is one that no other combination would mend.
        generation: how often people had cleared the slot when it began, by the count of whoever schedules it; None
            where nobody counts. Of the same generation, a later start is a repetition and no person's wish.
        afterwards: whether it was begun when the experiment had stopped already (a person cleared its slot):
            that stop doesn't end it.
        warnings: what whoever looks at its result should know, such as that its data were others.
    """

    task: int
    number: int
    started: float
    ended: float | None = None
    state: TrialState = TrialState.RUNNING
    reason: str = ""
    worker: str = ""
    external: str = ""
    error: str = ""
    kind: str = ""
    systematic: bool = False
    afterwards: bool = False
    generation: int | None = None
    warnings: list[str] = []


class Work(msgspec.Struct, omit_defaults=True):
    """What a slot is bound to: a trial and, with budgets, how far to train it.

    Attributes:
        resume_budget: the budget of the trial's own checkpoint to go on from, None to start afresh.
        lane: number of the lane that runs it, None where each slot is a mapped task instance.
        value: the goal's value (not a loss) as last told, by an earlier training task too; `counts` is what
            it is worth.
        metrics: raw metrics behind the value.
        curve: (step, value) pairs as text (see `pack_curve`): most readers of a state never look at them.
        retry: whether a new attempt is due.
    """

    slot: int
    trial: int
    bound: float
    budget: int | None = None
    bracket: int | None = None
    rung: int | None = None
    resume_budget: int | None = None
    lane: int | None = None
    state: TrialState = TrialState.RUNNING
    ended: float | None = None
    reason: str = ""
    value: float | None = None
    step: int | float | None = None  # both, so that a snapshot gives back a whole one as it was
    metrics: dict[str, float] = {}
    curve: str = ""
    cost: float = 0.0
    seconds: float = 0.0
    retry: bool = False
    failures: int = 0
    attempts: list[Attempt] = []

    @property
    def counts(self) -> float | None:
        """The value if it counts: when the work has ended, and well. Until then, and after a failure, None."""
        return self.value if self.state.has_value else None

    @property
    def points(self) -> tuple[tuple[Step, float], ...]:
        """The curve as (step, value) pairs."""
        return unpack_curve(self.curve)

    def attempt(self, task: int, number: int) -> Attempt | None:
        """One attempt at a training task, None where there was none."""
        return next((each for each in self.attempts if (each.task, each.number) == (task, number)), None)

    def last_attempt(self, task: int | None = None) -> Attempt | None:
        """The newest attempt, of one training task or of any."""
        for attempt in reversed(self.attempts):
            if task is None or attempt.task == task:
                return attempt
        return None


class Trial(msgspec.Struct, omit_defaults=True):
    """One combination and the slots that worked on it, in the order in which they were bound."""

    number: int
    params: Params
    slots: list[int]
    parent: int | None = None
    note: str = ""
    seen: int = 0
    cancel: str = ""


class StopRecord(msgspec.Struct, omit_defaults=True):
    """Why and how the experiment ended."""

    kind: str
    state: str
    reason: str
    running: str
    by: str
    time: float


class Act(msgspec.Struct, omit_defaults=True):
    """What a person did to the experiment.

    Attributes:
        seq, time: the record that tells it.
        by: who.
        act: ``stop``, ``stop_trial``, ``rerun``, ``edit``, ``extend``, or ``gc``: it is being deleted.
        text: in words.
        trial: the trial that it was done to, if to one.
        changes: fields of the file that were changed: path, old, new.
    """

    seq: int
    time: float
    by: str
    act: str
    text: str
    trial: int | None = None
    changes: list[dict[str, Any]] = []
