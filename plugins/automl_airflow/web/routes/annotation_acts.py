"""What people do who label: take items, answer them, give them back.

Who acts is whoever has signed in. The journal decides: who has an item, and whose answer stands. Neither what stands in
items nor a label is written into Airflow's audit log: it says who did what, and of how many items.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from automl_airflow.web.access import ACT, NO_RIGHT_TO_DOWNLOAD, User, annotation_of
from automl_airflow.web.annotation_answers import judged
from automl_airflow.web.annotation_catalog import ProjectInfo
from automl_airflow.web.annotation_seen import digest_of, note_seen, seen_of
from automl_airflow.web.annotation_standing import (
    CAN_LABEL,
    CAN_READ,
    ELSEWHERE,
    GONE,
    project_file,
    sees_items,
    text_of,
)
from automl_airflow.web.annotation_views import open_for
from automl_airflow.web.aside import LONGEST_ACT, AsideRoute, touches_store
from automl_airflow.web.downloads import TheAsker, note_labelling
from automl_airflow.web.held_projects import Fresh, TheProject
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.acts import Body
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.project import Person

router = APIRouter(
    route_class=AsideRoute, prefix="/annotations/{name}", tags=["annotations"], dependencies=[CAN_READ, CAN_LABEL, ACT]
)

MOST_TASKS, MOST_LABELS = 50, 200

LONGEST = 30 * 86400.0
"""Seconds that an answer may have been kept in a browser."""

Item = Annotated[str, Field(pattern="^i[0-9a-f]{20}$")]
SignedIn = Annotated[str | None, Field(alias="as", max_length=250, description="Who the page says is signed in.")]


class Claim(Body):
    """How many items are wanted, and which are to be kept for longer."""

    signed_in: SignedIn = None
    many: int = Field(10, ge=0, le=MOST_TASKS, description="How many more are wanted.")
    keep: list[Item] = Field(default_factory=list, max_length=2 * MOST_TASKS, description="Those to be kept.")
    resume: bool = Field(
        True, description="Whether items that one has besides come first: whoever took them is gone, or never had the "
        "answer. A page beside another one of the same person says false."
    )  # fmt: skip


class Given(Body):
    """One answer."""

    item: Item
    label: str = Field("", max_length=500, description="One of the classes; empty where it was skipped.")
    skipped: bool = Field(False, description="Nobody can tell: counts as an answer, and trains nothing.")
    seconds: float | None = Field(None, ge=0, le=86400, description="How long it was looked at.")
    ago: float = Field(0.0, ge=0, le=LONGEST, description="How many seconds ago it was given.")
    shown: str | None = Field(None, pattern="^i[0-9a-f]{20}$", description="Digest of what was shown, as it came.")
    was: str | None = Field(
        None, max_length=500, description="The answer of the same person that it takes the place of ('': skipped)."
    )


class Labels(Body):
    """Answers."""

    signed_in: SignedIn = None
    labels: list[Given] = Field(min_length=1, max_length=MOST_LABELS)


class Release(Body):
    """What is given back."""

    signed_in: SignedIn = None
    items: list[Item] | None = Field(None, max_length=1000, description="All that one has where left out.")


def _check_here(info: ProjectInfo) -> AnnotationFile:
    """See that people label here. Returns the project's file as it is now.

    Raises:
        HTTPException: 409, they don't, or it can't be read.
    """
    if info.gone:
        raise HTTPException(409, f"{info.name}: {GONE}")
    file = project_file(info, text_of(info))
    if file is None:
        raise HTTPException(409, f"{info.name}: its file can't be read")
    if file.people.where in ELSEWHERE:
        raise HTTPException(409, f"{info.name}: people label {ELSEWHERE[file.people.where]} (people.where)")
    return file


def _check_signed_in(user: User, name: str | None) -> str:
    """Who acts; a page that was opened by somebody else must not give their answers another author."""
    mine = str(user.get_name())
    if name is not None and name != mine:
        raise HTTPException(409, f"the page was opened by {name}, and {mine} is signed in now: load it anew")
    return mine


@router.post("/tasks")
@touches_store(patience=LONGEST_ACT)
def post_tasks(info: TheProject, held: Fresh, user: User, asker: TheAsker, body: Claim) -> Response:
    """Take items to label, in the order of their use, for a while; and keep for longer those that one has."""
    mine = _check_signed_in(user, body.signed_in)
    now_file = _check_here(info)
    with held.lock:
        project = held.acts
        file = held.recorded(project.refresh()) or now_file
        if not sees_items(user, info, now_file, project.state.document):  # closed by its journal, if not by its file
            raise HTTPException(403, f"Forbidden: {info.name}: {NO_RIGHT_TO_DOWNLOAD}")
        catalog, lease = project.catalog, file.people.lease
        before = set(project.state.claimed_by(mine, project.right_now()))
        keep = {item: number for item in body.keep if (number := catalog.find(item)) is not None}
        here = set(keep.values())
        more = max(len(before), len(here) + body.many) if body.resume else len(before | here) + body.many
        ids = project.claim(mine, more, lease) if more else []
        state, now = project.state, project.now()
        until = state.claimed_by(mine, now)
        old = here if body.resume else here | before
        new = [item for item in ids if catalog.number_of(item) not in old][: body.many]
        tasks = [
            {
                "item": item, "content": seen_of(catalog, item, file.show),
                "shown": digest_of(catalog, item, file.show), "until": until.get(catalog.number_of(item), now + lease),
            }
            for item in new
        ]  # fmt: skip
        kept = {item: until[number] for item, number in keep.items() if number in until}
        left, seq = open_for(state, mine, now), state.seq
    if new:
        note_labelling(asker, "automl_annotation_tasks", annotation_of(info.name), len(new))
        note_seen(asker, info, held, file, new)
    return reply(
        {
            "seq": seq, "now": now, "lease": lease, "tasks": tasks, "kept": kept,
            "lost": [item for item in body.keep if item not in kept], "left": left,
        }
    )  # fmt: skip


@router.post("/labels")
@touches_store(patience=LONGEST_ACT)
def post_labels(info: TheProject, held: Fresh, user: User, asker: TheAsker, body: Labels) -> Response:
    """Answer items. The same answer again changes nothing; another one of the same person takes the place of theirs."""
    mine = _check_signed_in(user, body.signed_in)
    _check_here(info)
    note_labelling(asker, "automl_annotation_labels", annotation_of(info.name), len(body.labels))
    with held.lock:
        state = held.acts.refresh()
        now = held.acts.right_now()  # an answer that was kept back counts from now
        sorted_out = judged(body.labels, state, held.acts.catalog, mine, now)
        done = held.acts.label([label for _, label in sorted_out.labels], Person(mine, "rest"))
        seq, left = held.acts.state.seq, open_for(held.acts.state, mine, now)
    refused = sorted_out.refused | {sorted_out.labels[place][0]: why for place, why in done.refused}
    return reply(
        {
            "seq": seq, "new": done.new, "same": done.same + done.older + sorted_out.known, "changed": done.changed,
            "left": left,
            "refused": [{"item": body.labels[place].item, "why": why} for place, why in sorted(refused.items())],
        }
    )  # fmt: skip


@router.post("/release")
@touches_store(patience=LONGEST_ACT)
def post_release(info: TheProject, held: Fresh, user: User, asker: TheAsker, body: Release) -> Response:
    """Give items back, so that others can have them at once."""
    mine = _check_signed_in(user, body.signed_in)
    with held.lock:
        project = held.acts
        project.refresh()
        now = project.right_now()
        has = project.catalog.ids_of(project.state.claimed_by(mine, now))
        items = has if body.items is None else [each for each in body.items if each in set(has)]
        if items:
            project.release(mine, items)
        seq = project.state.seq
    if items:
        note_labelling(asker, "automl_annotation_release", annotation_of(info.name), len(items))
    return reply({"seq": seq, "released": len(items)})
