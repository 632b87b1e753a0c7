"""Acts on a rollout: another step, held where it is, released.

A person acts on what they saw: each names the rollout and the step that was on their page. Where it stands elsewhere by
now, they are told who moved it, and when, and nothing is done. Taking a version back (`model_acts`) asks for no step:
who wants a version out of use wants that at any share.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from automl_airflow.web.access import ACT, CAN_EDIT_MODEL, CAN_READ_MODEL, User, logs_model_act
from automl_airflow.web.aside import LONGEST_ACT, AsideRoute, touches_store
from automl_airflow.web.held_models import Fresh, HeldModel, TheModel
from automl_airflow.web.model_catalog import ModelInfo
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.acts import Body
from automl_airflow.web.routes.rollouts import find_rollout
from automl_core.models import rollout_views
from automl_core.models.life import Life, Person, Refused, Rollout
from automl_core.models.life.words import moment

router = APIRouter(
    route_class=AsideRoute,
    prefix="/models/{model}/rollout",
    tags=["models"],
    dependencies=[Depends(CAN_READ_MODEL), ACT],
)


class Seen(Body):
    """The rollout as it was on the page of who acts."""

    rollout: int = Field(ge=1, description="Its number.")
    step: int = Field(ge=0, description="The step that it was in, from 0.")
    why: str = Field("", max_length=2000)


class Step(Seen):
    """Another step."""

    to: int | None = Field(None, ge=0, description="Which step, from 0; the next one when left out.")


@router.post("/step", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_step")])
@touches_store(patience=LONGEST_ACT)
def step(info: TheModel, held: Fresh, user: User, body: Step) -> Response:
    """Put a rollout into another step at once, without waiting for its bake; back as well, also while it is held."""
    by = _person(user)
    with held.lock:
        life = held.acts.refresh()
        found = find_rollout(life, info.name, body.rollout)
        to = body.to if body.to is not None else body.step + 1
        check_step(found, to)
        if not _moved_by(life, found, to, by):  # else this is the same act again, whose answer was lost
            check_seen(life, found, body)
            found = held.acts.step_rollout(found.id, to, by, body.why)
        seq = held.acts.state.seq
    return _told(seq, found, f"{in_words(found)}")


@router.post("/hold", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_hold")])
@touches_store(patience=LONGEST_ACT)
def hold(info: TheModel, held: Fresh, user: User, body: Seen) -> Response:
    """Keep a rollout in its step until it is released: nothing but a safeguard, or a person, moves it meanwhile."""
    return _hold(info, held, user, body, holds=True)


@router.post("/release", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_release")])
@touches_store(patience=LONGEST_ACT)
def release(info: TheModel, held: Fresh, user: User, body: Seen) -> Response:
    """Let a rollout that is held go on by itself."""
    return _hold(info, held, user, body, holds=False)


def _hold(info: ModelInfo, held: HeldModel, user: Any, body: Seen, *, holds: bool) -> Response:
    with held.lock:
        life = held.acts.refresh()
        found = find_rollout(life, info.name, body.rollout)
        check_seen(life, found, body)
        held.acts.hold_rollout(found.id, holds, _person(user), body.why)
        life = held.acts.state
        found = life.rollouts[body.rollout]
        seq = life.seq
    return _told(seq, found, f"rollout {found.id} is {'held' if holds else 'released'}; {in_words(found)}")


def _person(user: Any) -> Person:
    return Person(str(user.get_name()), "rest")


def _told(seq: int, found: Rollout, text: str) -> Response:
    return reply({"seq": seq, "rollout": rollout_views.rollout(found), "text": text})


def in_words(found: Rollout) -> str:
    """Where a rollout stands: ``version 5 answers 25 % (step 2 of 3)``."""
    at = found.steps[found.step]
    does = f"is shadowed by {at.share:.3g}" if at.shadow else f"answers {100 * at.share:.3g} %"
    return f"version {found.version} {does} (step {found.step + 1} of {len(found.steps)})"


def check_step(found: Rollout, to: int) -> None:
    """Demand that a rollout has a step.

    Raises:
        Refused: it has none of that number.
    """
    last = len(found.steps) - 1
    if to <= last:
        return
    if to == found.step + 1:
        raise Refused(
            f"rollout {found.id} is in its last step: version {found.version} is put in use once that has lasted, "
            "or is taken back"
        )
    raise Refused(f"rollout {found.id} has the steps 0 to {last}, no step {to}")


def check_seen(life: Life, found: Rollout, body: Seen) -> None:
    """Demand that a rollout stands as it did on the page of who acts.

    Raises:
        Refused: it has moved or ended since; by whom, and when.
    """
    last = next((each for each in reversed(life.shares) if each.rollout == found.id), None)
    if found.ended is not None:
        record = life.record_at(found.ended)
        ended = (found.outcome or "over").replace("_", " ")
        by = record.by if record is not None else None
        said = f" by {by}" if by is not None else ""
        raise Refused(
            f"rollout {found.id} has ended: {ended}{said}, {moment(found.ended)}", by, found.ended
        )
    if found.step != body.step:
        by = last.by if last is not None else found.by
        raise Refused(
            f"rollout {found.id} is not in step {body.step + 1} any more: {in_words(found)} since "
            f"{moment(found.moved)}, by {by}", by, found.moved,
        )  # fmt: skip


def _moved_by(life: Life, found: Rollout, to: int, by: Person) -> bool:
    """Whether a person has put an open rollout into a step, and nobody has moved it since."""
    last = life.shares[-1] if life.shares else None
    return found.ended is None and found.step == to and last is not None and last.rollout == found.id and last.by == by
