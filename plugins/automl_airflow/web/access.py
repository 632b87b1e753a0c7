"""Who may do what: Airflow's own users and rights, and nothing that another site has a browser do.

Every route names a right through one of the dependencies below (`ACCESS` holds those there are); docs/security.md has
all that each route needs, and a test takes them away one by one. Reading needs what reading the DAG's runs needs in
Airflow; an act needs what the same act needs there. What has no counterpart in Airflow, writing a file whose commands
are run, needs a right of its own (`may_write_files`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Path, Request

from automl_airflow.compat.acts import action_logging
from automl_airflow.compat.metadata import team_of
from automl_airflow.compat.signed_in import GetUserDep, get_auth_manager, requires_access_dag
from automl_core.annotation.file import AnnotationFile
from automl_core.models.file.model import ROLLOUT, SCORE, ModelFile, dag_id
from automl_core.spec.models import Experiment

User = Annotated[BaseUser, GetUserDep.__metadata__[0]]
"""Whoever asks: by Airflow's session cookie or a bearer token; 401 where neither is good."""

HEADER = "X-AutoML-Request"
"""A browser sends it for a page of this origin only: a form or an image of another site can't."""

CAN_LOOK = requires_access_dag("GET")
CAN_READ = requires_access_dag("GET", DagAccessEntity.RUN)
CAN_EDIT_RUN = requires_access_dag("PUT", DagAccessEntity.RUN)
CAN_EDIT_TASKS = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)
CAN_START = requires_access_dag("POST", DagAccessEntity.RUN)

_NOBODYS = "AutoML: a right that nobody was ever given"


def can_save(user: User) -> None:
    """Demand the right to write some experiment file; the route looks at the DAG that the file names, and its team."""
    if not may_save(user, None, None):
        raise HTTPException(403, f"Forbidden: {NO_RIGHT_TO_SAVE}")


def can_try(user: User) -> None:
    """Demand the rights to write some experiment file and to run it; the route looks at the one that is tried."""
    if not may_try(user, None, None):
        raise HTTPException(403, f"Forbidden: {NO_RIGHT_TO_TRY}")


def can_delete_runs(user: User) -> None:
    """Demand the right to delete runs of some DAG; housekeeping looks at each experiment's."""
    if not may(user, "DELETE", DagAccessEntity.RUN, None):
        raise HTTPException(403, "Forbidden: cleaning up needs the right to delete DAG runs")


ModelName = Annotated[str, Path(description="Name of the model.", max_length=200)]


def rollout_of(model: str) -> str:
    """The DAG whose rights are a model's: the one that offers, evaluates and asks."""
    return dag_id(model, ROLLOUT)


def score_of(model: str) -> str:
    """The DAG that scores new data with a model."""
    return dag_id(model, SCORE)


def _of_model(method: str, entity: DagAccessEntity, dag_of: Callable[[str], str] = rollout_of) -> Callable[..., None]:
    """Demand a right on a DAG of the model that a path names: the path has no DAG's id in it."""

    def demanded(model: ModelName, user: User) -> None:
        if not may(user, method, entity, dag_of(model)):
            raise HTTPException(403, f"Forbidden: it needs the right {method} on {entity.name} of {dag_of(model)}")

    return demanded


CAN_READ_MODEL = _of_model("GET", DagAccessEntity.RUN)
CAN_OFFER = _of_model("POST", DagAccessEntity.RUN)
CAN_EDIT_MODEL = _of_model("PUT", DagAccessEntity.RUN)
CAN_ANSWER = _of_model("PUT", DagAccessEntity.HITL_DETAIL)
CAN_SCORE = _of_model("POST", DagAccessEntity.RUN, score_of)

AnnotationName = Annotated[str, Path(description="Name of the annotation project.", max_length=200)]

ANNOTATION_END = ".annotation"
"""What stands behind a project's name in the id of its DAG."""


def annotation_of(name: str) -> str:
    """The DAG whose rights are an annotation project's."""
    return f"{name}{ANNOTATION_END}"


def can_read_annotation(name: AnnotationName, user: User) -> None:
    """Demand the right to read the runs of the DAG of the annotation project that a path names."""
    if not may_read_annotation(user, name):
        raise HTTPException(403, f"Forbidden: it needs the right GET on RUN of {annotation_of(name)}")


