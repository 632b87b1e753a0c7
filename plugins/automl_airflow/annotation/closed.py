"""An annotation project in a closed environment: its file is held to the deployment's lists, and so are its ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_airflow.closed import check_data_server, is_closed, policy

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.spec.errors import Problem


def closed_annotation_problems(
    file: AnnotationFile, bundle: Path | None = None, *, real: bool = False
) -> list[Problem]:  # fmt: skip
    """What the closed environment refuses of a project's file, without file and line; nothing where it is not closed.

    Args:
        file: the project's.
        bundle: folder of the DAG bundle that the file lies in.
        real: whether to follow links of the file system.
    """
    if not is_closed(file):
        return []
    from automl_airflow.session import home
    from automl_core.annotation.file.closed import annotation_problems

    return annotation_problems(file, policy(), home=home(), bundle=bundle, real=real)


def check_closed_annotation(file: AnnotationFile, text: str, source: str, bundle: Path | None = None) -> None:
    """Refuse what the closed environment of this deployment refuses.

    Args:
        file: the project's.
        text: that it was read from.
        source: what to call that.
        bundle: folder of the DAG bundle that it lies in.

    Raises:
        SpecError: with the lines of the file.
    """
    from automl_core.annotation.file import parse_annotation_document
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import locate

    refused = closed_annotation_problems(file, bundle)
    if refused:
        raise SpecError(locate(refused, parse_annotation_document(text, source)[1]))


def taken(file: AnnotationFile, bundle: Path | None, path: Path | None = None) -> None:
    """See that a closed environment takes a project's file, as a task of it begins: the worker has the last word.

    Follows links of the file system, and sees that connections lead to the servers that the lists name. Asks nobody.

    Args:
        file: the project's.
        bundle: folder of the DAG bundle that it lies in.
        path: where it lies.

    Raises:
        SpecError: it refuses something of the file.
        StorageError, BackendError: a connection leads to another server.
        AirflowNotFoundException: there is no such connection.
    """
    if not is_closed(file):
        return
    from automl_core.annotation.file.relations import named_places
    from automl_core.spec.errors import SpecError, format_path, in_file

    refused = closed_annotation_problems(file, bundle, real=True)
    if refused:
        raise SpecError(in_file(refused, str(path or f"the file of the annotation {file.name}")))
    lists = policy()
    for (where, text), data in zip(named_places(file), file.items.places, strict=True):
        own = getattr(data, "connection", None)
        check_data_server(format_path(where), text, own, file.connection_for(text), lists)
