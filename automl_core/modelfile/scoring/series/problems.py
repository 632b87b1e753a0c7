"""What is wrong with what somebody asked of a model of series, in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MOST_NAMES = 5
"""So many names stand in a sentence, of more the first."""


class SeriesProblem(ValueError):
    """Rows, names or a horizon that don't fit: says what, in which series, row and column, and what is allowed."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """What to say of a name that is not there: the nearest that is, and what there is."""
    names = list(dict.fromkeys(allowed))
    lower = {each.casefold(): each for each in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), lower, n=1, cutoff=0.5)
    said = f"; did you mean {lower[close[0]]!r}?" if close else ""
    return f"{said} (there are: {listed(names, 10)})" if names else said


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Names for a sentence.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    shown = ", ".join(map(str, names[:most]))
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")
