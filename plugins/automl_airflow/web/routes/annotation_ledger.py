"""What a project's labels cost, how many are used, how right they are, what they brought; its rounds and bad cases.

Figures are for all who may read the project. What names single items, or shows them, is for those who may see rows of
data: in a closed environment that is a right of its own, and each look is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from automl_airflow.web.access import NO_RIGHT_TO_DOWNLOAD, User, annotation_of
from automl_airflow.web.annotation_catalog import ProjectInfo
from automl_airflow.web.annotation_seen import in_list, seen_of
from automl_airflow.web.annotation_standing import (
    CAN_READ,
    is_closed_project,
    labellers,
    project_file,
    sees_items,
    text_of,
    why_not_person,
)
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.downloads import Asker, TheAsker, note_ledger
from automl_airflow.web.held_ledgers import ledger_of
from automl_airflow.web.held_projects import Fresh, Held, HeldProject, Seq, TheProject
from automl_airflow.web.respond import reply, send
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.items import Catalog, NoSuchItem
from automl_core.annotation.ledger import COLUMNS, Case, Ledger, Suspect, csv_lines, lines
from automl_core.annotation.ledger.unseen import while_labelling

router = APIRouter(
    route_class=AsideRoute, prefix="/annotations/{name}", dependencies=[CAN_READ],
    tags=["annotations"],
)  # fmt: skip

MOST_LINES = 100_000
"""Lines of a CSV file, at most; `offset` asks for the next ones."""

MAKING = "ledger"
"""Threads in which ledgers are made: one takes seconds, and all other pages go on meanwhile."""

STATES = ("open", "fixed", "regressed")

Offset = Annotated[int, Query(ge=0, le=100_000_000)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def _check_items(asker: Asker, info: ProjectInfo, held: HeldProject, what: str) -> AnnotationFile | None:
    """Demand the right to rows of data, where the project is closed, and record who takes them, and what.

    Returns:
        The project's file; None where it can't be read.
    """
    file = project_file(info, text_of(info))
    document = held.use(lambda state: state.document)
    if not sees_items(asker.user, info, file, document):
        raise HTTPException(403, f"Forbidden: {info.name}: {NO_RIGHT_TO_DOWNLOAD}")
    if is_closed_project(file, document):
        note_ledger(asker, held.store, info.name, annotation_of(info.name), what)
    return file


@router.get("/ledger")
@touches_store(MAKING)
def get_ledger(request: Request, user: User, info: TheProject, held: Held, seq: Seq = 0) -> Response:
    """Cost, use, rightness and gain, in sum: by author, source, round, way and kind. No item is named.

    Whoever labels gets figures of known answers while no batch is open.
    """
    if _labels(user, info, held):
        return send(request, ledger_of(held).answer(held, "ledger for those who label", while_labelling, seq))
    return send(request, ledger_of(held).answer(held, "ledger", Ledger.to_json, seq))


def _labels(user: BaseUser, info: ProjectInfo, held: HeldProject) -> bool:
    """Whether a user is one of those who label."""
    who, _ = labellers(project_file(info, text_of(info)), held.use(lambda state: state.document))
    return not why_not_person(user, info, who)


@router.get("/ledger/standing")
def get_ledger_standing(user: User, info: TheProject, held: Held) -> Response:
    """Whether this user may see single items, and why not."""
    file = project_file(info, text_of(info))
    allowed = held.use(lambda state: sees_items(user, info, file, state.document))
    return reply({"rows": {"allowed": allowed, "reason": "" if allowed else NO_RIGHT_TO_DOWNLOAD}})


@router.get("/ledger/labels")
@touches_store()
def get_ledger_labels(
    asker: TheAsker, info: TheProject, held: Fresh, seq: Seq = 0, offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:  # fmt: skip
    """Every answer that was ever given, in the order in which they came: cost, and what became of it."""
    _check_items(asker, info, held, "ledger")
    found = ledger_of(held).get(held, seq)
    ids = _ids(held)
    labels = _labels(asker.user, info, held)
    rows = list(lines(found, ids.__getitem__, offset, limit, reader=asker.name, labels=labels))
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    return reply(
        {
            "seq": found.facts.seq,
            "matched": len(found.facts.answers),
            "offset": offset,
            "limit": limit,
            "columns": columns,
        }
    )


@router.get("/ledger.csv", response_class=Response)
@touches_store()
def get_ledger_csv(
    asker: TheAsker, info: TheProject, held: Fresh, offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = MOST_LINES,
) -> Response:  # fmt: skip
    """The same as CSV, sent as it is made; ``X-AutoML-Matched`` says how many answers there are."""
    _check_items(asker, info, held, "ledger.csv")
    found = ledger_of(held).get(held)
    ids = _ids(held)
    labels = _labels(asker.user, info, held)
    parts = csv_lines(found, ids.__getitem__, offset, limit, reader=asker.name, labels=labels)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{info.name}-ledger.csv")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store",
        "X-AutoML-Matched": str(len(found.facts.answers)),
    }  # fmt: skip
    return StreamingResponse(_sent(parts), media_type="text/csv; charset=utf-8", headers=headers)


async def _sent(parts: Iterator[str]) -> Any:
    """Parts of a file, each made when the one before is on its way; small ones, so that nobody else waits long."""
    for each in parts:
        yield each.encode()


def _ids(held: HeldProject) -> list[str]:
    """The ids of all items by number; empty where its part can't be read."""
    with held.lock:
        return [_id(held.acts.catalog, number) for number in range(held.acts.state.count)]


