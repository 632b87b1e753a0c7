"""How far estimates were off where labels came: a track record, and what it adds to the next estimate's error.

An estimate is held against what was measured on the same rows, once these have labels. What it was off by beyond what
chance explains is the method-of-moments estimate of a variance between studies (R. DerSimonian and N. Laird,
Meta-analysis in clinical trials, Controlled Clinical Trials 7 (1986), pages 177-188, with equal weights).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST = 20
"""Checks that count, the newest."""


@dataclass(frozen=True, slots=True)
class Check:
    """An estimate, and what was measured on the same rows.

    Attributes:
        rows: with labels.
        estimated, low, high: without looking at the labels.
        spread: one standard deviation that the estimate stated, without its record.
        measured: with the labels.
    """

    rows: int
    estimated: float
    low: float
    high: float
    spread: float
    measured: float

    @property
    def within(self) -> bool:
        """Whether the interval held what was measured."""
        return self.low <= self.measured <= self.high

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "rows": self.rows, "estimated": self.estimated, "low": self.low, "high": self.high, "spread": self.spread,
            "measured": self.measured, "within": self.within,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> Check | None:
        """From what `to_json` gave; None where it is none."""
        try:
            numbers = [float(data[name]) for name in ("estimated", "low", "high", "spread", "measured")]
            return cls(int(data["rows"]), *numbers) if all(map(math.isfinite, numbers)) else None
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Record:
    """What a number of checks came to.

    Attributes:
        checks: how many.
        within: of these, how often the interval held what was measured.
        error: mean of what was measured less what was estimated.
        excess: one standard deviation of that, beyond what the estimates said of themselves.
    """

    checks: int = 0
    within: int = 0
    error: float = 0.0
    excess: float = 0.0

    @classmethod
    def of(cls, checks: Sequence[Check]) -> Record:
        """Of checks, the newest first; `MOST` of them count."""
        taken = checks[:MOST]
        if not taken:
            return cls()
        off = [each.measured - each.estimated for each in taken]
        beyond = sum(one**2 - each.spread**2 for one, each in zip(off, taken, strict=True)) / len(taken)
        return cls(
            len(taken), sum(each.within for each in taken), sum(off) / len(taken), math.sqrt(max(0.0, beyond))
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"checks": self.checks, "within": self.within, "error": self.error, "excess": self.excess}
