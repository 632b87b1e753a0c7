"""What batch scoring is asked, and what it answers: plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from automl_core.models.batch.intervals import Interval
from automl_core.models.batch.order import Order
from automl_core.models.life import Claim

What = Literal["scored", "already", "busy", "missing", "no_champion", "failed", "again"]


@dataclass(frozen=True, slots=True)
class Wish:
    """That an interval be scored again, or by a version that is named.

    Attributes:
        version: ``then`` (that of the interval's end), ``now``, or a number.
        by: who asks, for people.
        why: in their words.
    """

    version: Literal["then", "now"] | int
    by: str
    why: str = ""

    @property
    def words(self) -> str:
        """What the journal has of it; never empty."""
        of = f"version {self.version}" if isinstance(self.version, int) else f"the version of {self.version}"
        return f"asked for by {self.by}, with {of}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an interval.

    Attributes:
        what: ``scored``; ``already``: it was; ``busy``: another run has it; ``missing``: its data aren't there;
            ``no_champion``; ``failed``: these data can't be scored by this version; ``again``: worth another try.
        words: the same for people.
        rows: that were written.
        version: that has scored it.
        out: where the predictions are.
    """

    what: What
    words: str
    rows: int = 0
    version: int | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to score.

    Attributes:
        intervals: the newest first.
        words: what is to be said about it.
    """

    intervals: tuple[Interval, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A claim with all that its scoring needs; plain data, so that it outlives the process that made it."""

    claim: Claim
    order: Order

    def to_json(self) -> str:
        """As text, without any secret."""
        claim = {name: getattr(self.claim, name) for name in Claim.__slots__}
        return json.dumps({"claim": claim, "order": self.order.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Begun:
        """Read back what `to_json` wrote."""
        body = json.loads(text)
        return cls(Claim(**body["claim"]), Order.from_json(body["order"]))
