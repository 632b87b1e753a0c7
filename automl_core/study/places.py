"""When the next place of an experiment becomes free, and who among those who wait is to have it.

Whoever starts slots may start a few more than there are places: what is ready takes a place in the moment in which it
becomes free. Nothing here is recorded; a wrong estimate costs a little waiting and no search quality.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from automl_core.spec.models import Experiment
from automl_core.study.queued import is_queued
from automl_core.study.state import State

WAITING = "waits for a place"
"""What whoever schedules the slots calls one that has been started ahead of its place and has no trial yet."""

KNOWN = 64
"""Trials that the estimate looks back on: the newest, since a space that narrows changes how long trials take."""

UNKNOWN = 90.0
"""Seconds for which the first trials are held to end at any moment: nobody knows yet how long any takes."""

ENOUGH = 0.5
"""Places that have to be expected beyond those that others take first: from there on one more is likelier than not."""


def free_places(state: State, experiment: Experiment) -> int:
    """Places that no trial holds, negative where the concurrency was lowered below what runs."""
    return experiment.trials.concurrency - len(state.running)


def waiting_before(state: State, slot: int | None = None, lane: int | None = None) -> int:
    """How many others have the first claim on a free place.

    Slots are started in the order of their numbers, so those without work below mine wait as well, or will in a moment.
    Work that goes on (a retry, a trial that was cleared) goes before all that is new.

    Args:
        state: as last read.
        slot: the slot that waits, None for a lane.
        lane: the lane that waits.
    """
    if lane is not None:
        busy = {work.lane for work in state.unended if work.lane is not None}
        return 0 if lane in busy else lane - sum(other < lane for other in busy)
    if slot is None or slot in state.works:
        return 0
    return slot - sum(other < slot for other in state.works)


def is_in_turn(state: State, experiment: Experiment, slot: int | None = None, lane: int | None = None) -> bool:
    """Whether there is a free place that nobody else has the first claim on."""
    return free_places(state, experiment) > waiting_before(state, slot, lane)


def expected_ends(state: State, now: float, within: float) -> float:
    """How many of the running trials are likely to end within so many seconds.

    For each the share of the trials known to have lasted longer than its age that ended within that time of it
    (Kaplan and Meier's estimate, without the running ones). One that has outlived all of them is expected to last as
    long again as it has outlived them. Before any has ended, each may end at any moment of its first minute and a half.
    One that waits in a queue outside is not expected to end: it has yet to begin.

    Args:
        state: as last read.
        now: seconds since 1970.
        within: seconds from now on.
    """
    known = _lasted(state)
    every = sorted(seconds for group in known.values() for seconds in group)
    total = 0.0
    for work in state.running:
        attempt = work.last_attempt()
        if attempt is not None and is_queued(attempt):
            continue
        age = max(0.0, now - (attempt.started if attempt is not None else work.bound))
        total += _chance(sorted(known[work.budget]) if work.budget in known else every, age, within)
    return total


def is_due(state: State, experiment: Experiment, now: float, within: float, before: int) -> bool:
    """Whether a place is likely to be free within so many seconds for one who has others before it.

    Args:
        state: as last read.
        experiment: its file.
        now: seconds since 1970.
        within: seconds from now on.
        before: how many have the first claim (see `waiting_before`).
    """
    return free_places(state, experiment) + expected_ends(state, now, within) >= before + ENOUGH


def youngest(state: State, now: float) -> float:
    """Seconds since the last running trial began, 0 where none runs."""
    started = [attempt.started for work in state.running if (attempt := work.last_attempt()) is not None]
    return max(0.0, now - max(started)) if started else 0.0


def _lasted(state: State) -> dict[int | None, list[float]]:
    """Seconds of the newest attempts that gave their place back, by the budget of their trial."""
    found: defaultdict[int | None, list[float]] = defaultdict(list)
    for slot in state.order[-KNOWN:]:
        work = state.works.get(slot)
        attempt = work.last_attempt() if work is not None else None
        if work is not None and attempt is not None and attempt.ended is not None and not is_queued(attempt):
            found[work.budget].append(attempt.ended - attempt.started)
    return found


def _chance(known: Sequence[float], age: float, within: float) -> float:
    """That what is `age` seconds old ends within so many: by how long others lasted, in ascending order."""
    longer = len(known) - bisect_right(known, age)
    if longer:
        return (bisect_right(known, age + within) - bisect_right(known, age)) / longer
    if not known:
        return 1.0 if age <= max(UNKNOWN, within) else 0.0
    return 1.0 if age - known[-1] <= within else 0.0
