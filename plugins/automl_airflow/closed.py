"""The closed environment of this deployment: its lists, from Airflow's configuration, and whom they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.closed.policy import SECTION, Policy, read_policy

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.models.file import ModelFile
    from automl_core.spec.errors import Problem
    from automl_core.spec.models import Experiment
    from automl_core.storage.base import ObjectStore


def policy() -> Policy:
    """The deployment's lists as this process's configuration has them now."""
    from airflow.configuration import conf

    return read_policy(lambda option: conf.get(SECTION, option, fallback=""))


def is_closed(experiment: Experiment | ModelFile | AnnotationFile | None) -> bool:
    """Whether what a file is about, or with None whatever there is, runs in the closed environment.

    Args:
        experiment: as its file or its journal has it.
    """
    from airflow.configuration import conf

    if experiment is not None and experiment.closed:
        return True
    return bool((conf.get(SECTION, "closed", fallback="") or "").strip()) and policy().closed


def closed_problems(
    experiment: Experiment, bundle: Path | None = None, file: Path | None = None, *, real: bool = False
) -> list[Problem]:
    """What the closed environment refuses of an experiment, without file and line; nothing where it is not closed.

    Args:
        experiment: as it is to run.
        bundle: folder of the DAG bundle that its file lies in.
        file: its file; None where only its text is known.
        real: whether to follow links of the file system.
    """
    if not is_closed(experiment):
        return []
    from automl_airflow.session import home
    from automl_core.closed import experiment_problems
    from automl_core.templates.places import Places

    return experiment_problems(
        experiment, policy(), home=home(), bundle=bundle, file=file, real=real,
        templates=Places.of(file, bundle).folders,
    )  # fmt: skip


def check_store_place(storage: str, server: str | None, lists: Policy | None = None) -> None:
    """Make sure that a store, and the server that keeps it, are on the deployment's list.

    Args:
        storage: its URL.
        server: address of the server; None where that is not known (yet), and for a folder.
        lists: the deployment's, for the model storage path of an experiment that begins. Left out for whatever is
            opened in a closed deployment: a bucket of its list of data will do then, whose paths are looked at where an
            experiment begins.

    Raises:
        StorageError: they are not.
    """
    from automl_airflow.session import home
    from automl_core.closed.places import is_allowed, parse_place
    from automl_core.storage.base import StorageError

    if lists is None:
        if not is_closed(None):
            return
        lists, data = policy(), True
    else:
        data = False
    if lists.problems:
        raise StorageError(f"the lists of this closed environment can't be read: {lists.problems[0]}")
    try:
        place = parse_place(storage, home(), real=True)
    except ValueError as error:
        raise StorageError(f"storage: {error}") from None
    if data:
        near = [rule for rule in lists.data if rule.place.lies_in(place) or place.lies_in(rule.place)]
        if any(server is None or rule.is_at(server) for rule in near if rule.place.scheme in ("s3", "oss", "file")):
            return
    allowed = ", ".join(rule.text for rule in lists.stores) or "none"
    if not is_allowed(place, lists.stores):
        raise StorageError(f"the store {storage} is not on the list of this closed environment. Allowed: {allowed}")
    if server is not None and not is_allowed(place, lists.stores, server):
        raise StorageError(
            f"the store {storage} is at {_shown(server)}, and the list of this closed environment has it at "
            f"another server. Allowed: {allowed}"
        )


def check_opened(store: ObjectStore, storage: str, lists: Policy | None = None) -> None:
    """The same for a store that was opened, of which the server is known. Asks nobody anything.

    Raises:
        StorageError: it is not on the list.
    """
    from automl_core.storage.opening import server_of

    check_store_place(storage, server_of(store), lists)


def check_project(project: str, endpoint: str, tunnel: str | None, lists: Policy | None = None) -> None:
    """Make sure that a project of MaxCompute, and the servers by which it is reached, are on the list of data.

    Args:
        project: its name.
        endpoint, tunnel: addresses of the service and of its tunnel; None where the service names the tunnel.
        lists: the deployment's; read anew where they are left out, and looked at where the deployment is closed.

    Raises:
        BackendError: they are not.
    """
    from urllib.parse import urlsplit

    from automl_core.backends.base import BackendError
    from automl_core.closed.places import Place, is_allowed, is_tunnel_of_the_cloud

    if lists is None:
        if not is_closed(None):
            return
        lists = policy()
    if lists.problems:
        raise BackendError(f"the lists of this closed environment can't be read: {lists.problems[0]}")
    place = Place("odps", project.lower(), ())
    allowed = ", ".join(rule.text for rule in lists.data if rule.place.scheme == "odps") or "none"
    if not is_allowed(place, lists.data):
        raise BackendError(f"the project {project} is not on the list of this closed environment. Allowed: {allowed}")
    if not is_allowed(place, lists.data, endpoint):
        raise BackendError(
            f"the project {project} is at {_shown(endpoint)}, and the list of this closed environment has it at "
            f"another server. Allowed: {allowed}"
        )
    same = tunnel is None or urlsplit(tunnel).hostname == urlsplit(endpoint).hostname
    if not same and not is_tunnel_of_the_cloud(str(tunnel)):
        raise BackendError(f"the tunnel of the project {project} is at {_shown(str(tunnel))}, which is another server")


def check_servers(experiment: Experiment) -> None:
    """Of a closed experiment that begins: its connections lead to the servers that the lists name. Asks nobody.

    Raises:
        StorageError, BackendError: one leads elsewhere.
        AirflowNotFoundException: there is no such connection.
    """
    from automl_core.spec.maxcompute import MaxComputeTask
    from automl_core.spec.stages import task_places

    lists = policy()
    for _, task in task_places(experiment):
        if isinstance(task, MaxComputeTask):
            from automl_airflow.maxcompute.connection import access_of

            access = access_of(task.connection, task.project)
            check_project(access.project, access.endpoint, access.tunnel_endpoint, lists)
    for name, given in experiment.data.items():
        place, connection = (given, None) if isinstance(given, str) else (given.place, given.connection)
        own = experiment.output.connection if _same_scheme(place, experiment.output.storage) else None
        check_data_server(f"data.{name}", place, connection, own, lists)


def _same_scheme(place: str, storage: str) -> bool:
    return place.partition("://")[0] == storage.partition("://")[0]


def check_data_server(field: str, place: str, connection: str | None, own: str | None, lists: Policy) -> None:
    """Make sure that the way to a place of data leads to the server that the lists name. Asks nobody.

    Args:
        field: where the place stands in its file, for people.
        place: as the file has it.
        connection: that it names.
        own: connection of the file's own store, where that has the same scheme.
        lists: the deployment's.

    Raises:
        StorageError, BackendError: it leads elsewhere.
        AirflowNotFoundException: there is no such connection.
    """
    from automl_airflow import session
    from automl_core.closed.places import is_allowed, parse_place
    from automl_core.storage import open_store
    from automl_core.storage.base import StorageError
    from automl_core.storage.opening import server_of

    scheme, _, rest = place.partition("://")
    if scheme == "odps":
        from automl_airflow.maxcompute.connection import access_of
        from automl_core.backends.maxcompute.access import access_from_environment

        project = rest.partition("/")[0]
        way = access_of(connection, project) if connection is not None else access_from_environment()
        check_project(project, way.endpoint, way.tunnel_endpoint, lists)
    if scheme not in ("s3", "oss"):
        return
    bucket = f"{scheme}://{rest.partition('/')[0]}"
    server = server_of(open_store(bucket, session.credentials(connection or own)))
    known = parse_place(place.partition("${")[0].rpartition("/")[0] if "${" in place else place, session.home())
    if not is_allowed(known, lists.data, server):
        allowed = ", ".join(rule.text for rule in lists.data) or "none"
        raise StorageError(
            f"{field}: {bucket} is at {_shown(str(server))}, and the list of this closed environment has it at "
            f"another server. Allowed: {allowed}"
        )


def _shown(server: str) -> str:
    """A server's address without what may be a secret in it."""
    from automl_core.closed.places import server_of

    try:
        return server_of(server)
    except ValueError:
        return "an address that is none"
