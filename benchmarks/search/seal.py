"""The seal on what a search may not be tuned to: of one release ours is scored once, and the day is noted."""

from __future__ import annotations

import datetime


def opens_anew(algorithm: str, release: str, scored: str, day: str, whole: bool) -> bool:
    """Whether a sealed set is scored anew; else only what an interrupted measurement of this release lacks is made.

    Args:
        algorithm: one of ours.
        release: that is measured.
        scored: of which scores are kept, empty for none.
        day: when they were made.
        whole: whether nothing of what is asked for is missing.

    Raises:
        SystemExit: this release was scored. The search is tuned on the work half; another look at the sealed one
            after a change is a new release's.
    """
    if scored == release and whole:
        raise SystemExit(
            f"{algorithm} of release {release} was scored on the sealed half on {day}: once is all. "
            "Choose settings with --set work; to score a changed search, make it another release."
        )
    return scored != release


def today() -> str:
    """The day, UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
