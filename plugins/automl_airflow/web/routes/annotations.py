"""The annotation projects that a user may read, and one of them: how it stands, who is at work, its items."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from automl_airflow.web import annotation_views as views
from automl_airflow.web.access import (
    CAN_LOOK,
    NO_RIGHT_TO_DOWNLOAD,
    User,
    annotation_of,
    may,
    may_read_annotation,
    readable,
)
from automl_airflow.web.annotation_catalog import ProjectInfo, projects
from automl_airflow.web.annotation_glances import glances, told
from automl_airflow.web.annotation_seen import digest_of, in_list, note_seen, seen_of
from automl_airflow.web.annotation_standing import (
    CAN_READ,
    project_file,
    sees_items,
    standing,
    text_of,
    why_not_label,
)
from automl_airflow.web.annotation_waits import awaited_runs
from automl_airflow.web.aside import PAGES, AsideRoute, touches_store
from automl_airflow.web.catalog import reading
from automl_airflow.web.downloads import TheAsker
from automl_airflow.web.held_projects import Held, HeldProject, TheProject
from automl_airflow.web.links import AIRFLOW
from automl_airflow.web.respond import reply, send_body
from automl_airflow.web.routes.experiments import import_error_of, shown_error
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.items import Catalog, NoSuchItem
from automl_core.annotation.project import ItemState, ProjectState

router = APIRouter(route_class=AsideRoute, tags=["annotations"])

SORTS = ("name", "open", "items", "labelled", "taken", "round", "updated")

MOST_LOOKED = 50_000
"""Items whose content one search looks through; then it says so."""

Offset = Annotated[int, Query(ge=0)]
ItemId = Annotated[str, Path(pattern="^i[0-9a-f]{20}$", description="Id of an item.")]


@router.get("/annotations", dependencies=[Depends(CAN_LOOK)])
async def get_annotations(
    request: Request,
    user: User,
    search: Annotated[str, Query(max_length=200)] = "",
    waiting: Annotated[bool, Query(description="Those alone in which people are asked for labels.")] = False,
    sort: Annotated[str, Query(max_length=50)] = "name",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    gone: Annotated[bool, Query(description="Those whose file was deleted too.")] = False,
) -> Response:
    """Every annotation project that this user may read: how it stands, and who works on it."""
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    if column not in SORTS:
        raise HTTPException(422, f"sort: {sort!r} is not known; allowed: {', '.join(SORTS)}, each with '-' before it")

    def read_list() -> list[ProjectInfo]:
        allowed = readable(user)
        with reading() as session:
            found = projects(session, allowed, gone=gone)
        return [each for each in found if may_read_annotation(user, each.name)]

    every = await PAGES.call(read_list)
    wanted = search.casefold()
    found = [each for each in every if wanted in f"{each.name}\n{each.description}\n{' '.join(each.tags)}".casefold()]
    if not waiting and column == "name":  # what is sorted by name needs only the page's journals
        found.sort(key=lambda each: each.name, reverse=descending)
        matched, entries = len(found), await glances.of_all(found[offset : offset + limit])
    else:
        key = "annotation" if column == "name" else column
        entries = [each for each in await glances.of_all(found) if not waiting or each["open"]]
        known = [each for each in entries if each[key] is not None]
        known.sort(key=lambda each: each[key], reverse=descending)
        entries = [*known, *(each for each in entries if each[key] is None)]
        matched, entries = len(entries), entries[offset : offset + limit]
    infos = {each.name: each for each in found}

    def told_to(entry: dict[str, Any]) -> dict[str, Any]:
        document = entry["document"]
        why = why_not_label(user, infos[entry["annotation"]], None, document) if document else "nothing is known of it"
        left_out = ("document", "done")
        return {**{name: value for name, value in entry.items() if name not in left_out}, "can_label": not why}

    body = await PAGES.call(lambda: [told_to(each) for each in entries])
    return send_body(request, {
        "total": len(every), "matched": matched, "offset": offset, "limit": limit, "annotations": body,
    })  # fmt: skip


@router.get("/annotations/{name}", dependencies=[CAN_READ])
def get_annotation(request: Request, user: User, info: TheProject, held: Held) -> Response:
    """One project: how it stands, who is at work, its classes and their keys, and what this user can do."""
    now, mine = held.acts.now(), str(user.get_name())
    text = text_of(info)
    file = project_file(info, text)
    with reading() as session:
        broken = import_error_of(session, info.file, info.bundle) if info.dag.broken else None
        awaited = awaited_runs(session, file)
    found = held.at_a_glance()
    body, document, recorded = held.use(
        lambda state: (
            {
                "workers": views.workers(state, now),
                "people": views.people(found["done"], views.working(state, now)),
                "for_me": views.open_for(state, mine, now),
            },
            state.document,
            held.recorded(state),
        )
    )
    can, why_not = standing(user, info, file, document)
    sees = sees_items(user, info, file, document)
    labelled, last = found["done"].get(mine, (0, None))
    return send_body(request, {
        **told(info), **{name: value for name, value in found.items() if name != "done"}, **body,
        **_of_file(file, recorded), "awaited": awaited,
        "file": info.file, "airflow": f"{AIRFLOW}dags/{quote(annotation_of(info.name), safe='')}", "now": now,
        "source": text if may(user, "GET", DagAccessEntity.CODE, annotation_of(info.name)) else None,
        "import_error": shown_error(user, broken[0]) if broken is not None else None,
        "me": {"name": mine, "labelled": labelled, "last": last}, "can": can, "why_not": why_not,
        "data": {"allowed": sees, "reason": "" if sees else NO_RIGHT_TO_DOWNLOAD},
    })  # fmt: skip


def _of_file(file: AnnotationFile | None, recorded: AnnotationFile | None) -> dict[str, Any]:
    """What the project's file says, as far as pages need it.

    Args:
        file: as it is now.
        recorded: as the journal has it: labels are judged by its classes.
    """
    labels, newest = recorded or file, file or recorded
    people = newest.people if newest is not None else None
    return {
        "kind": labels.items.kind if labels is not None else None,
        "show": labels.show if labels is not None else None,
        "classes": labels.labels.classes if labels is not None else [],
        "keyboard": labels.labels.keyboard if labels is not None else {},
        "hints": {**(recorded.labels.hints if recorded else {}), **(file.labels.hints if file else {})},
        **{name: getattr(people, name, None) for name in ("where", "who", "votes", "lease", "price", "currency")},
    }  # fmt: skip


@router.get("/annotations/{name}/items", dependencies=[CAN_READ])
@touches_store()
def get_items(
    user: User,
    info: TheProject,
    held: Held,
    asker: TheAsker,
    search: Annotated[str, Query(max_length=200, description="Words of an id, key, label, author or content.")] = "",
    state: Annotated[str, Query(max_length=200, description="With commas between.")] = "",
    label: Annotated[str, Query(max_length=500)] = "",
    author: Annotated[str, Query(max_length=250)] = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The items of a project in the order in which they came; what stands in them for who may see data."""
    states = frozenset(part.strip().upper() for part in state.split(",") if part.strip())
    unknown = sorted(states - set(ItemState.__members__))
    if unknown:
        raise HTTPException(422, f"state: {unknown[0]!r} is not known; allowed: {', '.join(ItemState.__members__)}")
    now, mine, file = held.acts.now(), str(user.get_name()), project_file(info, text_of(info))
    sees = held.use(lambda project: sees_items(user, info, file, project.document))

    def build(project: ProjectState) -> dict[str, Any]:
        show = _shown_columns(held, project, file)
        search_of = _Search(held.acts.catalog, search.strip().casefold(), show if sees else [])
        found = views.matching(project, mine, wanted=search_of.wanted, states=states, label=label, author=author)
        numbers = search_of.through(found)
        page = list(islice(numbers, offset, offset + limit))
        simple = not (search_of.wanted or label or author)
        counts = views.told_counts(project)
        total = sum(counts[ItemState(each)] for each in states) if states else project.count
        matched = total if simple else offset + len(page) + sum(1 for _ in numbers)
        rows = [_listed(_row(project, held, number, mine, now, show if sees else [])) for number in page]
        return {
            "seq": project.seq, "total": project.count, "matched": matched, "offset": offset, "limit": limit,
            "cut": search_of.cut, "looked": search_of.looked, "items": rows,
        }  # fmt: skip

    body = held.use(build)
    if sees:
        note_seen(asker, info, held, file, [each["item"] for each in body["items"] if each["item"]])
    return reply(body)


