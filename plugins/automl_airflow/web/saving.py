"""Where experiment files that come through the web view are kept: a folder that the deployment names.

Whoever can put a file there has its commands run on the workers. So there is no such folder unless
``[automl] experiments_folder`` (``AIRFLOW__AUTOML__EXPERIMENTS_FOLDER``) names one, and it is its DAG bundle's: no file
takes the place of one in another bundle, and who saves there must be of the bundle's team.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from airflow.configuration import conf
from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import ParseImportError
from automl_airflow.importer import EXTENSIONS, is_experiment_file
from automl_airflow.web.bundles import bundle_of, many_teams
from automl_core.spec.bundles import FOLDER
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import read_text
from automl_core.spec.yaml_reader import read_yaml
from automl_core.templates.places import Places

SETTING = "AIRFLOW__AUTOML__EXPERIMENTS_FOLDER"

Kind: TypeAlias = Literal["experiment", "model", "annotation"]

_A: dict[Kind, str] = {"experiment": "an experiment", "model": "a model", "annotation": "an annotation project"}


class Origin(NamedTuple):
    """The file that a DAG comes from: below its bundle, and the bundle's name."""

    file: str
    bundle: str | None


def folder() -> Path | None:
    """The folder, None where the deployment names none."""
    named = conf.get("automl", "experiments_folder", fallback="")
    return Path(named).expanduser() if named else None


def places() -> Places:
    """Where templates lie for the files of the folder."""
    place = folder()
    bundle = bundle_of(place) if place is not None else None
    if bundle is not None:
        return Places.of(bundle=bundle.path)
    return Places.of(place / file_name("x") if place is not None else None)


def why_not() -> str:
    """Why files can't be saved, empty where they can."""
    place = folder()
    if place is None:
        return f"this deployment has no folder for experiment files; its operator can name one with {SETTING}"
    if not _is_read(place):
        return f"{SETTING} names {place}, which is no folder named {FOLDER!r} or below one: Airflow would not read it"
    if not place.is_dir():
        return f"the folder {place} ({SETTING}) does not exist on the API server"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"the folder {place} ({SETTING}) can't be written to by the API server"
    if many_teams() and bundle_of(place) is None:
        return (
            f"the folder {place} ({SETTING}) lies in no local bundle of [dag_processor] dag_bundle_config_list, so "
            "nobody can tell whose it is ([core] multi_team)"
        )
    return ""


def _is_read(place: Path) -> bool:
    """Whether Airflow reads experiment files of a folder: by the importer's own word, below its bundle's root."""
    bundle = bundle_of(place)
    if bundle is None:
        return is_experiment_file(place / file_name("x"))
    if place.is_relative_to(bundle.path):
        return is_experiment_file(place / file_name("x"), bundle.path)
    return is_experiment_file(place.resolve() / file_name("x"), bundle.path.resolve())


def team() -> str | None:
    """The team whose files lie in the folder; None where they are everybody's."""
    place = folder()
    bundle = bundle_of(place) if place is not None else None
    return bundle.team if bundle is not None else None


def file_name(name: str, kind: Kind = "experiment") -> str:
    """Name of the file of an experiment, a model or an annotation project."""
    return f"{name}.yaml" if kind == "experiment" else f"{name}.{kind}.yaml"


def _is_there(path: Path, known: Origin) -> bool:
    """Whether a path of the folder is the file that a DAG comes from: a like name in another bundle is another file."""
    bundle = bundle_of(path.parent)
    if bundle is None:
        return path.as_posix().endswith(f"/{known.file.lstrip('/')}")
    below = path.parent.resolve() / path.name
    return known.bundle == bundle.name and bundle.path.resolve() / known.file.lstrip("/") == below


