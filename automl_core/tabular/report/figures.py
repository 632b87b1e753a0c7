"""Numbers, shares, times and sizes as people read them."""

from __future__ import annotations

import math
from typing import Any

NOTHING = "–"


def finite(value: Any) -> float | None:
    """A number, None where there is none (JSON has null for NaN)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def number(value: Any, digits: int = 4) -> str:
    """A number in so many significant digits, without an exponent where it can be read.

    >>> number(0.98234567), number(1234567.0), number(1e-9), number(None)
    ('0.9823', '1,234,567', '1e-09', '–')
    """
    found = finite(value)
    if found is None:
        return NOTHING
    if found == int(found) and abs(found) < 1e15:
        return f"{int(found):,}"
    if abs(found) >= 10**digits:
        return f"{found:,.0f}"
    return f"{found:.{digits}g}"


def count(value: Any, one: str, many: str | None = None) -> str:
    """So many things: ``1 row``, ``1,024 rows``."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def share(value: Any) -> str:
    """A share in percent."""
    found = finite(value)
    return NOTHING if found is None else f"{100 * found:.3g} %"


def seconds(value: Any) -> str:
    """A time."""
    found = finite(value)
    if found is None:
        return NOTHING
    if found < 120:
        return f"{found:.2g} s" if found < 10 else f"{found:.0f} s"
    minutes, rest = divmod(round(found), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: Any) -> str:
    """Bytes.

    >>> size(3 * 2**20)
    '3.0 MiB'
    """
    found = finite(value)
    if found is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB"):
        if found < 1024 or unit == "GiB":
            return f"{found:.0f} B" if unit == "B" else f"{found:.1f} {unit}"
        found /= 1024
    raise AssertionError  # the last unit returns


def short(name: Any, longest: int = 40) -> str:
    """A name in little room: a long one loses its middle.

    >>> short("a" * 50, 11)
    'aaaaa…aaaaa'
    """
    whole = str(name)
    half = (longest - 1) // 2
    return whole if len(whole) <= longest else f"{whole[:half]}…{whole[-half:]}"
