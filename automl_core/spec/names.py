"""Two experiment files of one name: Airflow would show now the one, now the other, without a word."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = "experiments"
"""Experiment files are read below a folder of this name."""

EXTENSIONS = (".yaml", ".yml")
"""Of experiment files."""

_NAME = re.compile(rb"^name:[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^\s#'\"][^\s#]*))", re.MULTILINE)
_HEAD = 4_096  # bytes at a file's start in which its name nearly always stands


def stated_name(path: Path) -> str | None:
    """The name that a file states, found without reading it as YAML; None where it states none or can't be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            match = _NAME.search(head)
            if match is None or match.end() == len(head):  # not there, or cut
                match = _NAME.search(head + file.read(1 << 20))
    except OSError:
        return None
    return next(group for group in match.groups() if group is not None).decode(errors="replace") if match else None


def folder_of(path: Path, bundle: Path | None = None) -> Path:
    """The outermost folder named experiments that a file lies in, else its own folder.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known: folders around the bundle don't count, and
            a git bundle has many versions of a file side by side there.
    """
    for parent in reversed(path.parents):
        if parent.name == FOLDER and (bundle is None or parent == bundle or parent.is_relative_to(bundle)):
            return parent
    return path.parent


def experiment_files(folder: Path) -> list[Path]:
    """The files below a folder that count as experiment files, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith((".", "_")) and path.is_file()
    )


def name_taken(path: Path, name: str, bundle: Path | None = None) -> Path | None:
    """The file of the same `experiments` folder that has a name before this one, None where there is none.

    The first one in the order of their paths has it.
    """
    path = path.absolute()
    folder = folder_of(path, bundle)
    if folder.name != FOLDER:  # nothing that Airflow would read
        return None
    for other in experiment_files(folder):
        if other == path:
            return None
        if stated_name(other) == name:
            return other
    return None


def taken_message(other: Path, path: Path, name: str, bundle: Path | None = None) -> str:
    """What to say of it."""
    folder = folder_of(path.absolute(), bundle)
    shown = other.relative_to(folder.parent) if other.is_relative_to(folder.parent) else other
    return f"{name!r} is the name of {shown} already, and each experiment's DAG has a name of its own"
