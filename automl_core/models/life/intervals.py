"""Which intervals of data were scored, by which version: kept so that ten thousand of them take a few kilobytes.

An interval is scored once: `Scoring.done` has one entry for each key, and the state machine lets nobody begin one that
stands there, save a person who asks for it to be scored again (another *generation* of the same interval).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

RECENT = 200
"""Ended intervals that are kept with all that is known of them. Of older ones: version and generation."""

_CACHED = 1 << 16
"""Keys whose moments are remembered: each snapshot asks for all of them again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?)Z/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?)Z")


class Done(NamedTuple):
    """What is kept of every interval that was scored: by which version, at which generation (from 1)."""

    version: int
    generation: int


class Interval(msgspec.Struct, omit_defaults=True):
    """One interval of data that is scored, or was.

    Attributes:
        key: names it; `interval_key` for one between two moments.
        start, end: of the data, seconds since 1970.
        version: that scores it.
        generation: 1, or how often people have asked for it again, plus 1.
        attempt: number of the claim, from 1 in each generation; the newest counts alone.
        run: who has the claim: a run's id.
        token: tells one try of that run from another.
        begun, ended: when; None while it goes on.
        rows: how many were scored.
        out: where they are.
        digest: of what was written.
        why: why it is scored again; empty in the first generation.
    """

    key: str
    start: float
    end: float
    version: int
    generation: int = 1
    attempt: int = 1
    run: str = ""
    token: str = ""
    begun: float = 0.0
    ended: float | None = None
    rows: int = 0
    out: str = ""
    digest: str = ""
    why: str = ""


class Totals(msgspec.Struct, array_like=True):
    """Of one version: how many intervals it has scored, and rows; those scored again count again."""

    intervals: int = 0
    rows: int = 0


class Scoring(msgspec.Struct):
    """All intervals of a model.

    Attributes:
        open: begun and not ended, by key.
        recent: the `RECENT` that ended last, in that order.
        done: every interval that was scored, by key.
        totals: by version.
        given_up: attempts that were begun and came to nothing, so far.
    """

    open: dict[str, Interval] = {}
    recent: list[Interval] = []
    done: dict[str, Done] = {}
    totals: dict[int, Totals] = {}
    given_up: int = 0


class Packed(msgspec.Struct, omit_defaults=True):
    """Many intervals of one version and generation: starts and lengths in milliseconds, equal steps counted."""

    version: int
    generation: int
    first: int
    steps: list[tuple[int, int]]
    lengths: list[tuple[int, int]]


def interval_key(start: float, end: float) -> str:
    """Names the interval between two moments: ``2026-11-28T00:00:00Z/2026-11-29T00:00:00Z``.

    Args:
        start, end: seconds since 1970, to the millisecond.
    """
    return f"{_text(round(start * 1000))}/{_text(round(end * 1000))}"


@lru_cache(maxsize=_CACHED)
def moments_of(key: str) -> tuple[int, int] | None:
    """Milliseconds since 1970 that such a key names; None for any other text."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        start, end = (_milliseconds(text) for text in match.groups())
    except ValueError:
        return None
    return (start, end) if f"{_text(start)}/{_text(end)}" == key else None


def pack(done: dict[str, Done]) -> tuple[list[Packed], dict[str, Done]]:
    """Intervals in few words, and those whose key says no moments, as they are."""
    groups: dict[Done, list[tuple[int, int]]] = {}
    others: dict[str, Done] = {}
    for key, each in done.items():
        moments = moments_of(key)
        if moments is None:
            others[key] = each
        else:
            groups.setdefault(each, []).append(moments)
    packed = []
    for (version, generation), moments_list in sorted(groups.items()):
        moments_list.sort()
        starts = [start for start, _ in moments_list]
        steps = _counted(after - before for before, after in pairwise(starts))
        lengths = _counted(end - start for start, end in moments_list)
        packed.append(Packed(version, generation, starts[0], steps, lengths))
    return packed, others


def unpack(packed: Sequence[Packed], others: dict[str, Done]) -> dict[str, Done]:
    """What `pack` was given.

    Raises:
        ValueError: starts and lengths don't belong together.
    """
    done = dict(others)
    for each in packed:
        starts = [each.first]
        for step in _repeated(each.steps):
            starts.append(starts[-1] + step)
        for start, length in zip(starts, _repeated(each.lengths), strict=True):
            done[f"{_text(start)}/{_text(start + length)}"] = Done(each.version, each.generation)
    return done


def gaps(scoring: Scoring) -> list[tuple[float, float]]:
    """Stretches between the first and the last scored interval that none covers: (start, end), seconds since 1970.

    Intervals without a length (runs at moments) and those whose key says no moments leave no gaps.
    """
    spans = sorted(found for key in scoring.done if (found := moments_of(key)) is not None and found[1] > found[0])
    missing: list[tuple[float, float]] = []
    reached: int | None = None
    for start, end in spans:
        if reached is not None and start > reached:
            missing.append((reached / 1000, start / 1000))
        reached = end if reached is None else max(reached, end)
    return missing


def _counted(values: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


def _repeated(runs: Iterable[tuple[int, int]]) -> Iterator[int]:
    for value, count in runs:
        for _ in range(count):
            yield value


@lru_cache(maxsize=_CACHED)
def _text(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
