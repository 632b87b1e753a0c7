"""What can be done to a model and its versions as they stand, by whom, and why not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.closed import is_closed
from automl_airflow.compat.metadata import DagCode, team_of
from automl_airflow.models.people import BadUserIds, user_ids
from automl_airflow.web.access import may, may_save, rollout_of, score_of
from automl_airflow.web.model_catalog import ModelInfo
from automl_core.models.file import ModelFile, parse_model_document
from automl_core.models.file.accept import ANYBODY, NOBODY
from automl_core.models.life import Life, Rollout, Version, VersionState
from automl_core.spec.errors import SpecError

log = logging.getLogger(__name__)

ROLE = "role:"
"""What stands before the name of a role in ``accept.by``."""

GONE = "its file is gone, so Airflow has nothing to run"

_NO_RIGHT = "you have not the right to"

ACTS = (
    "offer", "evaluate", "accept", "reject", "step", "hold", "release", "promote", "take_back", "retire", "retrain",
    "score",
)  # fmt: skip

S = VersionState


def file_text(session: Session, info: ModelInfo) -> str | None:
    """The text of a model's file as Airflow has read it last."""
    return session.scalar(
        select(DagCode.source_code)
        .where(DagCode.dag_id == rollout_of(info.name))
        .order_by(DagCode.last_updated.desc())
        .limit(1)
    )


def model_file_of(info: ModelInfo, text: str | None) -> ModelFile | None:
    """The model's file as Airflow has read it last; None where it can't be read as one (any more)."""
    if text is None:
        return None
    with suppress(SpecError):  # its import error says so
        return parse_model_document(text, info.file or info.name)[0]
    return None


def accepted_by(file: ModelFile | None, document: Mapping[str, Any]) -> Sequence[str]:
    """Who may accept: names and roles, or `ANYBODY` or `NOBODY` alone. By the file; else as the journal has it last."""
    if file is not None:
        by: Any = file.accept.by
    else:
        by = (document.get("accept") or {}).get("by", NOBODY)  # a file that can't be read lets nobody in
    return [by] if isinstance(by, str) else [str(each) for each in by]


def is_closed_model(file: ModelFile | None, document: Mapping[str, Any]) -> bool:
    """Whether a model's data must not leave: by its file, by what its journal has, or by the whole deployment."""
    return bool((file is not None and file.closed) or document.get("closed")) or is_closed(None)


def roles_of(user: BaseUser) -> set[str]:
    """The roles of a user, as far as the auth manager's users tell them, in small letters.

    The simple auth manager's have one ``role``; FAB's have ``roles`` with names. Others tell none.
    """
    one, several = getattr(user, "role", None), getattr(user, "roles", None)
    found = [one] if isinstance(one, str) else []
    if isinstance(several, list | tuple | set | frozenset):
        found += [each if isinstance(each, str) else str(getattr(each, "name", "")) for each in several]
    return {each.casefold() for each in found if each}


def role_of(user: BaseUser, by: Sequence[str]) -> str | None:
    """The entry ``role:NAME`` of ``accept.by`` that a user is one of; None where there is none."""
    mine = roles_of(user)
    return next((each for each in by if each.startswith(ROLE) and each.removeprefix(ROLE).casefold() in mine), None)


def is_named(user: BaseUser, by: Sequence[str]) -> bool:
    """Whether ``accept.by`` names a user: by the id that ``[automl] user_ids`` gives the name, else by name.

    Where an id is given the name alone is not enough, as it isn't on Airflow's own page: people may choose theirs.

    Raises:
        BadUserIds: the setting can't be read.
    """
    ids, name, number = user_ids(), str(user.get_name()), str(user.get_id())
    return any(ids[each] == number if each in ids else each == name for each in by)


def why_not_answer(user: BaseUser, by: Sequence[str]) -> str:
    """Why a user is none of those who may accept; empty where it is one of them."""
    if NOBODY in by:
        return "accept.by says nobody: the conditions of the file alone decide"
    if ANYBODY in by:
        return ""
    try:
        if is_named(user, by) or role_of(user, by) is not None:
            return ""
    except BadUserIds as error:
        log.error("nobody who is named can accept: %s", error)
        return "[automl] user_ids of this deployment can't be read, so nobody knows who is meant; its log has more"
    return f"accept.by of the model's file names {', '.join(by)}"


def as_asked(user: BaseUser, by: Sequence[str]) -> BaseUser:
    """A user as Airflow's approval has to see them: it knows ids and no roles, so a role stands there as an id.

    Nobody has such an id, so nobody answers for a role on Airflow's own page, where roles can't be looked at.
    """
    role = role_of(user, by)
    return user if role is None or is_named(user, by) else cast(BaseUser, _OfRole(user, role))


