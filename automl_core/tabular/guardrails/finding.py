"""What a guardrail found: for people in words, for programs in figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Certainty = Literal["certain", "doubtful"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a table, or may be.

    Attributes:
        kind: which guardrail found it, such as ``leak`` or ``constant``.
        certainty: ``certain`` is mended, ``doubtful`` is said and left as it is.
        columns: those that it is about; empty where it is about the rows.
        found: what was found, in words.
        done: what was done about it.
        advice: what the reader may do.
        numbers: the figures behind the words.
        drop: columns not to learn from, because of it.
    """

    kind: str
    certainty: Certainty
    columns: tuple[str, ...]
    found: str
    done: str
    advice: str
    numbers: dict[str, float] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data, for the report."""
        return {
            "kind": self.kind, "certainty": self.certainty, "columns": list(self.columns), "found": self.found,
            "done": self.done, "advice": self.advice,
            "numbers": {name: float(value) for name, value in self.numbers.items()}, "drop": list(self.drop),
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Finding:
        """Read what `as_json` gave."""
        return cls(
            told["kind"], told["certainty"], tuple(told["columns"]), told["found"], told["done"], told["advice"],
            dict(told["numbers"]), tuple(told["drop"]),
        )  # fmt: skip


def drops(findings: Iterable[Finding]) -> set[str]:
    """Columns not to learn from: each is named, with its reason, by a finding."""
    return {name for finding in findings for name in finding.drop}


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names of columns for a sentence; of many the first."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
