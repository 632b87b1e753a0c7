"""What an attempt has submitted: enough to find every instance again, from another process or another attempt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.backends.maxcompute.plan import Step


@dataclass(frozen=True, slots=True)
class Entry:
    """One instance.

    Attributes:
        digest: of the step that it runs.
        instance: its id.
        at: when it was submitted, seconds since 1970.
        own: whether this attempt submitted it: no other one's, and no earlier attempt's.
    """

    digest: str
    instance: str
    at: float
    own: bool = True


@dataclass(frozen=True, slots=True)
class Ledger:
    """The instances of an attempt, in the order of its steps; plain JSON in the journal.

    Attributes:
        connection: how people name the way to the project.
        project: where the instances run.
        began: when the attempt began, seconds since 1970.
        entries: one for each step that was submitted so far.
    """

    connection: str
    project: str
    began: float
    entries: tuple[Entry, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON without secrets."""
        rows = [[e.digest, e.instance, round(e.at, 3), int(e.own)] for e in self.entries]
        return {
            "kind": "maxcompute", "connection": self.connection, "project": self.project,
            "began": round(self.began, 3), "instances": rows,
        }  # fmt: skip

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Ledger:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            rows = tuple(Entry(str(d), str(i), float(at), bool(own)) for d, i, at, own in body["instances"])
            return cls(str(body["connection"]), str(body["project"]), float(body["began"]), rows)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no record of MaxCompute instances: {type(error).__name__}: {error}") from None

    @classmethod
    def from_text(cls, text: str) -> Ledger | None:
        """Read what the journal has of an attempt, None where it has nothing that can be read."""
        try:
            return cls.from_json(json.loads(text))
        except ValueError:
            return None


def reusable(steps: Sequence[Step], earlier: Iterable[Entry], went_well: Callable[[str], bool]) -> tuple[Entry, ...]:
    """The instances of an earlier attempt whose work need not be done again: the same statements, up to the failed one.

    Args:
        steps: of the new attempt.
        earlier: of the one before.
        went_well: whether an instance succeeded; asked only for the last one, since the next statement was
            submitted only when the one before had succeeded.
    """
    entries = list(earlier)
    kept: list[Entry] = []
    for index, (step, entry) in enumerate(zip(steps, entries, strict=False)):
        if step.digest != entry.digest:
            break
        if index == len(entries) - 1 and not went_well(entry.instance):
            break
        kept.append(Entry(entry.digest, entry.instance, entry.at, own=False))
    return tuple(kept)