@router.get("/annotations/{name}/items/{item}", dependencies=[CAN_READ])
@touches_store()
def get_item(user: User, info: TheProject, held: Held, asker: TheAsker, item: ItemId) -> Response:
    """One item: what stands in it, for who may see data, and every label that it has had."""
    now, mine, file = held.acts.now(), str(user.get_name()), project_file(info, text_of(info))

    def build(project: ProjectState) -> dict[str, Any]:
        show = _shown_columns(held, project, file)
        number = held.acts.catalog.number_of(item)
        sees = sees_items(user, info, file, project.document)
        row = _row(project, held, number, mine, now, show if sees else [])
        own = project.answer_by(number, mine)
        retired = project.why_retired(number)
        why = why_not_label(user, info, file, project.document)
        return {
            "seq": project.seq, **row, "shown": digest_of(held.acts.catalog, item, show) if sees else None,
            "mine": {"label": own.label, "skipped": own.skipped, "time": own.time} if own is not None else None,
            "history": views.history_body(project, number, mine),
            "retired": {"why": retired.why, "by": retired.by.name, "time": retired.time} if retired else None,
            "can": {"label": not why}, "why_not": {"label": why} if why else {},
        }  # fmt: skip

    body = held.use(build)
    if body["content"] is not None:
        note_seen(asker, info, held, file, [item])
    return reply(body)


