"""Tasks of a project: listed, sent without a double whatever dies meanwhile, and those with annotations.

Label Studio has no key of ours that would be unique: importing the same twice makes two tasks. And a request goes on
there when whoever sent it is gone: an import that nobody waits for any more is stored all the same. So each task has
our id and what it shows as a digest; who sends looks first, looks again after any answer that leaves it open, and looks
at the end: a double without annotations goes. That leaves one window: an import by a process that died may be stored
after everybody has looked. The next look, of sending or of collecting, takes it away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from automl_core.annotation.label_studio.errors import NotSure, StudioError
from automl_core.annotation.label_studio.server import Server

ITEM, DIGEST = "automl_item", "automl_shown"
"""Fields of a task's data: our id of the item, and the digest of what is shown of it."""

TOGETHER = 100
"""Tasks of one import: 0.2 s in a quiet Label Studio 1.23, so a kill seldom meets one."""

_LISTED, _WHOLE = 500, 100
"""Tasks of a page: number and data of each; or with all that belongs to them."""

_LOOKS = 5
"""Times that what isn't sure is looked at before somebody is told."""

_TOO_MUCH = (400, 413)
"""Answers that one task among many may have caused."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model thinks of an item.

    Attributes:
        label: the class.
        score: its probability.
        model: name and version, as people see them.
    """

    label: str
    score: float
    model: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that should be there once.

    Attributes:
        item: our id.
        data: what is shown, by field.
        prediction: shown as its first answer; None: nobody is led.
    """

    item: str
    data: Mapping[str, Any]
    prediction: Prediction | None = None

    @property
    def digest(self) -> str:
        """Of what is shown."""
        return shown_digest(self.data)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of ours that is there.

    Attributes:
        id: its number in Label Studio.
        item: our id.
        sent: the digest that it was sent with.
        now: the digest of what it shows now; another one where its data were changed there.
        answered: whether it has annotations, skipped ones too.
    """

    id: int
    item: str
    sent: str
    now: str
    answered: bool


@dataclass(slots=True)
class Sent:
    """What came of sending.

    Attributes:
        new: items whose task was made.
        known: items whose task was there.
        refused: item → why Label Studio does not take it.
        removed: numbers of tasks that were taken away: doubles, and tasks of items that nobody needs any more.
        doubles: items that are there twice, each with annotations, which all count.
    """

    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)


def shown_digest(data: Mapping[str, Any]) -> str:
    """Digest of what a task shows: of its fields, ours left out."""
    shown = {name: value for name, value in data.items() if name not in (ITEM, DIGEST)}
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def tasks(server: Server, project: int) -> Iterator[Task]:
    """The project's tasks that are ours, by number."""
    include = "id,data,total_annotations,cancelled_annotations"
    for each in _pages(server, project, [], {"include": include, "page_size": _LISTED}):
        found = _task(each)
        if found is not None:
            yield found


def annotated(server: Server, project: int, since: float | None = None) -> Iterator[tuple[Task, Mapping[str, Any]]]:
    """Tasks of ours with annotations, each with all that Label Studio says of it.

    Args:
        server: where.
        project: its number.
        since: only those that have changed since then, seconds since 1970 by Label Studio's clock.
    """
    wanted = [{"filter": "filter:tasks:annotations_ids", "operator": "empty", "type": "Unknown", "value": False}]
    if since is not None:
        moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        wanted.append({"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": moment})
    # `include=annotations` brings their numbers alone, so everything is asked for
    for each in _pages(server, project, wanted, {"fields": "all", "page_size": _WHOLE}):
        found = _task(each)
        if found is not None:
            yield found, each