def _id(catalog: Catalog, number: int) -> str:
    try:
        return catalog.id_of(number)
    except NoSuchItem:
        return ""


@router.get("/rounds")
@touches_store(MAKING)
def get_rounds(request: Request, held: Held, seq: Seq = 0) -> Response:
    """The rounds: what was labelled, what it cost, how each model did, what the round brought."""

    def build(found: Ledger) -> dict[str, Any]:
        return {"seq": found.facts.seq, "currency": found.facts.currency, "rounds": found.rounds_json()}

    return send(request, ledger_of(held).answer(held, "rounds", build, seq))


@router.get("/cases")
@touches_store(MAKING)
def get_cases(request: Request, held: Held, seq: Seq = 0) -> Response:
    """Bad cases: how many are open, fixed or regressed, and what became of them round by round."""
    return send(request, ledger_of(held).answer(held, "cases", _case_counts, seq))


def _case_counts(found: Ledger) -> dict[str, Any]:
    cases = found.facts.cases
    rounds: dict[int, dict[str, int]] = {}
    for each in cases:
        for number, _, state in each.moves:
            sums = rounds.setdefault(number, dict.fromkeys(STATES, 0))
            sums[state] = sums.get(state, 0) + 1
    return {
        "seq": found.facts.seq, "total": len(cases),
        "counts": {state: sum(each.state == state for each in cases) for state in STATES},
        "rounds": [{"round": number, **sums} for number, sums in sorted(rounds.items())],
    }  # fmt: skip


@router.get("/cases/rows")
@touches_store()
def get_case_rows(
    asker: TheAsker, info: TheProject, held: Fresh, offset: Offset = 0, limit: Limit = 100,
    state: Annotated[str, Query(max_length=100, description="With commas between.")] = "",
) -> Response:  # fmt: skip
    """Bad cases with their items, regressed ones first: what each says, its label, and what became of it when."""
    states = tuple(part.strip().lower() for part in state.split(",") if part.strip())
    unknown = [each for each in states if each not in STATES]
    if unknown:
        raise HTTPException(422, f"state: {unknown[0]!r} is not known; allowed: {', '.join(STATES)}")
    file = _check_items(asker, info, held, "cases")
    found = ledger_of(held).get(held)
    order = {"regressed": 0, "open": 1, "fixed": 2}
    wanted = sorted(
        (each for each in found.facts.cases if not states or each.state in states),
        key=lambda each: (order.get(each.state, 3), -max((m[0] for m in each.moves), default=0), each.item),
    )
    rows = [_case_row(each, found, held, file) for each in wanted[offset : offset + limit]]
    return reply({"seq": found.facts.seq, "matched": len(wanted), "offset": offset, "limit": limit, "cases": rows})


def _case_row(case: Case, found: Ledger, held: HeldProject, file: AnnotationFile | None) -> dict[str, Any]:
    label = found.facts.consensus.get(case.item)
    told = label is not None and _is_told(case.item, found)
    return {
        **_item(case.item, held, file), "state": case.state, "label": label[0] if label is not None and told else None,
        "moves": [{"round": number, "model": model, "state": state} for number, model, state in case.moves],
    }  # fmt: skip


@router.get("/suspects")
@touches_store()
def get_suspects(asker: TheAsker, info: TheProject, held: Fresh, offset: Offset = 0, limit: Limit = 100) -> Response:
    """Labels that are probably wrong, the most suspected first, with their items."""
    file = _check_items(asker, info, held, "suspects")
    found = ledger_of(held).get(held)
    wanted = found.facts.suspects
    rows = [_suspect_row(each, found, held, file) for each in wanted[offset : offset + limit]]
    return reply({"seq": found.facts.seq, "matched": len(wanted), "offset": offset, "limit": limit, "suspects": rows})


def _suspect_row(
    suspect: Suspect, found: Ledger, held: HeldProject, file: AnnotationFile | None
) -> dict[str, Any]:  # fmt: skip
    """While people are asked about it again, they are told neither what was said nor what models think.

    Nor are known answers told.
    """
    asked, told = suspect.item in found.facts.asked, _is_told(suspect.item, found)
    return {
        **_item(suspect.item, held, file), "label": suspect.label if told else None,
        "suggested": suspect.suggested if told else None, "wrong": suspect.wrong,
        "author": suspect.author, "again": suspect.again or asked,
    }  # fmt: skip


def _is_told(item: int, found: Ledger) -> bool:
    """Whether those who may label may learn what an item is held to be."""
    return item not in found.facts.asked and item not in found.facts.gold


def _item(number: int, held: HeldProject, file: AnnotationFile | None) -> dict[str, Any]:
    """An item's id and what people see of it; nothing where its part can't be read."""
    with held.lock:
        catalog = held.acts.catalog
        id = _id(catalog, number)
        content = seen_of(catalog, id, file.show if file is not None else None) if id else None
        return {"item": id, "content": in_list(content)[0] if content is not None else None}