def file_of(name: str, known: Origin | None, kind: Kind = "experiment") -> Path | None:
    """Where an experiment is kept in the folder: the file that its DAG comes from, else one of its name.

    Args:
        name: of the experiment, the model or the project.
        known: where the DAG of that name comes from; None where there is no such DAG.
        kind: what the file is.
    """
    place = folder()
    if place is None:
        return None
    if known is not None:
        path = place / Path(known.file).name
        if _is_there(path, known) and _stated_name(path) == name:
            return path
    return place / file_name(name, kind) if _is_plain(name) else None


def _stated_name(path: Path) -> str | None:
    """The name that an experiment file states, however wrong the rest of it is."""
    if path.suffix not in EXTENSIONS or path.is_symlink() or not path.is_file():
        return None
    try:
        data = read_yaml(read_text(path), path.name).data
    except SpecError:
        return None
    return str(data.get("name")) if isinstance(data, dict) else None


def saved_at(name: str, known: Origin | None, kind: Kind = "experiment") -> float | None:
    """When an experiment's file was written last; seconds since 1970, None where there is none. See `file_of`."""
    path = file_of(name, known, kind)
    try:
        return path.stat().st_mtime if path is not None else None
    except OSError:
        return None


def import_error_since(
    session: Session, name: str, known: Origin | None, saved: float, kind: Kind = "experiment"
) -> str | None:  # fmt: skip
    """What Airflow found wrong with an experiment's file as it was saved last; None where nothing, or not read yet.

    An error from before is of what the file was then: Airflow takes it back when it reads the file again.
    """
    path = file_of(name, known, kind)
    if path is None:
        return None
    alike = ParseImportError.filename.endswith(path.name, autoescape=True)
    for error in session.scalars(select(ParseImportError).where(alike)):
        same = _is_there(path, Origin(error.filename or "", error.bundle_name))
        if same and error.timestamp is not None and error.timestamp.timestamp() >= saved:
            return error.stacktrace or ""
    return None


def save(
    name: str, text: str, *, replace: bool, known: Origin | None, kind: Kind = "experiment"
) -> tuple[str, bool]:  # fmt: skip
    """Write a file, whole or not at all.

    Args:
        name: that the file states, as validated.
        text: the file.
        replace: overwrite the file that it comes from.
        known: where the DAG of that name comes from, None where there is no such DAG.
        kind: what the file is.

    Returns:
        The file's name below the folder, and whether there was one.

    Raises:
        HTTPException: 409 there is a file or a DAG of that name, 403 the folder can't be written to.
    """
    place, path = folder(), file_of(name, known, kind)
    if place is None or path is None:
        raise HTTPException(403, why_not() or f"{name!r} is no file name")
    beside = [path.with_suffix(ending) for ending in EXTENSIONS]
    there = path.exists() or path.is_symlink()
    if known is not None and not any(_is_there(each, known) for each in beside):
        where = f"{known.file} (bundle {known.bundle})" if known.bundle else known.file
        raise HTTPException(409, f"a DAG {name!r} comes from {where} already; choose another name")
    if (there or known is not None) and not replace:
        raise HTTPException(409, f"there is {_A[kind]} {name!r} already; replace it, or choose another name")
    if there and (path.is_symlink() or not path.is_file()):
        raise HTTPException(409, f"{path.name} is no plain file")
    if known is not None and not there:
        raise HTTPException(409, f"{name!r} comes from {known.file}, which is not in the folder for new files")
    temporary = place / f".{path.name}.{secrets.token_hex(8)}"
    try:
        temporary.write_text(text, encoding="utf-8")
        if replace:
            temporary.replace(path)
        else:
            _put_new(temporary, path, text)
    except FileExistsError:
        raise HTTPException(409, f"there is {_A[kind]} {name!r} already; choose another name") from None
    except OSError as error:
        raise HTTPException(403, f"{path} can't be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path.name, there


def _put_new(temporary: Path, path: Path, text: str) -> None:
    """Give a file its name; who was faster keeps it."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        with path.open("x", encoding="utf-8") as file:  # file systems of some buckets and shares have no links
            file.write(text)


def _is_plain(name: str) -> bool:
    return not name.startswith((".", "_")) and "/" not in name and "\\" not in name and "\0" not in name