ACCESS: frozenset[Any] = frozenset(
    {
        CAN_LOOK, CAN_READ, CAN_EDIT_RUN, CAN_EDIT_TASKS, CAN_START, can_save, can_try, can_delete_runs,
        CAN_READ_MODEL, CAN_OFFER, CAN_EDIT_MODEL, CAN_ANSWER, CAN_SCORE, can_read_annotation,
    }
)  # fmt: skip
"""Every dependency that demands a right."""

NO_RIGHT_TO_SAVE = (
    "saving an experiment file needs the rights to edit its DAG and to edit DAG code (in FAB `can_edit` on `DAG Code`; "
    "in Airflow's simple auth manager the role op), in the team of the folder"
)
NO_RIGHT_TO_TRY = f"trying a file needs the right to create runs of its DAG; {NO_RIGHT_TO_SAVE}"


NO_RIGHT_TO_DOWNLOAD = (
    "in a closed environment downloads, and rows of data in pages, need the right to edit task logs of the DAG (in FAB "
    "`can_edit` on `Task Logs`; in Airflow's simple auth manager the role op)"
)


def may_download(user: BaseUser, dag_id: str) -> bool:
    """Whether a user may take files out of a closed environment: models, data, logs, and rows of data in pages.

    The right is to edit task logs, which Airflow has no route for, so that nobody has it until somebody gives it; of
    managers without single rights see `may_write_files`.
    """
    return _was_given(user, DagAccessEntity.TASK_LOGS, dag_id, team_of(dag_id))


def may_write_files(user: BaseUser, dag_id: str | None, team: str | None) -> bool:
    """Whether a user may write what workers run: edit the code of a DAG.

    No route of Airflow's writes code, so no role of any auth manager has this right unless somebody gave it one. The
    simple auth manager has no rights but roles: whoever may edit a DAG may edit its code, and whoever may look has any
    right that a plugin thinks of (simple_auth_manager.py:354). That is how it is told, and there it takes, besides, who
    may create connections of that team, which is the least role whose holders can have workers run their own code.
    """
    return _was_given(user, DagAccessEntity.CODE, dag_id, team)


def _was_given(user: BaseUser, entity: DagAccessEntity, dag_id: str | None, team: str | None) -> bool:
    """Whether a user was given a right to edit something that Airflow itself never edits (see `may_write_files`)."""
    if not may(user, "PUT", entity, dag_id, team):
        return False
    manager = get_auth_manager()
    if not manager.is_authorized_custom_view(method="PUT", resource_name=_NOBODYS, user=user):
        return True
    details = ConnectionDetails(team_name=team)
    return bool(manager.is_authorized_connection(method="POST", details=details, user=user))


def may_save(user: BaseUser, dag_id: str | None, team: str | None) -> bool:
    """Whether a user may save the file of a DAG (of any where it is None).

    Args:
        user: who asks.
        dag_id: the experiment's name; its DAG need not be there yet.
        team: of the folder that the file is saved in, None where that is no team's.
    """
    return may(user, "PUT", None, dag_id, team) and may_write_files(user, dag_id, team)


def may_try(user: BaseUser, dag_id: str | None, team: str | None) -> bool:
    """Whether a user may do in two steps what a try does in one: save a file, and have its command run."""
    return may_save(user, dag_id, team) and may(user, "POST", DagAccessEntity.RUN, dag_id, team)


def may(
    user: BaseUser, method: Any, entity: DagAccessEntity | None, dag_id: str | None, team: str | None = None
) -> bool:
    """Whether Airflow's auth manager allows something of a DAG (of any where it is None).

    Args:
        user: who asks.
        method: GET, POST, PUT or DELETE.
        entity: what of the DAG; None for the DAG itself.
        dag_id: the DAG.
        team: one that the user must belong to besides the DAG's own: that of a folder whose DAG is yet to come.
    """
    teams = dict.fromkeys((team_of(dag_id) if dag_id else None, team))
    if len(teams) > 1:
        teams.pop(None, None)
    return all(
        get_auth_manager().is_authorized_dag(
            method=method, access_entity=entity, details=DagDetails(id=dag_id, team_name=each), user=user
        )
        for each in teams
    )


def check_sources(user: BaseUser, experiment: Experiment) -> None:
    """Demand the right to read what an experiment learns from: its best combinations come to stand in this one's pages.

    Raises:
        HTTPException: 403, it names the experiments.
    """
    transfer = experiment.search.transfer
    names = dict.fromkeys(each.partition("@")[0] for each in (transfer.experiments if transfer else ()))
    names.pop(experiment.name, None)
    hidden = [name for name in names if not may(user, "GET", DagAccessEntity.RUN, name)]
    if hidden:
        words = f"search.transfer names {', '.join(hidden)}, whose runs you have not the right to read"
        raise HTTPException(403, f"Forbidden: {words}")


