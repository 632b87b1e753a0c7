"""The closed environment of this deployment: its lists, from Airflow's configuration, and whom they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.closed.policy import SECTION, Policy, read_policy

if TYPE_CHECKING:
    from automl_core.spec.errors import Problem
    from automl_core.spec.models import Experiment
    from automl_core.storage.base import ObjectStore


def policy() -> Policy:
    """The deployment's lists as this process's configuration has them now."""
    from airflow.configuration import conf

    return read_policy(lambda option: conf.get(SECTION, option, fallback=""))


def is_closed(experiment: Experiment | None) -> bool:
    """Whether an experiment, or with None whatever there is, runs in the closed environment.

    Args:
        experiment: as its file or its journal has it.
    """
    from airflow.configuration import conf

    if experiment is not None and experiment.closed:
        return True
    return bool((conf.get(SECTION, "closed", fallback="") or "").strip()) and policy().closed


def closed_problems(experiment: Experiment, bundle: Path | None = None, *, real: bool = False) -> list[Problem]:
    """What the closed environment refuses of an experiment, without file and line; nothing where it is not closed.

    Args:
        experiment: as it is to run.
        bundle: folder of the DAG bundle that its file lies in.
        real: whether to follow links of the file system.
    """
    if not is_closed(experiment):
        return []
    from automl_airflow.session import home
    from automl_core.closed import experiment_problems

    return experiment_problems(experiment, policy(), home=home(), bundle=bundle, real=real)


def check_store_place(storage: str, server: str | None, lists: Policy | None = None) -> None:
    """Make sure that a store, and the server that keeps it, are on the deployment's list.

    Args:
        storage: its URL.
        server: address of the server; None where that is not known (yet), and for a folder.
        lists: the deployment's; read anew where they are left out, and looked at where the deployment is closed.

    Raises:
        StorageError: they are not.
    """
    from automl_airflow.session import home
    from automl_core.closed.places import is_allowed, parse_place
    from automl_core.storage.base import StorageError

    if lists is None:
        if not is_closed(None):
            return
        lists = policy()
    if lists.problems:
        raise StorageError(f"the lists of this closed environment can't be read: {lists.problems[0]}")
    try:
        place = parse_place(storage, home(), real=True)
    except ValueError as error:
        raise StorageError(f"storage: {error}") from None
    allowed = ", ".join(rule.text for rule in lists.stores) or "none"
    if not is_allowed(place, lists.stores):
        raise StorageError(f"the store {storage} is not on the list of this closed environment. Allowed: {allowed}")
    if server is not None and not is_allowed(place, lists.stores, server):
        raise StorageError(
            f"the store {storage} is at {_shown(server)}, and the list of this closed environment has it at another "
            f"server. Allowed: {allowed}"
        )


def check_opened(store: ObjectStore, storage: str, lists: Policy | None = None) -> None:
    """The same for a store that was opened, of which the server is known. Asks nobody anything.

    Raises:
        StorageError: it is not on the list.
    """
    from automl_core.storage.opening import server_of

    check_store_place(storage, server_of(store), lists)


def _shown(server: str) -> str:
    """A server's address without what may be a secret in it."""
    from automl_core.closed.places import server_of

    try:
        return server_of(server)
    except ValueError:
        return "an address that is none"
