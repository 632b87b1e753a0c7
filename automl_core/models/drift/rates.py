"""How often a look may alarm by chance."""

from __future__ import annotations


def per_look(looks: float, alarms: float = 1.0) -> float:
    """The rate of false alarms of one look, where so many in a period may give so many alarms on average.

    Args:
        looks: in the period, such as 720 hours of a month.
        alarms: that may come in it by chance, at most and on average.

    Raises:
        ValueError: a number that is not above 0.
    """
    if not (looks > 0 and alarms > 0):
        raise ValueError("looks and alarms are numbers above 0")
    return min(0.5, alarms / looks)
