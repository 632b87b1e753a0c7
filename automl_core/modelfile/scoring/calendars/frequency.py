"""How often a series has a value: a unit and how many of them, as pandas names them (`h`, `W-MON`, `ME`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["step", "second", "day", "business_day", "month", "month_end"]

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_SECONDS = {"s": 1, "min": 60, "h": 3600}
_WORDS = {
    "secondly": "s", "minutely": "min", "hourly": "h", "daily": "D", "weekly": "W", "monthly": "MS",
    "quarterly": "QS", "yearly": "YS", "annual": "YS", "annually": "YS", "business daily": "B", "half-hourly": "30min",
    "half-yearly": "6MS", "biweekly": "2W", "fortnightly": "2W",
    "second": "s", "seconds": "s", "sec": "s", "minute": "min", "minutes": "min", "hour": "h", "hours": "h",
    "day": "D", "days": "D", "week": "W", "weeks": "W", "month": "MS", "months": "MS", "quarter": "QS",
    "quarters": "QS", "year": "YS", "years": "YS", "business day": "B", "business days": "B", "steps": "step",
}  # fmt: skip
_SHORT = {
    "S": "s", "s": "s", "sec": "s", "T": "min", "min": "min", "H": "h", "h": "h", "D": "D", "d": "D", "B": "B",
    "W": "W", "w": "W", "M": "ME", "ME": "ME", "MS": "MS", "Q": "QE", "QE": "QE", "QS": "QS", "A": "YE", "Y": "YE",
    "YE": "YE", "AS": "YS", "YS": "YS", "step": "step", "BD": "B",
}  # fmt: skip
_MONTHS_OF = {"M": 1, "Q": 3, "Y": 12}
_FORM = re.compile(r"(\d*)\s*([A-Za-z]+)(?:-([A-Za-z]{3}))?")

ALLOWED = "s, min, h, D, B, W, MS, ME, QS, QE, YS, YE or step, with a number before (15min) or an anchor behind (W-MON)"
"""What may be written, for messages."""


@dataclass(frozen=True)
class Frequency:
    """One value every so many units.

    Attributes:
        unit: ``second`` for everything up to hours, on the clock; ``day`` for days and weeks; ``business_day`` for
            Monday to Friday; ``month`` for months, quarters and years from a day of the month on, ``month_end`` for
            those that are dated by their last day; ``step`` for plain integers.
        count: units between two values: 900 for a quarter of an hour, 7 for weeks, 3 months for quarters.
        anchored: weekday (0 is Monday) for weeks, month (1 to 12) for quarters and years, where it is known; None lets
            the data say.
    """

    unit: Unit
    count: int = 1
    anchored: int | None = None

    @property
    def alias(self) -> str:
        """As pandas 2.2 and later write it, such as ``15min`` or ``W-MON``; ``step`` for plain integers."""
        unit, count, tail = self._parts()
        return f"{'' if count == 1 else count}{unit}{tail}"

    @property
    def words(self) -> str:
        """For a sentence: ``hourly``, ``every 15 minutes``, ``weekly (Monday)``."""
        unit, count, tail = self._parts()
        one, many = {
            "s": ("every second", "seconds"), "min": ("every minute", "minutes"), "h": ("hourly", "hours"),
            "D": ("daily", "days"), "B": ("on business days", "business days"), "W": ("weekly", "weeks"),
            "MS": ("monthly", "months"), "ME": ("monthly, by month ends", "months, by their ends"),
            "QS": ("quarterly", "quarters"), "QE": ("quarterly, by quarter ends", "quarters, by their ends"),
            "YS": ("yearly", "years"), "YE": ("yearly, by ends of a year", "years, by their ends"),
            "step": ("by whole numbers", "whole numbers"),
        }[unit]  # fmt: skip
        return (one if count == 1 else f"every {count} {many}") + (f" ({tail[1:]})" if tail else "")

    def _parts(self) -> tuple[str, int, str]:
        count = self.count
        if self.unit == "second":
            for name in ("h", "min", "s"):
                if count % _SECONDS[name] == 0:
                    return name, count // _SECONDS[name], ""
        if self.unit == "day":
            if count % 7 == 0:
                return "W", count // 7, "" if self.anchored is None else f"-{DAYS[self.anchored]}"
            return "D", count, ""
        if self.unit in ("month", "month_end"):
            end = "S" if self.unit == "month" else "E"
            tail = "" if self.anchored is None else f"-{MONTHS[self.anchored - 1]}"
            for name, months in (("Y", 12), ("Q", 3)):
                if count % months == 0:
                    return f"{name}{end}", count // months, tail
            return f"M{end}", count, ""
        return ("B" if self.unit == "business_day" else "step"), count, ""

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"unit": self.unit, "count": self.count, "anchored": self.anchored}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Frequency:
        """Read what `as_json` gave."""
        return cls(told["unit"], int(told["count"]), told.get("anchored"))


def parse(text: str) -> Frequency:
    """A frequency from its text: pandas' names, the old ones too (`H`, `M`, `A`), or a word such as ``daily``.

    Raises:
        ValueError: it is none; says what is allowed.
    """
    plain = text.strip()
    found = _FORM.fullmatch(_WORDS.get(plain.lower(), plain))
    if found is not None:
        count, name, anchor = int(found[1] or 1), found[2], (found[3] or "").upper()
        name = _SHORT.get(name) or _SHORT.get(_WORDS.get(name.lower(), ""), "")
        frequency = _made(name, count, anchor) if name and count > 0 else None
        if frequency is not None:
            return frequency
    raise ValueError(f"no frequency: {text!r} (allowed: {ALLOWED})")


def _made(name: str, count: int, anchor: str) -> Frequency | None:
    if name == "W":
        if anchor and anchor not in DAYS:
            return None
        return Frequency("day", 7 * count, DAYS.index(anchor) if anchor else None)
    if name[0] in "QY" and len(name) == 2:
        if anchor and anchor not in MONTHS:
            return None
        month = MONTHS.index(anchor) + 1 if anchor else None
        return Frequency("month" if name[1] == "S" else "month_end", _MONTHS_OF[name[0]] * count, month)
    if anchor:
        return None
    if name in _SECONDS:
        return Frequency("second", _SECONDS[name] * count)
    if name in ("MS", "ME"):
        return Frequency("month" if name == "MS" else "month_end", count)
    return Frequency({"D": "day", "B": "business_day", "step": "step"}[name], count)  # type: ignore[arg-type]
