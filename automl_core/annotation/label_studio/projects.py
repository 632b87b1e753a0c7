"""The project of Label Studio that belongs to an annotation project: found, or made once.

Titles are not unique there, people rename projects, and an answer may be lost after a project was made. So a mark
stands in its description, and whoever looks finds it by that. The file may name a project's number or title instead.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from automl_core.annotation.label_studio.configuration import Configuration, lacking, read_configuration
from automl_core.annotation.label_studio.errors import StudioError
from automl_core.annotation.label_studio.server import Server
from automl_core.spec.errors import did_you_mean

SHORTEST, LONGEST = 3, 50
"""Letters of a title (Label Studio 1.23 answers 400 else)."""

_PAGE = 100
_WROTE = re.compile(r"configuration ([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Found:
    """A project of Label Studio.

    Attributes:
        id: its number.
        title: as people see it.
        configuration: as it is there.
        new: whether it was made just now.
        notes: what people should know of it, in words.
    """

    id: int
    title: str
    configuration: Configuration
    new: bool = False
    notes: tuple[str, ...] = ()


def mark(name: str, place: str) -> str:
    """What an annotation project's project is known by.

    Args:
        name: of the annotation project.
        place: address of its storage: two deployments may have projects of one name in one Label Studio.
    """
    return f"automl annotation {name} {hashlib.sha256(place.encode()).hexdigest()[:12]}"


def title_of(name: str) -> str:
    """A title that Label Studio takes."""
    return name[:LONGEST] if len(name) >= SHORTEST else f"annotation {name}"


def find_project(
    server: Server, known_by: str, title: str, wanted: Configuration, *, named: str | int | None = None,
    votes: int = 1, make: bool = True,
) -> Found:  # fmt: skip
    """The project, made where there is none.

    Args:
        server: where.
        known_by: see `mark`.
        title: of a new one.
        wanted: configuration of a new one; of an old one if nobody has changed what we wrote.
        named: its number, or as text its title, where the file says which; else it is found by its mark.
        votes: annotations that Label Studio asks for on each task.
        make: False: only look.

    Raises:
        StudioError: there is none and ``make`` is False, or several have the title; people cannot choose a class; or
            Label Studio refuses.
    """
    found, notes = _look(server, known_by, named)
    if found is None:
        if not make:
            raise StudioError(f"the Label Studio {server.url} has no project of {title} yet")
        new = server.make("/api/projects", {
            "title": title, "description": _description(known_by, wanted), "label_config": wanted.text,
            "maximum_annotations": votes, "show_collab_predictions": True,
        })  # fmt: skip
        return Found(int(new["id"]), title, wanted, new=True)
    there = read_configuration(str(found.get("label_config") or ""))
    ours = _WROTE.search(str(found.get("description") or ""))
    changes: dict[str, Any] = {}
    if make and ours is not None and there.text != wanted.text and ours[1] == _digest(there.text):
        changes = {"label_config": wanted.text, "description": _description(known_by, wanted)}
        there = wanted
    if make and ours is not None and found.get("maximum_annotations") not in (None, votes):
        changes["maximum_annotations"] = votes
    if changes:
        server.patch(f"/api/projects/{found['id']}/", changes)
    absent = lacking(there, wanted.choices)
    if make and absent:  # what was said already is collected all the same
        raise StudioError(
            f"project {found['id']} ({found['title']}) of the Label Studio {server.url}: nobody can choose "
            f"{', '.join(map(repr, absent))} there. Its configuration, which was changed there or is its own, has "
            f"{', '.join(there.choices)}: add what is absent, or take it out of `labels.classes`"
        )
    return Found(int(found["id"]), str(found.get("title") or ""), there, notes=tuple(notes))


def _look(server: Server, known_by: str, named: str | int | None) -> tuple[dict[str, Any] | None, list[str]]:
    if isinstance(named, int):
        found = server.get(f"/api/projects/{named}/", missing=True)
        if found is None:
            raise StudioError(
                f"the Label Studio {server.url} has no project {named} (`label_studio.project`), or not for the "
                "token's user"
            )
        return found, []
    projects = list(_projects(server))
    if named is not None:
        same = [each for each in projects if each.get("title") == named]
        if len(same) > 1:
            numbers = ", ".join(str(each) for each in sorted(int(each["id"]) for each in same))
            raise StudioError(
                f"the Label Studio {server.url} has several projects {named!r}: {numbers}. Give the number of one "
                "(`label_studio.project`)"
            )
        if not same:
            guess = did_you_mean(named, [str(each.get("title")) for each in projects])
            raise StudioError(
                f"the Label Studio {server.url} has no project {named!r} (`label_studio.project`). {guess}".rstrip()
            )
        return _whole(server, same[0]), []
    ours = sorted(
        (each for each in projects if known_by in str(each.get("description") or "")), key=lambda each: each["id"]
    )
    notes = [
        f"project {each['id']} of the Label Studio {server.url} was made for the same annotation project, by two at "
        f"once: it is not used, {ours[0]['id']} is; delete it there if it is empty"
        for each in ours[1:]
    ]  # fmt: skip
    return (_whole(server, ours[0]) if ours else None), notes


def _whole(server: Server, found: dict[str, Any]) -> dict[str, Any]:
    whole = server.get(f"/api/projects/{found['id']}/")
    assert isinstance(whole, dict)
    return whole


def _projects(server: Server) -> list[dict[str, Any]]:
    """Every project that the token's user sees, with number, title and description."""
    rows: dict[int, dict[str, Any]] = {}
    page = 1
    while True:
        params = {"include": "id,title,description", "page_size": _PAGE, "page": page}
        found = server.get("/api/projects", params, missing=page > 1)  # past the end it is 404
        results = found.get("results") if isinstance(found, dict) else None
        for each in results or ():
            rows[int(each["id"])] = each
        if not results or not found.get("next"):
            return list(rows.values())
        page += 1


def _description(known_by: str, wanted: Configuration) -> str:
    return f"{known_by}, configuration {_digest(wanted.text)}. AutoML sends tasks and fetches labels; keep this line."


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
