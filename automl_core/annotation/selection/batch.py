"""What was chosen, in which order people get it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["bad case", "stratum", "useful", "cold start", "unpredicted", "suspect", "audit", "gold"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One item of a batch.

    Attributes:
        item: its id.
        row: its row in the pool that was given.
        priority: 1 is labelled first.
        kind: why it is there, for programs. Evaluation stands on those of ``stratum`` alone.
        reason: the same for people. It names what models think, so who labels is better not shown it before.
        value: usefulness from 0 to 1, None where no model says anything.
    """

    item: str
    row: int
    priority: int
    kind: Kind
    reason: str
    value: float | None = None

    @property
    def evaluates(self) -> bool:
        """Whether its label says how good a model is."""
        return self.kind == "stratum"


@dataclass(frozen=True, slots=True)
class Batch:
    """Items to be labelled together.

    Attributes:
        choices: in the order of their priority.
        notes: what people should know of how it came to be: what was left out, what was not there.
    """

    choices: tuple[Choice, ...]
    notes: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the items, in the order of their priority."""
        return tuple(each.item for each in self.choices)

    def of(self, kind: Kind) -> tuple[Choice, ...]:
        """Those that are there for one reason."""
        return tuple(each for each in self.choices if each.kind == kind)


def woven(stratum: Sequence[Choice], others: Sequence[Choice]) -> list[Choice]:
    """Both in their own order, spread evenly: who labels a part of a batch has labelled a part of the stratum, too."""
    at = [((place + 0.5) / len(each), order, choice) for order, each in enumerate((stratum, others))
          for place, choice in enumerate(each)]  # fmt: skip
    return [choice for _, _, choice in sorted(at, key=lambda found: found[:2])]
