"""Claims on intervals of data: each is scored once, whoever dies meanwhile.

Whoever scores an interval claims it first (`begin_interval`), writes where nobody else writes (the claim's `generation`
and `attempt` name a place of its own), and then says that it is done (`end_interval`). Only the newest claim counts;
an interval that nobody has ended is still to be scored.
"""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.models.life.intervals import Interval


@dataclass(frozen=True, slots=True)
class Claim:
    """What `begin_interval` gives.

    Attributes:
        key, start, end: the interval; moments in seconds since 1970.
        version: that scores it; where it was scored already, the one that has.
        generation, attempt: name the claim; each from 1.
        scored: whether it was scored already: there is nothing to do.
        run: who has it.
        why: why it is scored again; empty in the first generation.
    """

    key: str
    start: float
    end: float
    version: int
    generation: int
    attempt: int
    run: str
    scored: bool = False
    why: str = ""


def claim_of(interval: Interval, *, scored: bool = False) -> Claim:
    """The claim on an interval, as the state has it."""
    return Claim(
        interval.key, interval.start, interval.end, interval.version, interval.generation, interval.attempt,
        interval.run, scored, interval.why,
    )  # fmt: skip
