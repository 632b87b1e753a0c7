"""Statements that run once for all trials of an experiment's run: who does it, and how the others find it.

Whoever needs such a statement first claims it, submits it and tells its instance; all watch that instance. Nothing is
lost with a claimant: after a while another one submits under the same job name, or finds what was submitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from automl_core.backends.maxcompute.plan import Step, once_name

TAKE_OVER_AFTER = 60.0
"""Seconds after which a claim without an instance is another's to fulfil."""

MOST_TURNS = 20
"""Tries at one statement."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One try at a statement.

    Attributes:
        number: from 1.
        owner: who claimed it.
        claimed: when, seconds since 1970.
        instance: its instance, once it was submitted.
    """

    number: int
    owner: str
    claimed: float
    instance: str | None = None


class Board(Protocol):
    """Where claims stand; shared by all trials of a run. Every method may raise `Unreachable`."""

    def latest(self, digest: str) -> Turn | None:
        """The newest try at a statement."""

    def claim(self, digest: str, number: int, owner: str) -> bool:
        """Claim a try; False where another was faster."""

    def submitted(self, digest: str, number: int, instance: str) -> str:
        """Tell the instance of a try; the one that stands, which another may have told before."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The instance that serves all trials.

    Attributes:
        instance: its id; None while another submits it.
        own: whether this trial submitted it.
        turn: number of the try.
    """

    instance: str | None
    own: bool = False
    turn: int = 0


def obtain(
    step: Step, board: Board, place: str, owner: str, now: Callable[[], float], *, submit: Callable[[str], str],
    find: Callable[[str, float], str | None], stop: Callable[[str], None], after: int = 0,
) -> Shared:  # fmt: skip
    """The instance of a statement that runs once; submitted here where nobody else does it.

    Args:
        step: the statement.
        board: where claims stand.
        place: the run's folder.
        owner: name of this attempt.
        now: seconds since 1970.
        submit: submits the statement under a job name; returns the instance.
        find: the instance that was submitted under a job name since a time, if there is one.
        stop: ends an instance that is one too many.
        after: tries up to this number have failed.

    Raises:
        Busy: the service can't take it now.
        Refused: it never will.
    """
    turn = board.latest(step.digest)
    if turn is None or turn.number <= after:
        number = after + 1
        if not board.claim(step.digest, number, owner):
            return Shared(None)
        turn = Turn(number, owner, now())
    if turn.instance is not None:
        return Shared(turn.instance, turn=turn.number)
    if turn.owner != owner and now() - turn.claimed < TAKE_OVER_AFTER:
        return Shared(None)
    name = once_name(place, step.digest, turn.number)
    mine = find(name, turn.claimed) or submit(name)
    standing = board.submitted(step.digest, turn.number, mine)
    if standing != mine:
        stop(mine)
    return Shared(standing, own=standing == mine, turn=turn.number)