class _OfRole:
    """A user whose id is that of a role; the same user in all else."""

    def __init__(self, user: BaseUser, role: str) -> None:
        self._user, self._role = user, role

    def get_id(self) -> str:
        return self._role

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user, name)


def standing(
    user: BaseUser, info: ModelInfo, file: ModelFile | None, document: Mapping[str, Any]
) -> tuple[dict[str, bool], dict[str, str]]:
    """Acts → whether this user may do them, whatever the version; for those that they may not, why.

    Args:
        user: who asks.
        info: the model.
        file: its file, where it can be read.
        document: its file as the journal has it.
    """
    rollout, score = rollout_of(info.name), score_of(info.name)
    why_not: dict[str, str] = {}

    def deny(acts: str, reason: str) -> None:
        for act in acts.split():
            if reason:
                why_not.setdefault(act, reason)

    if info.gone:
        deny("offer evaluate retrain score", GONE)
    start = may(user, "POST", DagAccessEntity.RUN, rollout)
    deny("offer retrain evaluate", "" if start else f"{_NO_RIGHT} start runs of {rollout}")
    edit = may(user, "PUT", DagAccessEntity.RUN, rollout)
    deny("take_back retire step hold release promote", "" if edit else f"{_NO_RIGHT} edit runs of {rollout}")
    answer = may(user, "PUT", DagAccessEntity.HITL_DETAIL, rollout)
    deny("accept reject", "" if answer else f"{_NO_RIGHT} answer what {rollout} asks")
    deny("accept reject", why_not_answer(user, accepted_by(file, document)))
    deny("score", "" if "score" in info.dags else "its file has no deploy: to: batch")
    deny("score", "" if may(user, "POST", DagAccessEntity.RUN, score) else f"{_NO_RIGHT} start runs of {score}")
    trains = file is not None and (file.retrained or file.sources)
    deny("retrain", "" if trains else "its file can't be read, so nobody knows which experiment trains it")
    can = {act: act not in why_not for act in ACTS}
    can["edit_file"] = not info.gone and may_save(user, rollout, team_of(rollout))
    return can, why_not


def version_standing(
    life: Life, version: Version, now: float, can: Mapping[str, bool], why_not: Mapping[str, str]
) -> tuple[dict[str, bool], dict[str, str]]:
    """The same for one version as it stands: the state forbids some, whoever asks."""
    state, reasons = version.state, dict(why_not)

    def deny(act: str, reason: str) -> None:
        if reason:
            reasons.setdefault(act, reason)

    decided = version.decision
    newest = version.newest
    if newest is None:
        waits = "it was not evaluated yet"
    elif decided is not None:
        waits = f"it is {decided.what} by {decided.by.name} already"
    elif state not in (S.EVALUATED, S.ASKED):
        waits = f"it is {state.lower().replace('_', ' ')}, and waits for no answer"
    elif state is S.ASKED and version.asked is not None and version.asked.until < now:
        waits = "the time to answer is over: evaluate it again"
    else:
        waits = ""
    deny("reject", waits)
    if not waits and newest is not None and newest.champion != life.champion:
        today = f"version {life.champion}" if life.champion is not None else "none"
        waits = f"its evidence compares with another champion than today's ({today}): evaluate it again"
    deny("accept", waits)
    gone = "its files were removed" if version.removed is not None else ""
    deny("evaluate", gone or ("it is retired" if state is S.RETIRED else ""))
    deny("evaluate", "it is in use: the watch evaluates it" if state is S.IN_USE else "")
    deny("evaluate", "it is rolled out: its rollout is what tests it now" if state is S.ROLLING_OUT else "")
    answers = state in (S.IN_USE, S.ROLLING_OUT)
    deny("take_back", "" if answers else "it is not in use")
    deny("retire", f"it is {state.lower().replace('_', ' ')}: take it back first" if answers else "")
    deny("retire", "it is retired" if state is S.RETIRED else "")
    acts = ("evaluate", "accept", "reject", "take_back", "retire")
    return {act: act not in reasons for act in acts}, {act: why for act, why in reasons.items() if act in acts}


def rollout_standing(
    rollout: Rollout, can: Mapping[str, bool], why_not: Mapping[str, str]
) -> tuple[dict[str, bool], dict[str, str]]:
    """The same for a rollout as it stands."""
    reasons = dict(why_not)

    def deny(act: str, reason: str) -> None:
        if reason:
            reasons.setdefault(act, reason)

    acts = ("step", "hold", "release", "promote", "take_back")
    over = rollout.ended is not None
    for act in acts:
        deny(act, f"rollout {rollout.id} has ended" if over else "")
    deny("step", "it has one step alone" if len(rollout.steps) == 1 else "")
    deny("hold", "it is held already" if rollout.held else "")
    deny("release", "" if rollout.held else "it is not held")
    return {act: act not in reasons for act in acts}, {act: why for act, why in reasons.items() if act in acts}
