"""Series that can't be read: named with their rows, and refused together, or left out and said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.grid import Times
from automl_core.forecasting.panel import Floats, SeriesError

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table of series.

    Attributes:
        codes: (N,) whose each is.
        raw: (N,) times as the table has them: moments in UTC, what a clock showed, or whole numbers.
        local: (N,) what the clock showed.
        values: (N,) the target.
        known: (N, k) the known columns.
        number: (N,) where in the table each stands, from 0.
    """

    codes: Integers
    raw: Times
    local: Times
    values: Floats
    known: Floats
    number: Integers

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, which: NDArray[np.bool_] | Integers) -> Rows:
        """Some of the rows: a mask, or positions."""
        return Rows(
            self.codes[which], self.raw[which], self.local[which], self.values[which], self.known[which],
            self.number[which],
        )  # fmt: skip


@dataclass
class Unusable:
    """What stands against series, until it is known what becomes of them.

    Attributes:
        names: of all series.
        mode: ``refuse`` the table, or ``leave_out`` these series.
        text: writes a time as the table does.
        findings: about those left out.
        refused: what stands against the table, in words.
        left_out: names of all series that are left out.
    """

    names: tuple[str, ...]
    mode: Literal["refuse", "leave_out"]
    text: Callable[[int], str] = str
    findings: list[SeriesFinding] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)

    def against(self, kind: str, codes: Integers, what: dict[int, str], found: str, advice: str) -> None:
        """Note what is wrong with series.

        Args:
            kind: of finding.
            codes: positions of the series, each once.
            what: of the first of them, what is wrong there, with rows.
            found: what is wrong, in words.
            advice: what the reader may do.
        """
        if not len(codes):
            return
        names = [self.names[code] for code in codes.tolist()]
        told = "; ".join(f"{self.names[code]}: {text}" for code, text in what.items())
        more = f"; and {len(codes) - len(what):,} more series" if len(codes) > len(what) else ""
        if self.mode == "refuse":
            self.refused.append(f"{found} – {told}{more}. {advice}")
            return
        self.left_out.update(names)
        self.findings.append(
            SeriesFinding(
                kind, "certain", f"{found} – {told}{more}", f"left out: {listed(names)}", advice,
                tuple(names[:MOST_NAMES]), {"series": len(names)}, left_out=True,
            )
        )  # fmt: skip

    def advise(self, advice: str) -> None:
        """Add advice to what was said last."""
        self.refused[-1] += advice

    def settle(self) -> None:
        """Refuse the table where something stands against it.

        Raises:
            SeriesError: with all of it.
        """
        if self.refused:
            advice = " (or leave these series out by `unusable: leave_out`)" if len(self.names) > 1 else ""
            raise SeriesError("\n".join(self.refused) + advice)


def by_series(codes: Integers, most: int = 3) -> tuple[Integers, dict[int, Integers]]:
    """Which series positions belong to, and the positions of the first of these.

    Args:
        codes: (n,) series of what was found.
        most: of how many series the positions are given.
    """
    found, first = np.unique(codes, return_index=True)
    shown = found[np.argsort(first, kind="stable")][:most]
    return found, {int(code): np.flatnonzero(codes == code) for code in shown}