def send(
    server: Server, project: int, wanted: Sequence[Wanted], control: tuple[str, str],
    sleep: Callable[[float], None], unneeded: Iterable[str] = (),
) -> Sent:  # fmt: skip
    """See that each task is there once. The same again does nothing.

    Args:
        server: where.
        project: its number.
        wanted: the most useful first: Label Studio gives tasks out by number.
        control: ``from_name`` and ``to_name`` of predictions.
        sleep: how to wait.
        unneeded: items whose tasks go where nobody has answered them.

    Raises:
        StudioAway: it can't be asked now, or it stays open what was stored. Sending again goes on from there.
        StudioError: it refuses.
    """
    told = Sent()
    there = {(each.item, each.now) for each in tasks(server, project)}
    keys = {(each.item, each.digest): each for each in wanted}
    told.known = [each.item for key, each in keys.items() if key in there]
    missing = [each for key, each in keys.items() if key not in there]
    todo = [missing[start : start + TOGETHER] for start in range(0, len(missing), TOGETHER)]
    open_looks = 0
    while todo:
        some = todo.pop(0)
        try:
            server.make(f"/api/projects/{project}/import", [_body(each, control) for each in some])
        except NotSure:
            open_looks += 1
            if open_looks > _LOOKS:
                raise
            sleep(min(2.0**open_looks, 20.0))  # it may still be storing them
            there = {(each.item, each.now) for each in tasks(server, project)}
            left = [each for each in some if (each.item, each.digest) not in there]
            told.new += [each.item for each in some if (each.item, each.digest) in there]
            if left:
                todo.insert(0, left)
        except StudioError as error:
            if error.code not in _TOO_MUCH:
                raise
            if len(some) == 1:
                told.refused[some[0].item] = str(error)
            else:  # one bad task must not keep its neighbours out
                half = len(some) // 2
                todo[:0] = [some[:half], some[half:]]
        else:
            told.new += [each.item for each in some]
    tidy(server, project, told, set(unneeded))
    return told


def tidy(server: Server, project: int, told: Sent, unneeded: set[str]) -> None:
    """Take doubles away that nobody has answered, and tasks of items that nobody needs any more.

    Args:
        server: where.
        project: its number.
        told: gets what was removed, and what is there twice and stays.
        unneeded: items.
    """
    by_key: dict[tuple[str, str], list[Task]] = {}
    for each in tasks(server, project):
        by_key.setdefault((each.item, each.now), []).append(each)
    for (item, _), same in by_key.items():
        same.sort(key=lambda each: (not each.answered, each.id))
        keep = 0 if item in unneeded else 1
        for each in same[keep:]:
            if not each.answered and _unanswered(server, each):
                server.delete(f"/api/tasks/{each.id}/")
                told.removed.append(each.id)
            elif keep:
                told.doubles.append(item)


def _unanswered(server: Server, task: Task) -> bool:
    """Whether nobody has answered a task, or begun to: asked right before it goes.

    On SQLite Label Studio gives numbers of deleted tasks again, so that it is still the same one is looked at too.
    """
    found = server.get(f"/api/tasks/{task.id}/", {"resolve_uri": "false"}, missing=True)
    if found is None or found.get("annotations") or found.get("drafts"):
        return False
    again = _task(found)
    return again is not None and (again.item, again.now) == (task.item, task.now)


def _body(wanted: Wanted, control: tuple[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {"data": {**wanted.data, ITEM: wanted.item, DIGEST: wanted.digest}}
    if wanted.prediction is not None:
        result = {
            "from_name": control[0], "to_name": control[1], "type": "choices",
            "value": {"choices": [wanted.prediction.label]},
        }  # fmt: skip
        body["predictions"] = [
            {"model_version": wanted.prediction.model, "score": wanted.prediction.score, "result": [result]}
        ]
    return body


def _task(found: Mapping[str, Any]) -> Task | None:
    data = found.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get(ITEM), str):
        return None  # somebody's own, in the same project
    answered = bool(found.get("total_annotations") or found.get("cancelled_annotations") or found.get("annotations"))
    return Task(int(found["id"]), data[ITEM], str(data.get(DIGEST) or ""), shown_digest(data), answered)


def _pages(
    server: Server, project: int, wanted: list[dict[str, Any]], params: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Tasks by number, a page at a time, each page asked for by the last number seen.

    Pages by place would leave a task out where one before it is deleted meanwhile, and end with a 404.
    """
    last = 0
    while True:
        after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
        query = {"filters": {"conjunction": "and", "items": [*wanted, after]}, "ordering": ["tasks:id"]}
        found = server.get(
            "/api/tasks", {**params, "project": project, "query": json.dumps(query), "resolve_uri": "false"}
        )
        rows = found.get("tasks") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise StudioError(f"{server.url} does not list tasks as a Label Studio does")
        if not rows:
            return
        yield from rows
        last = max(int(each["id"]) for each in rows)
