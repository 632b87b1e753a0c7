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
from automl_core.models.life import Person, Refused, Rollout
from automl_core.models.life.rollouts import PROMOTED
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
    to = body.to if body.to is not None else body.step + 1
    with held.lock:
        found = find_rollout(held.acts.refresh(), info.name, body.rollout)
        if to == len(found.steps):
            raise Refused(f"rollout {found.id} has no step after step {body.step}: put version {found.version} in use")
        if not _is_done(found, "step", to, _person(user)):
            check_seen(found, body.step)
            found = held.acts.step_rollout(found.id, to, _person(user), body.why, expected=body.step)
        seq = held.acts.state.seq
    return _told(seq, found, in_words(found))


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


@router.post("/promote", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_promote")])
@touches_store(patience=LONGEST_ACT)
def promote(info: TheModel, held: Fresh, user: User, body: Seen) -> Response:
    """End a rollout well before its tests do: its version is in use from now on, and answers all."""
    with held.lock:
        found = find_rollout(held.acts.refresh(), info.name, body.rollout)
        if not _is_done(found, PROMOTED, found.step, _person(user)):
            check_seen(found, body.step)
            held.acts.put_in_use(found.version, _person(user), body.why)
            found = held.acts.state.rollouts[found.id]
        seq = held.acts.state.seq
    return _told(seq, found, f"version {found.version} is in use")


def _hold(info: ModelInfo, held: HeldModel, user: Any, body: Seen, *, holds: bool) -> Response:
    with held.lock:
        found = find_rollout(held.acts.refresh(), info.name, body.rollout)
        check_seen(found, body.step)
        found = held.acts.hold_rollout(found.id, holds, _person(user), body.why)
        seq = held.acts.state.seq
    return _told(seq, found, f"rollout {found.id} is {'held' if holds else 'released'}; {in_words(found)}")


def _person(user: Any) -> Person:
    return Person(str(user.get_name()), "rest")


def _told(seq: int, found: Rollout, text: str) -> Response:
    return reply({"seq": seq, "rollout": rollout_views.rollout(found), "text": text})


def _is_done(found: Rollout, what: str, step: int, by: Person) -> bool:
    """Whether the last thing that was done to a rollout is this very act: its answer was lost, and it is told again."""
    last = found.last_act
    return last is not None and (last.what, last.step, last.by) == (what, step, by)


def in_words(found: Rollout) -> str:
    """Where a rollout stands: ``version 5 answers 25 % (step 1 of 0 to 2)``."""
    does = "is asked in the shadow of" if found.now.shadow else "answers"
    last = len(found.steps) - 1
    return f"version {found.version} {does} {100 * found.now.share:.3g} % (step {found.step} of 0 to {last})"


def check_seen(found: Rollout, step: int) -> None:
    """Demand that a rollout goes on, in the step that was on the page of who acts.

    Raises:
        Refused: it has moved or ended since; by whom, and when.
    """
    last = found.last_act
    by, when = (last.by, last.time) if last is not None else (found.by, found.begun)
    if not found.open:
        raise Refused(
            f"rollout {found.id} is over: {found.outcome.replace('_', ' ')} by {by}, {moment(when)}", by, when
        )
    if found.step != step:
        moved = next((each for each in reversed(found.acts) if each.what in ("begun", "step")), None)
        by, when = (moved.by, moved.time) if moved is not None else (by, when)
        raise Refused(f"not in step {step} any more: {in_words(found)} since {moment(when)}, by {by}", by, when)
