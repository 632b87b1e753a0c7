"""Which try at the same statements this is: one that was killed is taken over, one that ended is followed by the next.

Instances have names that follow from what they do and the number of the try, so nothing has to be remembered: whoever
starts later looks for them. A try that is under way, or whose starter died, has instances and no failed one, and not
all of them; two that start at once make the same instances, since the service knows one that is posted twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from automl_core.backends.maxcompute.client import Client, Refused
from automl_core.backends.maxcompute.errors import Kind
from automl_core.backends.maxcompute.plan import JobNames, Step

REMEMBERED = 7 * 86_400.0
"""Seconds that tries are looked for: far longer than an instance may run (72 hours)."""

MOST_TURNS = 200
"""Tries at the same statements within that time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One try.

    Attributes:
        number: from 1.
        found: instances of its steps that are there already, in order.
        complete: whether all of them succeeded.
    """

    number: int
    found: tuple[str, ...] = ()
    complete: bool = False


def current(
    client: Client, steps: Callable[[int], Sequence[Step]], place: str, *, now: Callable[[], float] = time.time
) -> Turn:
    """The newest try: one to go on with, a complete one, or the first that nobody has begun.

    Args:
        client: of the project.
        steps: number of a try → its steps.
        place: what tells these statements from all others.
        now: seconds since 1970.

    Raises:
        Busy: the service can't be asked now.
        Refused: it never will.
    """
    since = max(0.0, now() - REMEMBERED)
    complete: Turn | None = None
    for number in range(1, MOST_TURNS + 1):
        try:
            turn = _look(client, steps(number), place, number, since)
        except Refused as error:
            if error.failure.kind is not Kind.PERMISSION:
                raise
            return Turn(int(now()))  # these keys may not list: a try of its own each time
        if turn is None:
            continue  # it failed
        if turn.complete:
            complete = turn
            continue
        return complete if complete is not None and not turn.found else turn
    raise AssertionError(f"more than {MOST_TURNS} tries in {REMEMBERED:g} s")


def names(place: str, number: int) -> JobNames:
    """The names of a try's instances."""
    return JobNames(place, number, 0, 0)


def _look(client: Client, steps: Sequence[Step], place: str, number: int, since: float) -> Turn | None:
    """One try as it is; None where it has failed."""
    found: list[str] = []
    state = ""
    for index, step in enumerate(steps):
        instance = client.find(names(place, number).of(step, index), since, command=False)
        if instance is None:
            return Turn(number, tuple(found))
        state = client.state(instance)
        if state in ("Failed", "Cancelled"):
            return None
        found.append(instance)
        if state == "Running":
            return Turn(number, tuple(found))
    return Turn(number, tuple(found), complete=True)
