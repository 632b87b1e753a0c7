"""A model in a closed environment: its file is held to the deployment's lists, and so are the ways that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_airflow.closed import check_data_server, is_closed, policy

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.spec.errors import Problem
    from automl_core.storage.base import ObjectStore


def closed_model_problems(
    file: ModelFile, bundle: Path | None = None, path: Path | None = None, *, real: bool = False
) -> list[Problem]:
    """What the closed environment refuses of a model's file, without file and line; nothing where it is not closed.

    Args:
        file: the model's.
        bundle: folder of the DAG bundle that the file lies in.
        path: where it lies; None where only its text is known.
        real: whether to follow links of the file system.
    """
    if not is_closed(file):
        return []
    from automl_airflow.session import home
    from automl_core.models.file.closed import model_problems

    return model_problems(file, policy(), home=home(), bundle=bundle, path=path, real=real)


def check_closed_model(
    file: ModelFile, text: str, source: str, bundle: Path | None = None, path: Path | None = None
) -> None:
    """Refuse what the closed environment of this deployment refuses.

    Args:
        file: the model's.
        text: that it was read from.
        source: what to call that.
        bundle: folder of the DAG bundle that it lies in.
        path: where it lies; None where only its text is known.

    Raises:
        SpecError: with the lines of the file.
    """
    from automl_core.models.file import parse_model_document
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import locate

    refused = closed_model_problems(file, bundle, path)
    if refused:
        raise SpecError(locate(refused, parse_model_document(text, source)[1]))


def taken(file: ModelFile, bundle: Path | None, path: Path | None = None) -> None:
    """See that a closed environment takes a model's file, as a task of it begins: the worker has the last word.

    Follows links of the file system, and sees that connections lead to the servers that the lists name. Asks nobody.

    Args:
        file: the model's.
        bundle: folder of the DAG bundle that it lies in.
        path: where it lies; None where what lies beside it is not read.

    Raises:
        SpecError: it refuses something of the file.
        StorageError, BackendError: a connection leads to another server.
        AirflowNotFoundException: there is no such connection.
    """
    if not is_closed(file):
        return
    from automl_core.models.file.relations import named_places
    from automl_core.spec.errors import SpecError, format_path, in_file

    refused = closed_model_problems(file, bundle, path, real=True)
    if refused:
        raise SpecError(in_file(refused, str(path or f"the file of the model {file.name}")))
    lists = policy()
    for where, text in named_places(file):
        given = getattr(getattr(file, str(where[0])), str(where[1]))
        own = getattr(given, "connection", None)
        check_data_server(format_path(where), text, own, file.connection_for(text), lists)


def is_closed_result(store: ObjectStore, prefix: str) -> bool:
    """Whether a published result came of a run whose own file says ``closed: true``; one request.

    Args:
        store: the model storage path that it lies in.
        prefix: the run's folder, ending with '/'.

    Raises:
        StorageError: the store refuses or is away.
    """
    from automl_core.housekeeping.mark import first_record
    from automl_core.journal.records import BadRecord

    try:
        first = first_record(store, prefix)
    except BadRecord:  # nobody knows what it was, so nobody knows that it may leave
        return True
    return first is not None and bool((first.data.get("experiment") or {}).get("closed"))
