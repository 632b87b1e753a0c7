"""Who is asked, in the words of Airflow's auth manager, and whose answer it is.

`accept.by` names users. Airflow compares ids (api_fastapi/core_api/routes/public/hitl.py, 3.3.2): with the simple auth
manager a user's name is the id, with FAB the id is a number, with Keycloak a UUID. A deployment whose ids are others
than its names says which is whose: ``[automl] user_ids = {"anna": "7"}``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

log = logging.getLogger(__name__)

SECTION, OPTION = "automl", "user_ids"


class Asked(TypedDict):
    """A user who is asked, as Airflow's approvals take them."""

    id: str
    name: str


class BadUserIds(ValueError):
    """``[automl] user_ids`` is not an object of names and ids."""


def user_ids() -> dict[str, str]:
    """Name of a user → id in Airflow's auth manager, for those whose id is not their name.

    Raises:
        BadUserIds: the setting is not JSON of that kind.
    """
    from airflow.configuration import conf

    text = conf.get(SECTION, OPTION, fallback="") or "{}"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadUserIds(f"[{SECTION}] {OPTION} is not JSON ({error}); wanted: " + '{"anna": "7"}') from None
    if not isinstance(found, dict) or not all(isinstance(each, str | int) for each in found.values()):
        raise BadUserIds(f"[{SECTION}] {OPTION}: found {text[:100]}; wanted: " + '{"anna": "7"}, a name and an id each')
    return {str(name): str(number) for name, number in found.items()}


def assigned(people: Sequence[str]) -> list[Asked] | None:
    """Those who are asked, as Airflow's approvals take them; None where anybody with the right may answer.

    Args:
        people: names, as ``accept.by`` has them.
    """
    if not people:
        return None
    known = user_ids()
    return [Asked(id=known.get(name, name), name=name) for name in people]


def name_of(user: Mapping[str, Any] | None, people: Sequence[str]) -> str:
    """What to call the user who answered: as the file does, where it names them.

    Args:
        user: as Airflow tells (id, name); None where it doesn't.
        people: names, as ``accept.by`` has them.
    """
    if not user:
        return "somebody"
    number, name = str(user.get("id") or ""), str(user.get("name") or "")
    known = {number: given for given, number in user_ids().items()}
    called = known.get(number)
    return called if called is not None and called in people else (name or number or "somebody")
