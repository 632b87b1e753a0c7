"""Where experiment files that come through the web view are kept: a folder that the deployment names.

Whoever can put a file there has its commands run on the workers. So there is no such folder unless
``[automl] experiments_folder`` (``AIRFLOW__AUTOML__EXPERIMENTS_FOLDER``) names one.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from airflow.configuration import conf
from fastapi import HTTPException

from automl_airflow.importer import EXTENSIONS, FOLDER

SETTING = "AIRFLOW__AUTOML__EXPERIMENTS_FOLDER"


def folder() -> Path | None:
    """The folder, None where the deployment names none."""
    named = conf.get("automl", "experiments_folder", fallback="")
    return Path(named).expanduser() if named else None


def why_not() -> str:
    """Why files can't be saved, empty where they can."""
    place = folder()
    if place is None:
        return f"this deployment has no folder for experiment files; its operator can name one with {SETTING}"
    if FOLDER not in place.parts:
        return f"{SETTING} names {place}, which is no folder named {FOLDER!r} or below one: Airflow would not read it"
    if not place.is_dir():
        return f"the folder {place} ({SETTING}) does not exist on the API server"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"the folder {place} ({SETTING}) can't be written to by the API server"
    return ""


def file_name(name: str) -> str:
    """Name of the file of an experiment."""
    return f"{name}.yaml"


def saved_at(name: str) -> float | None:
    """When an experiment's file was written last; seconds since 1970, None where there is none."""
    place = folder()
    try:
        return (place / file_name(name)).stat().st_mtime if place is not None and _is_plain(name) else None
    except OSError:
        return None


def save(name: str, text: str, *, replace: bool, known: str | None) -> tuple[str, bool]:
    """Write an experiment's file, whole or not at all.

    Args:
        name: of the experiment, as validated.
        text: the file.
        replace: overwrite the file that the experiment comes from.
        known: file of the DAG of that name, None where there is no such DAG.

    Returns:
        The file's name below the folder, and whether there was one.

    Raises:
        HTTPException: 409 there is a file or a DAG of that name, 403 the folder can't be written to.
    """
    place = folder()
    if place is None or not _is_plain(name):
        raise HTTPException(403, why_not() or f"{name!r} is no file name")
    path = place / file_name(name)
    beside = [path.with_suffix(ending) for ending in EXTENSIONS]
    there = path.exists() or path.is_symlink()
    if known is not None and Path(known).name not in {each.name for each in beside}:
        raise HTTPException(409, f"a DAG {name!r} comes from {known} already; choose another name")
    if (there or known is not None) and not replace:
        raise HTTPException(409, f"there is an experiment {name!r} already; replace it, or choose another name")
    if there and (path.is_symlink() or not path.is_file()):
        raise HTTPException(409, f"{path.name} is no plain file")
    if known is not None and not there:
        raise HTTPException(409, f"{name!r} comes from {known}, which is not in the folder for new files")
    temporary = place / f".{path.name}.{secrets.token_hex(8)}"
    try:
        temporary.write_text(text, encoding="utf-8")
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # who was faster keeps the name
    except FileExistsError:
        raise HTTPException(409, f"there is an experiment {name!r} already; choose another name") from None
    except OSError as error:
        raise HTTPException(403, f"{path} can't be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path.name, there


def _is_plain(name: str) -> bool:
    return not name.startswith((".", "_")) and "/" not in name and "\\" not in name and "\0" not in name
