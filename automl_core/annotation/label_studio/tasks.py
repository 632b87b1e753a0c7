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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from automl_core.annotation.label_studio.errors import NotSure, StudioError
from automl_core.annotation.label_studio.server import Server

ITEM, DIGEST, OWNER = "automl_item", "automl_shown", "automl_project"
"""Fields of a task's data: our id of the item, the digest of what is shown of it, and whose task it is."""

TOGETHER = 100
"""Tasks of one import: 0.2 s in a quiet Label Studio 1.23, so a kill seldom meets one."""

_LISTED, _WHOLE = 500, 100
"""Tasks of a page: number and data of each; or with all that belongs to them."""

_LOOKS = 5
"""Times that what isn't sure is looked at before somebody is told."""

_TOO_MUCH = (400, 413)
"""Answers that one task among many may have caused."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks are.

    Attributes:
        server: the Label Studio.
        project: number of the project there.
        owner: mark of the annotation project; tasks without it are somebody else's.
    """

    server: Server
    project: int
    owner: str


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
    shown = {name: value for name, value in data.items() if name not in (ITEM, DIGEST, OWNER)}
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def tasks(place: Place) -> Iterator[Task]:
    """The tasks there that are ours, by number."""
    include = "id,data,total_annotations,cancelled_annotations"
    for each in _pages(place, [], {"include": include, "page_size": _LISTED}):
        found = _task(each, place.owner)
        if found is not None:
            yield found


def annotated(place: Place, since: float | None = None) -> Iterator[tuple[Task, Mapping[str, Any]]]:
    """Tasks of ours with annotations, each with all that Label Studio says of it.

    Args:
        place: where.
        since: only those that have changed since then, seconds since 1970 by Label Studio's clock.
    """
    wanted = [{"filter": "filter:tasks:annotations_ids", "operator": "empty", "type": "Unknown", "value": False}]
    if since is not None:
        moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        wanted.append({"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": moment})
    # `include=annotations` brings their numbers alone, so everything is asked for
    for each in _pages(place, wanted, {"fields": "all", "page_size": _WHOLE}):
        found = _task(each, place.owner)
        if found is not None:
            yield found, each


def send(
    place: Place, wanted: Sequence[Wanted], control: tuple[str, str], sleep: Callable[[float], None],
    needed: Collection[str] | None = None,
) -> Sent:  # fmt: skip
    """See that each task is there once. The same again does nothing.

    Args:
        place: where.
        wanted: the most useful first: Label Studio gives tasks out by number.
        control: ``from_name`` and ``to_name`` of predictions.
        sleep: how to wait.
        needed: items whose tasks stay; those of others go where nobody has answered them. All stay when left out.

    Raises:
        StudioAway: it can't be asked now, or it stays open what was stored. Sending again goes on from there.
        StudioError: it refuses.
    """
    told = Sent()
    there = {(each.item, each.now) for each in tasks(place)}
    keys = {(each.item, each.digest): each for each in wanted}
    told.known = [each.item for key, each in keys.items() if key in there]
    missing = [each for key, each in keys.items() if key not in there]
    todo = [missing[start : start + TOGETHER] for start in range(0, len(missing), TOGETHER)]
    open_looks = 0
    while todo:
        some = todo.pop(0)
        try:
            place.server.make(f"/api/projects/{place.project}/import", [_body(each, control, place) for each in some])
        except NotSure:
            open_looks += 1
            if open_looks > _LOOKS:
                raise
            sleep(min(2.0**open_looks, 20.0))  # it may still be storing them
            there = {(each.item, each.now) for each in tasks(place)}
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
    tidy(place, told, needed)
    return told


def tidy(place: Place, told: Sent, needed: Collection[str] | None = None) -> None:
    """Take doubles away that nobody has answered, and tasks of items that nobody needs any more.

    Args:
        place: where.
        told: gets what was removed, and what is there twice and stays.
        needed: as in `send`.
    """
    by_key: dict[tuple[str, str], list[Task]] = {}
    for each in tasks(place):
        by_key.setdefault((each.item, each.now), []).append(each)
    for (item, _), same in by_key.items():
        same.sort(key=lambda each: (not each.answered, each.id))
        keep = 1 if needed is None or item in needed else 0
        for each in same[keep:]:
            if not each.answered and _unanswered(place, each):
                place.server.delete(f"/api/tasks/{each.id}/")
                told.removed.append(each.id)
            elif keep:
                told.doubles.append(item)


def _unanswered(place: Place, task: Task) -> bool:
    """Whether nobody has answered a task, or begun to: asked right before it goes.

    On SQLite Label Studio gives numbers of deleted tasks again, so that it is still the same one is looked at too.
    """
    found = place.server.get(f"/api/tasks/{task.id}/", {"resolve_uri": "false"}, missing=True)
    if found is None or found.get("annotations") or found.get("drafts"):
        return False
    again = _task(found, place.owner)
    return again is not None and (again.item, again.now) == (task.item, task.now)


def _body(wanted: Wanted, control: tuple[str, str], place: Place) -> dict[str, Any]:
    ours = {ITEM: wanted.item, DIGEST: wanted.digest, OWNER: place.owner}
    body: dict[str, Any] = {"data": {**wanted.data, **ours}}
    if wanted.prediction is not None:
        result = {
            "from_name": control[0], "to_name": control[1], "type": "choices",
            "value": {"choices": [wanted.prediction.label]},
        }  # fmt: skip
        body["predictions"] = [
            {"model_version": wanted.prediction.model, "score": wanted.prediction.score, "result": [result]}
        ]
    return body


def _task(found: Mapping[str, Any], owner: str) -> Task | None:
    data = found.get("data")
    if not isinstance(data, Mapping) or data.get(OWNER) != owner or not isinstance(data.get(ITEM), str):
        return None  # somebody's own, in the same project
    answered = bool(found.get("total_annotations") or found.get("cancelled_annotations") or found.get("annotations"))
    return Task(int(found["id"]), data[ITEM], str(data.get(DIGEST) or ""), shown_digest(data), answered)


def _pages(place: Place, wanted: list[dict[str, Any]], params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Tasks by number, a page at a time, each page asked for by the last number seen.

    Pages by place would leave a task out where one before it is deleted meanwhile, and end with a 404.
    """
    last = 0
    while True:
        after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
        query = {"filters": {"conjunction": "and", "items": [*wanted, after]}, "ordering": ["tasks:id"]}
        more = {"project": place.project, "query": json.dumps(query), "resolve_uri": "false"}  # addresses as sent
        found = place.server.get("/api/tasks", {**params, **more})
        rows = found.get("tasks") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise StudioError(f"{place.server.url} does not list tasks as a Label Studio does")
        if not rows:
            return
        yield from rows
        last = max(int(each["id"]) for each in rows)
