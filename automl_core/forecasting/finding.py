"""What was found in a table of series: for people in words, for programs in figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Certainty = Literal["certain", "doubtful"]

MOST_NAMES = 20
"""So many series are named in a finding; how many there are stands in `SeriesFinding.numbers` as ``series``."""


@dataclass(frozen=True)
class SeriesFinding:
    """One thing that series have, or may have.

    Attributes:
        kind: what it is, such as ``gaps``, ``duplicates``, ``short``, ``constant``, ``clock_change``.
        certainty: ``certain`` is handled as `done` says, ``doubtful`` is said and left as it is.
        found: what was found, in words.
        done: what was done about it.
        advice: what the reader may do.
        series: names of those that it is about, the first `MOST_NAMES`; empty where it is about the whole table.
        numbers: the figures behind the words.
        left_out: whether these series are not in the panel because of it.
    """

    kind: str
    certainty: Certainty
    found: str
    done: str
    advice: str
    series: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    left_out: bool = False

    def as_json(self) -> dict[str, Any]:
        """As plain data, for the report."""
        return {
            "kind": self.kind, "certainty": self.certainty, "found": self.found, "done": self.done,
            "advice": self.advice, "series": list(self.series),
            "numbers": {name: float(value) for name, value in self.numbers.items()}, "left_out": self.left_out,
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> SeriesFinding:
        """Read what `as_json` gave."""
        return cls(
            told["kind"], told["certainty"], told["found"], told["done"], told["advice"], tuple(told["series"]),
            dict(told["numbers"]), bool(told["left_out"]),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.found}; {self.done}" + (f" ({self.advice})" if self.advice else "")


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names of series for a sentence; of many the first."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
