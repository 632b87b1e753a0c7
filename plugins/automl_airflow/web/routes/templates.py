"""Templates to begin an experiment from: what there is, what one wants, and the file that it makes of what is given."""

from __future__ import annotations

import logging
import re
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from automl_airflow.web import saving
from automl_airflow.web.access import ACT, CAN_LOOK, User, may, may_see_import_errors
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.checking import checked
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.start import MAX_TEXT
from automl_core.spec.template import TEMPLATE_NAME
from automl_core.templates.describing import describe, listed
from automl_core.templates.places import Different, Places, Reference
from automl_core.templates.version import Template, read_template
from automl_core.templates.writing import NewExperiment, experiment_text

log = logging.getLogger(__name__)

Name = Annotated[str, Path(max_length=100, description="Name of the template.")]
Version = Annotated[int | None, Query(ge=1, description="The latest one when left out.")]
Text = Annotated[str, Field(max_length=2000)]

MOST_GIVEN = 10_000
"""Keys and values of a draft in all: whether each text needs quotes is asked of the reader of YAML."""

DEEPEST = 32
"""Lists and mappings in one another; a file may have 64, with what stands around them."""


def _places(user: BaseUser) -> Places:
    """Where templates lie for new files; in multi-team mode for members of the folder's team alone."""
    if not may(user, "GET", None, None, saving.team()):
        raise HTTPException(403, "Forbidden: the templates are those of another team")
    return saving.places()


router = APIRouter(route_class=AsideRoute, dependencies=[Depends(CAN_LOOK)], tags=["start"])


class Draft(BaseModel):
    """What somebody wants of a template."""

    model_config = ConfigDict(extra="forbid")
    version: int | None = Field(None, ge=1, description="The latest one when left out.")
    name: str = Field(max_length=250, description="Of the experiment.")
    data: dict[Text, Text] = Field(default_factory=dict, max_length=100, description="Data set → its place.")
    columns: dict[Text, Text | Annotated[list[Text], Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=100, description="What it is for → the column, or a list of them."
    )
    trials: dict[str, Any] = Field(default_factory=dict, max_length=20, description="As in an experiment file.")
    stop: dict[str, Any] = Field(default_factory=dict, max_length=20, description="As in an experiment file.")
    add: list[Text] = Field(default_factory=list, max_length=1000, description="Parameters that are searched as well.")
    remove: list[Text] = Field(default_factory=list, max_length=1000, description="Parameters that are not searched.")
    values: dict[Text, Any] = Field(default_factory=dict, max_length=1000, description="Parameter → its value.")
    trial_seconds: float | None = Field(None, gt=0, description="Of one trial, for a forecast of time and cost.")


@router.get("/templates")
def get_templates(user: User) -> Response:
    """Every template that a new experiment may name, with its newest version; and what can't be read of them."""
    found, errors = listed(_places(user))
    problems = [str(error) for error in errors] if may_see_import_errors(user) else []
    return reply({"templates": [_without_folder(each) for each in found], "unreadable": len(errors),
                  "problems": problems})  # fmt: skip


@router.get("/templates/{name:path}")
def get_template(user: User, name: Name, version: Version = None) -> Response:
    """One version: what it needs, its parameters, goal, limits and training tasks."""
    places = _places(user)
    return reply(_without_folder(describe(_read(places, name, version), places)))


@router.post("/templates/{name:path}/draft", dependencies=[ACT])
def draft(user: User, name: Name, body: Draft) -> Response:
    """The experiment file for what is wanted, and all that `POST /validate` says of it. Nothing is saved."""
    _check_size(body)
    template = _read(_places(user), name, body.version)
    wanted = NewExperiment(
        name=body.name, data=body.data, columns=body.columns, trials=body.trials, stop=body.stop,
        add=tuple(body.add), remove=tuple(body.remove), values=body.values,
    )  # fmt: skip
    text = experiment_text(template, wanted)
    if len(text) > MAX_TEXT:
        raise HTTPException(422, f"the file would have {len(text):,} characters; at most {MAX_TEXT:,} are taken")
    return reply({"text": text, **checked(user, text, body.trial_seconds)})


def _check_size(body: Draft) -> None:
    """Refuse what costs too much to be written down: whoever may look can ask for it.

    Raises:
        HTTPException: 422, there is more of it than `MOST_GIVEN`, longer or deeper than a file may be.
    """
    count = 0
    for field in ("data", "columns", "trials", "stop", "values"):
        pending: list[tuple[Any, int]] = [(getattr(body, field), 0)]
        while pending:
            value, depth = pending.pop()
            count += 1
            if isinstance(value, str) and len(value) > MAX_TEXT:
                raise HTTPException(
                    422, f"{field}: a text of {len(value):,} characters; at most {MAX_TEXT:,} are taken"
                )
            if depth > DEEPEST:
                raise HTTPException(422, f"{field}: lists and mappings are nested more than {DEEPEST} deep")
            if isinstance(value, dict):
                pending += [(each, depth + 1) for pair in value.items() for each in pair]
            elif isinstance(value, list):
                pending += [(each, depth + 1) for each in value]
            if count + len(pending) > MOST_GIVEN:
                raise HTTPException(422, f"{field}: more than {MOST_GIVEN:,} keys and values are given in all")


def _read(places: Places, name: str, version: int | None) -> Template:
    """A version by its name.

    Raises:
        HTTPException: 404, there is none; 409, two folders have different ones of that name.
        SpecError: it is not what it should be.
    """
    if not re.fullmatch(TEMPLATE_NAME, name) or name not in places.names():
        raise HTTPException(404, f"there is no template {name!r}; there are {', '.join(places.names()) or 'none'}")
    versions = places.versions(name)
    if version is not None and version not in versions:
        raise HTTPException(404, f"{name} has no version {version}; it has {', '.join(map(str, versions))}")
    reference = Reference(name, version if version is not None else versions[-1])
    try:
        return read_template(places.find(reference))
    except Different as error:
        log.warning("%s", error)  # it names folders of the server
        words = f"two folders of the server have {reference.label}, and they differ; its log names them"
        raise HTTPException(409, words) from None


def _without_folder(found: dict[str, Any]) -> dict[str, Any]:
    """Where it lies on the server is nobody's business."""
    return {key: value for key, value in found.items() if key != "folder"}
