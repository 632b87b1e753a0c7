"""What an annotation of Label Studio says: a class, by whom, in how many seconds; or in words why it says none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automl_core.annotation.label_studio.configuration import Configuration
from automl_core.spec.errors import did_you_mean, show

LATER = 1.0
"""Seconds after which an annotation was changed rather than made; making it sets both times some microseconds apart."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of one task.

    Attributes:
        task, annotation: their numbers in Label Studio.
        item: our id of the item.
        digest: of the content that the task shows now.
        label: the class; empty where it was skipped.
        author: e-mail of who gave the label as it stands.
        seconds: that it took; None where Label Studio knows nothing of it.
        time: when it was given or last changed, seconds since 1970.
        skipped: it was skipped, or handed in without a class.
        instead_of: who had made the annotation that the author has changed; None where nobody else.
    """

    task: int
    annotation: int
    item: str
    digest: str
    label: str
    author: str
    seconds: float | None
    time: float
    skipped: bool
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """An annotation that gives no label.

    Attributes:
        task, annotation: their numbers in Label Studio.
        item: our id of the item.
        why: in words.
    """

    task: int
    annotation: int
    item: str
    why: str

    def __str__(self) -> str:
        """As a line."""
        return f"task {self.task}, annotation {self.annotation} (item {self.item}): {self.why}"


def answer(
    annotation: Mapping[str, Any], task: int, item: str, digest: str, configuration: Configuration,
    classes: Iterable[str], people: Mapping[int, str],
) -> Answer | Unread:  # fmt: skip
    """What an annotation says.

    Args:
        annotation: as ``/api/tasks?fields=all`` has it.
        task: its task's number.
        item: our id.
        digest: of what the task shows.
        configuration: the project's.
        classes: that the file has.
        people: number of a user → e-mail.
    """
    number = int(annotation["id"])
    completed, updated = _number(annotation.get("completed_by")), _number(annotation.get("updated_by"))
    made, changed = _time(annotation.get("created_at")), _time(annotation.get("updated_at"))
    by_another = updated is not None and completed is not None and updated != completed and changed - made > LATER
    user = updated if by_another or completed is None else completed
    author = _author(user, number, people)
    instead_of = _author(completed, number, people) if by_another else None
    took = annotation.get("lead_time")
    seconds = float(took) if isinstance(took, int | float) and not isinstance(took, bool) and took >= 0 else None
    found = _choices(annotation.get("result"), configuration)
    skipped = bool(annotation.get("was_cancelled")) or found == []
    if isinstance(found, str) and not skipped:
        return Unread(task, number, item, found)
    label = "" if skipped else found[0]
    if not skipped:
        if len(found) > 1:
            return Unread(
                task, number, item, f"it has {len(found)} classes ({', '.join(map(show, found))}), and an item has one"
            )
        known = list(classes)
        if label not in known:
            why = f"its class {show(label)} is none of the file's: {', '.join(known)}. {did_you_mean(label, known)}"
            return Unread(task, number, item, why.rstrip())
    return Answer(task, number, item, digest, label, author, seconds, changed, skipped, instead_of)


def newest(answers: Iterable[Answer]) -> list[Answer]:
    """The answer of each person on each item that counts: the last one, by time and then by number.

    Label Studio lets a person annotate a task twice, whatever its overlap. Told one after the other, each look would
    take the label there and back again.
    """
    last: dict[tuple[str, str], Answer] = {}
    for each in answers:
        key = (each.item, each.author)
        if key not in last or (each.time, each.annotation) > (last[key].time, last[key].annotation):
            last[key] = each
    return sorted(last.values(), key=lambda each: (each.time, each.annotation))


def _choices(result: Any, configuration: Configuration) -> list[str] | str:
    """The classes that a result has; in words where they are another control's."""
    if not isinstance(result, list):
        return "its result is none that Label Studio's classes have"
    found: list[str] = []
    others: list[str] = []
    for each in result:
        if not isinstance(each, dict):
            return "its result is none that Label Studio's classes have"
        if each.get("from_name") != configuration.control:
            others.append(str(each.get("from_name")))
            continue
        value = each.get("value")
        chosen = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(chosen, list):
            return f"its result of {configuration.control!r} has no choices"
        found += [str(one) for one in chosen]
    if not found and others:
        return f"it has no class: the project asks for one by {configuration.control!r}, it has {', '.join(others)}"
    return found


def _author(user: int | None, annotation: int, people: Mapping[int, str]) -> str:
    """Who it is; nobody is left out, since a label without an author is worth nothing to a ledger."""
    if user is None:
        return f"deleted user (annotation {annotation})"  # deleting a user takes its number out of annotations
    return people.get(user) or f"user {user}"


def _number(value: Any) -> int | None:
    """The number of a user, who stands in some answers whole."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Any) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0
