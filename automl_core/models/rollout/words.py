"""Numbers in sentences about rollouts."""

from __future__ import annotations

import math

from automl_core.spec.units import format_duration


def percent(share: float) -> str:
    """A share for people: ``3.1 %``, ``0.042 %``; "no rate" where nothing was answered."""
    if math.isnan(share):
        return "no rate"
    if share and abs(share) < 0.01:
        return f"{float(f'{100 * share:.2g}'):g} %"
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of shares, in percentage points."""
    found = f"{float(f'{100 * difference:.2g}'):g}"
    return f"{found} point{'' if found == '1' else 's'}"


def evidence(value: float) -> str:
    """Evidence for people."""
    if value >= 1e6:
        return "above a million"
    return f"{value:,.0f}" if value >= 10 else f"{float(f'{value:.2g}'):g}"


def long(seconds: float) -> str:
    """A length of time, to the second."""
    return format_duration(float(max(0, round(seconds))))


def many(count: int, noun: str) -> str:
    """``1 answer``, ``2,310 answers``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def seconds(length: float) -> str:
    """A limit of time: ``200 ms``, ``1.5 s``."""
    return f"{1000 * length:g} ms" if length < 1 else f"{length:g} s"