def check_model_sources(user: BaseUser, file: ModelFile) -> None:
    """Demand the right to read what becomes a model's versions, and to start what the model's watch has trained.

    Raises:
        HTTPException: 403, it names the experiments.
    """
    hidden = [each.experiment for each in file.sources if not may(user, "GET", DagAccessEntity.RUN, each.experiment)]
    if hidden:
        words = f"candidates names {', '.join(hidden)}, whose runs you have not the right to read"
        raise HTTPException(403, f"Forbidden: {words}")
    if file.retrained is not None and not may(user, "POST", DagAccessEntity.RUN, file.retrained):
        words = f"watch.retrain starts runs of {file.retrained}, which you have not the right to"
        raise HTTPException(403, f"Forbidden: {words}")


def check_annotation_sources(user: BaseUser, file: AnnotationFile) -> None:
    """Demand the right to read the experiments that predict for a project, and to start what its rounds train.

    Raises:
        HTTPException: 403, it names the experiments.
    """
    names = list(dict.fromkeys(str(each.experiment) for each in file.experiments))
    for method, words in (("GET", "whose runs you have not the right to read"), ("POST", "which you may not start")):
        hidden = [name for name in names if not may(user, method, DagAccessEntity.RUN, name)]
        if hidden:
            raise HTTPException(403, f"Forbidden: models names {', '.join(hidden)}, {words}")


def may_read_model(user: BaseUser, model: str) -> bool:
    """Whether a user may read a model: the runs of the DAG that offers, evaluates and asks."""
    return may(user, "GET", DagAccessEntity.RUN, rollout_of(model))


def may_read_annotation(user: BaseUser, name: str) -> bool:
    """Whether a user may read an annotation project: the runs of its DAG."""
    return may(user, "GET", DagAccessEntity.RUN, annotation_of(name))


def may_offer(user: BaseUser, model: str) -> bool:
    """Whether a user may offer results to a model: start runs of that DAG."""
    return may(user, "POST", DagAccessEntity.RUN, rollout_of(model))


def may_act(user: BaseUser, dag_id: str) -> dict[str, bool]:
    """A user's rights on one experiment, by what they allow: what pages show as possible."""
    return {
        "edit": may(user, "PUT", DagAccessEntity.RUN, dag_id),
        "tasks": may(user, "PUT", DagAccessEntity.TASK_INSTANCE, dag_id),
        "start": may(user, "POST", DagAccessEntity.RUN, dag_id),
        "file": may_save(user, dag_id, team_of(dag_id)),
    }


def may_see_import_errors(user: BaseUser) -> bool:
    """Whether Airflow shows a user what is wrong with DAG files."""
    return bool(get_auth_manager().is_authorized_view(access_view=AccessView.IMPORT_ERRORS, user=user))


def readable(user: BaseUser) -> set[str]:
    """Ids of every DAG that a user may read."""
    return set(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def from_this_site(request: Request) -> None:
    """Refuse what another site has a browser do: acts bear a header of ours, are JSON, and come from this origin.

    Browsers send a cookie along with requests that any page makes them send, so a cookie alone proves no intent.
    """
    if request.headers.get(HEADER) != "1":
        raise HTTPException(403, f"the header {HEADER}: 1 is missing: acts are refused without it")
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise HTTPException(403, f"an act must come from Airflow's own pages; this one is {site}")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise HTTPException(403, "an act must come from Airflow's own pages; this one comes from another origin")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body of an act is application/json")


def _own_hosts(request: Request) -> set[str]:
    configured = urlsplit(conf.get("api", "base_url", fallback="") or "").netloc
    return {host for host in (request.headers.get("host"), configured) if host}


ACT = Depends(from_this_site)
"""Of every route that changes something."""


async def _names_rollout(request: Request, model: ModelName) -> None:
    """Have Airflow's audit log file an act on a model under its rollout's DAG: the path names none."""
    request.path_params["dag_id"] = rollout_of(model)


def logs_model_act(event: str) -> list[Any]:
    """Dependencies of a route that note an act on a model in Airflow's audit log, before it is done.

    Args:
        event: what it is called there.
    """
    return [Depends(_names_rollout), Depends(action_logging(event))]