def _shown_columns(held: HeldProject, state: ProjectState, file: AnnotationFile | None) -> list[str] | None:
    """The columns that people see; None for all that make an item."""
    found = held.recorded(state) or file
    return found.show if found is not None else None


class _Search:
    """Looks for words in items, and in what is known of them, as far as one search may go."""

    def __init__(self, catalog: Catalog, wanted: str, show: list[str] | None) -> None:
        self.wanted, self.looked, self.cut = wanted, 0, False
        self._catalog, self._show = catalog, show

    def through(self, found: Iterator[tuple[int, bool]]) -> Iterator[int]:
        """Numbers of items that have the words.

        Args:
            found: numbers, each with whether that is known of it without looking into it.
        """
        for number, known in found:
            if known:
                yield number
            elif self.looked >= MOST_LOOKED:
                self.cut = True
            else:
                self.looked += 1
                if self._has(number):
                    yield number

    def _has(self, number: int) -> bool:
        try:
            item = self._catalog.id_of(number)
        except NoSuchItem:
            return False
        if self.wanted in item or any(self.wanted in each.casefold() for each in self._catalog.keys_of(item)):
            return True
        if self._show == []:  # this user may not see what stands in items, so can't ask what does
            return False
        content = seen_of(self._catalog, item, self._show)
        return any(self.wanted in str(each).casefold() for each in content.values() if each is not None)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    content, shortened = in_list(row["content"]) if row["content"] is not None else (None, False)
    return {**row, "content": content, "shortened": shortened}


def _row(
    state: ProjectState, held: HeldProject, number: int, user: str, now: float, show: list[str] | None
) -> dict[str, Any]:  # fmt: skip
    """An item in a list; without what stands in it where no column may be shown."""
    catalog = held.acts.catalog
    row = views.item_row(state, number, user, now)
    try:
        item = catalog.id_of(number)
        keys = catalog.keys_of(item)
        content = None if show == [] else seen_of(catalog, item, show)
        return {"item": item, "key": keys[0] if keys else None, "content": content, "problem": None, **row}
    except NoSuchItem as error:
        return {"item": "", "key": None, "content": None, "problem": str(error), **row}
