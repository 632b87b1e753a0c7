"""One version of a model and its evidence: in short, whole, as a page of text, and the rows of data beside it."""

from __future__ import annotations

import gzip
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from automl_airflow.models.pages import page_of
from automl_airflow.web.access import CAN_READ_MODEL, NO_RIGHT_TO_DOWNLOAD, User, may_download, rollout_of
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.catalog import reading
from automl_airflow.web.downloads import Asker, TheAsker, note_rows
from automl_airflow.web.held import Answer, encode
from automl_airflow.web.held_models import Fresh, Held, HeldModel, TheModel
from automl_airflow.web.model_catalog import ModelInfo
from automl_airflow.web.model_standing import file_text, is_closed_model, model_file_of, standing, version_standing
from automl_airflow.web.respond import reply, send, send_body
from automl_core.models import views
from automl_core.models.life import Life, NoSuchVersion
from automl_core.models.life.evidence import read_evidence, read_evidence_rows

router = APIRouter(
    route_class=AsideRoute, prefix="/models/{model}", dependencies=[Depends(CAN_READ_MODEL)], tags=["models"]
)

VersionNumber = Annotated[int, Path(ge=1, le=10_000_000, description="Number of the version, from 1.")]
Digest = Annotated[
    str | None, Query(pattern="^[0-9a-f]{64}$", description="Of the evidence; the newest of the version without one.")
]


@router.get("/versions/{version}")
def get_version(
    request: Request, user: User, info: TheModel, held: Held, version: VersionNumber
) -> Response:  # fmt: skip
    """One version: where it comes from, its evidence, who decided what, and what this user can do about it."""
    now = time.time()
    with reading() as session:
        file = model_file_of(info, file_text(session, info))

    def build(life: Life) -> dict[str, Any]:
        found = life.version(version)
        can, why_not = version_standing(life, found, now, *standing(user, info, file, life.document))
        return {"model": info.name, "seq": life.seq, **views.version_body(life, found), "can": can, "why_not": why_not}

    body = held.use(build)
    closed = is_closed_model(file, held.use(lambda life: life.document))
    allowed = not closed or may_download(user, rollout_of(info.name))
    body["data_rows"] = {"allowed": allowed, "reason": "" if allowed else NO_RIGHT_TO_DOWNLOAD}
    return send_body(request, {**body, "now": now})


@router.get("/versions/{version}/evidence")
@touches_store()
def get_evidence(
    request: Request, user: User, info: TheModel, held: Fresh, version: VersionNumber, digest: Digest = None
) -> Response:  # fmt: skip
    """What an acceptance of a version rests on, whole, with its digest; no row of data is in it."""
    found = _digest(held, version, digest)
    body = _evidence(held, info, found)
    closed = not _sees_rows(user, info, held)
    if closed:
        body = views.without_names_of_rows(body)
    return send(request, _answer({"digest": found, **body}, f"{found[:32]}{'-c' if closed else ''}"))


@router.get("/versions/{version}/evidence.md", response_class=Response)
@touches_store()
def get_evidence_page(
    user: User, info: TheModel, held: Fresh, version: VersionNumber, digest: Digest = None
) -> Response:  # fmt: skip
    """The same as a page of text, in Markdown: what the approval in Airflow shows."""
    from automl_core.models.evaluation import markdown_of

    body = _evidence(held, info, _digest(held, version, digest))
    if not _sees_rows(user, info, held):
        body = views.without_names_of_rows(body)
    text = markdown_of(body, page_of(info.name, version))
    headers = {"Cache-Control": "private, no-cache"}
    return Response(text.encode(), media_type="text/markdown; charset=utf-8", headers=headers)


@router.get("/versions/{version}/evidence/rows")
@touches_store()
def get_evidence_rows(
    request: Request, info: TheModel, held: Fresh, asker: TheAsker, version: VersionNumber, digest: Digest = None
) -> Response:  # fmt: skip
    """The bad cases with their rows, and rows that tests failed on; in a closed environment for who may download."""
    found = _digest(held, version, digest)
    _check_rows(asker, info, held, found)
    body = read_evidence_rows(held.store, info.name, found)
    body.pop("answers", None)  # thousands of probabilities, for estimates alone
    return send(request, _answer({"digest": found, **body}, f"r{found[:32]}"))


@router.get("/cases")
def get_cases(request: Request, held: Held) -> Response:
    """Bad cases from version to version: how many each has mended, is left with, has brought."""
    return send(request, held.answer("cases", lambda life: {"seq": life.seq, "versions": views.case_counts(life)}))


@router.get("/cases/rows")
@touches_store()
def get_case(
    held: Fresh, info: TheModel, asker: TheAsker, key: Annotated[str, Query(max_length=500, description="Of the row.")]
) -> Response:  # fmt: skip
    """One bad case over all versions that were evaluated: in which it was bad, and in which it was not."""
    digests = held.use(lambda life: [(v.number, ref) for v in life.versions.values() if (ref := v.newest) is not None])
    _check_rows(asker, info, held, "cases")
    states, row = [], None
    for number, newest in digests[-_MOST_VERSIONS:]:
        if not newest.rows:
            continue
        cases = read_evidence_rows(held.store, info.name, newest.digest).get("cases", [])
        case = next((each for each in cases if str(each.get("id")) == key), None)
        states.append({"version": number, "state": case["state"] if case is not None else None})
        row = case.get("row") if case is not None else row
    if row is None and not any(each["state"] for each in states):
        raise HTTPException(404, f"{key!r} is no bad case of the newest {_MOST_VERSIONS} versions of {info.name}")
    return reply({"key": key, "versions": states, "row": row})


_MOST_VERSIONS = 50


def _digest(held: HeldModel, version: int, digest: str | None) -> str:
    """The digest of a version's evidence: the newest, or one that it has.

    Raises:
        LookupError: there is no such version, or no such evidence of it.
    """

    def find(life: Life) -> str:
        found = life.version(version)
        if digest is None:
            if found.newest is None:
                raise NoSuchVersion(f"version {version} was not evaluated yet")
            return found.newest.digest
        if digest not in {each.digest for each in (*found.evidence, *found.checks)}:
            raise NoSuchVersion(f"version {version} has no evidence {digest[:12]}")
        return digest

    return held.use(find)


def _evidence(held: HeldModel, info: ModelInfo, digest: str) -> dict[str, Any]:
    try:
        return read_evidence(held.store, info.name, digest)
    except ValueError as error:  # somebody has written over it: nobody must decide on it
        raise HTTPException(409, str(error)) from None


def _answer(body: Any, etag: str) -> Answer:
    return Answer(f'"{etag}"', gzip.compress(encode(body), 5, mtime=0))


def _closed(info: ModelInfo, held: HeldModel) -> bool:
    with reading() as session:
        file = model_file_of(info, file_text(session, info))
    return is_closed_model(file, held.use(lambda life: life.document))


def _sees_rows(user: User, info: ModelInfo, held: HeldModel) -> bool:
    return not _closed(info, held) or may_download(user, rollout_of(info.name))


def _check_rows(asker: Asker, info: ModelInfo, held: HeldModel, what: str) -> None:
    """Demand the right to rows of data, where the model is closed, and record who takes them."""
    if not _closed(info, held):
        return
    if not may_download(asker.user, rollout_of(info.name)):
        raise HTTPException(403, f"Forbidden: {info.name}: {NO_RIGHT_TO_DOWNLOAD}")
    note_rows(asker, held.store, info.name, rollout_of(info.name), what)
