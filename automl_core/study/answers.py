"""What a study answers when it is asked, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from automl_core.metrics.points import Step
from automl_core.space import Params
from automl_core.states import TrialState
from automl_core.study.state import StopRecord

UNSURE = "~"
"""What the digest of an error begins with that is known by its words alone: the next attempt may be luckier."""


@dataclass(frozen=True, slots=True)
class Binding:
    """An attempt that is to be made now.

    Attributes:
        slot, trial, task, attempt: which one; `task` is the index of the training task.
        params: the trial's combination.
        budget, resume_budget: see `Work`.
        parent: (trial, budget) whose checkpoint the trial starts from, if any.
        retried: whether an attempt at this training task was made before and came to no good end, so that this one
            goes on from its checkpoint. Where it had (a person cleared the trial), this one starts afresh.
        note: why this combination.
    """

    slot: int
    trial: int
    task: int
    attempt: int
    params: Params
    budget: int | None = None
    resume_budget: int | None = None
    parent: tuple[int, int | None] | None = None
    retried: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Nothing to do until the journal has moved beyond ``seq``.

    Attributes:
        full: whether it is for as many trials running as are allowed.
        give_way: whether a trial waits for its new attempt: whoever waits must not hold the place that the attempt
            needs, or both wait for ever.
        patience: seconds after which the answer may be another one though the journal has not moved; None where
            only the journal tells.
    """

    reason: str
    seq: int
    full: bool = False
    give_way: bool = False
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing to do any more for this slot."""

    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt at a training task ended.

    Attributes:
        state: SUCCEEDED, FAILED, EARLY_STOPPED, or one of the CANCELED states.
        reason: in words, for people.
        retryable: whether a failure is of a kind that another attempt may mend.
        value: the goal's value, None when this training task gives none.
        step: the step of that value.
        metrics: raw metrics behind it.
        curve: (step, value) pairs.
        cost: in the currency of the prices.
        blameless: whether the failure is none of the training's, so that the new attempt is not counted.
        error: digest of the error, the same for the same error; empty where it is not known. One that begins with
            `UNSURE` is of a failure that another attempt may mend.
        kind: the kind of failure in one word, where it is known.
        systematic: whether the failure is one that no other combination would mend (a program that isn't there, a
            metric that is never reported).
    """

    state: TrialState
    reason: str = ""
    retryable: bool = False
    value: float | None = None
    step: Step | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[tuple[Step, float], ...] = ()
    cost: float = 0.0
    blameless: bool = False
    error: str = ""
    kind: str = ""
    systematic: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt has been made and its end is told: whoever asks again has only missed the answer.

    Attributes:
        binding: the attempt.
        outcome: how it ended, as recorded; without its curve and cost.
    """

    binding: Binding
    outcome: Outcome


Answer: TypeAlias = Binding | NotNow | Over | Ended


@dataclass(frozen=True, slots=True)
class Told:
    """What follows from an outcome.

    Attributes:
        accepted: False when a later attempt has taken over or the record exists already.
        retry: a new attempt is due.
        stop: why the experiment ends, if it does.
        unbound: slots that will never be bound then.
    """

    accepted: bool
    retry: bool = False
    stop: StopRecord | None = None
    unbound: tuple[int, ...] = ()
