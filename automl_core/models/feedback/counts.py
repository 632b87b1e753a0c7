"""What became of each answer and each outcome of a join: every row is in one of the counts, none is lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Logged answers. All but `read` and the last three add up to it.

    Attributes:
        read: rows of the log that were looked at.
        without_key, without_time: no use can be made of them.
        older: given before the time that is looked at; read since outcomes of their keys may come late.
        used: those with an outcome; the rows of the table.
        again: the key was answered again, by the same version, before the same outcome came: that one is used.
        waiting: no outcome yet, and there is still time.
        overdue: no outcome within the time.
        without_features: they have an outcome, and nothing says what they were asked with.
        corrected: of those used, ones whose first outcome was replaced by a later one.
        open: of those used, ones whose time is not over: what comes early is over-represented among them.
        versions: of those used, by the version that answered (as text; empty where the log doesn't say).
    """

    read: int = 0
    without_key: int = 0
    without_time: int = 0
    older: int = 0
    used: int = 0
    again: int = 0
    waiting: int = 0
    overdue: int = 0
    without_features: int = 0
    corrected: int = 0
    open: int = 0
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Outcomes. All but `read` and the last two add up to it.

    Attributes:
        read: rows.
        without_key, without_time: no use can be made of them.
        empty: nothing stands there; it takes no other outcome back.
        older: known before the time that is looked at.
        unmatched: no answer has their key.
        early: known before the answer was given.
        late: known after the time in which an outcome counts.
        in_time: those that belong to an answer.
        repeated: of those in time, ones that say again what was known of the same answer.
        corrections: of those in time, ones that say something else than what was known of the same answer.
    """

    read: int = 0
    without_key: int = 0
    without_time: int = 0
    empty: int = 0
    older: int = 0
    unmatched: int = 0
    early: int = 0
    late: int = 0
    in_time: int = 0
    repeated: int = 0
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What a join came to."""

    answers: AnswerCounts
    outcomes: OutcomeCounts

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        body = asdict(self)
        body["answers"]["versions"] = dict(self.answers.versions)
        return body

    def words(self) -> list[str]:
        """What people should know, a sentence each; what did not happen is left out."""
        return [text for text in (*_of_answers(self.answers), *_of_outcomes(self.outcomes)) if text]

    def __str__(self) -> str:
        """All of it in one line."""
        return "; ".join(self.words())


def _of_answers(counts: AnswerCounts) -> list[str]:
    used = f"{counts.used:,} of {_many(counts.read, 'answer')} {'has' if counts.used == 1 else 'have'} an outcome"
    versions = ", ".join(f"{number:,} by version {name or '?'}" for name, number in counts.versions.items())
    return [
        used + (f" ({versions})" if len(counts.versions) > 1 or "" in counts.versions else ""),
        _said(counts.corrected, "of these was corrected: the last outcome in time counts",
              "of these were corrected: the last outcome in time counts"),
        _said(counts.open, "of these may still change: its time is not over",
              "of these may still change: their time is not over, and early outcomes are more than their share"),
        _said(counts.again, "answer was given anew by the same version before its outcome came, and is not used",
              "answers were given anew by the same version before their outcome came, and are not used"),
        _said(counts.waiting, "answer waits for its outcome", "answers wait for their outcome"),
        _said(counts.overdue, "answer got no outcome in time", "answers got no outcome in time"),
        _said(counts.without_features, "answer has an outcome, and the row that was scored is not found",
              "answers have outcomes, and the rows that were scored are not found"),
        _said(counts.older, "answer was given before the time that is looked at",
              "answers were given before the time that is looked at"),
        _said(counts.without_key, "answer has no key", "answers have no key"),
        _said(counts.without_time, "answer has no time", "answers have no time"),
    ]  # fmt: skip


def _of_outcomes(counts: OutcomeCounts) -> list[str]:
    return [
        _said(counts.repeated, "outcome repeats what was known", "outcomes repeat what was known"),
        _said(counts.late, "outcome came too late and is not used", "outcomes came too late and are not used"),
        _said(counts.early, "outcome was known before the answer and is not used",
              "outcomes were known before the answer and are not used"),
        _said(counts.unmatched, "outcome is of no answer", "outcomes are of no answer"),
        _said(counts.empty, "outcome is empty", "outcomes are empty"),
        _said(counts.without_key, "outcome has no key", "outcomes have no key"),
        _said(counts.without_time, "outcome has no time", "outcomes have no time"),
    ]  # fmt: skip


def _said(count: int, one: str, more: str) -> str:
    return "" if count == 0 else f"{count:,} {one if count == 1 else more}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
