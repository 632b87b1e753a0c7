"""Two files whose DAGs have one name: Airflow would show now the one, now the other, without a word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from automl_core.spec.bundles import FOLDERS, counts
from automl_core.spec.kinds import ANNOTATION, EXPERIMENT, MODEL, kind_in, noun_of

EXTENSIONS = (".yaml", ".yml")
"""Of files of experiments, models and annotation projects."""

DAGS = {MODEL: ("rollout", "score", "watch"), ANNOTATION: ("annotation",)}
"""Kind of file → what its DAGs are called, behind a name and a dot; an experiment's has its name alone."""

_NAME = re.compile(rb"^name:[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^\s#'\"][^\s#]*))", re.MULTILINE)
_MOST = 1 << 20  # bytes; a file may not be larger


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file states of itself.

    Attributes:
        kind: what it is about.
        name: its name.
    """

    kind: str
    name: str

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The DAGs that are made of it; of a model all that it may ever have."""
        return dag_ids(self.kind, self.name)

    def __str__(self) -> str:
        return f"the {noun_of(self.kind)} {self.name}"


def dag_ids(kind: str, name: str) -> tuple[str, ...]:
    """The ids of the DAGs of what a file is about: all that it may ever have.

    Args:
        kind: one of `automl_core.spec.kinds.KINDS`.
        name: that the file states.
    """
    whats = DAGS.get(kind)
    return (name,) if whats is None else tuple(f"{name}.{what}" for what in whats)


def stated(path: Path) -> Stated | None:
    """What a file states, found without reading it as YAML; None where it states no name or can't be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST)
    except OSError:
        return None
    match = _NAME.search(content)
    if match is None:
        return None
    name = next(group for group in match.groups() if group is not None)
    return Stated(kind_in(content), name.decode(errors="replace"))


def stated_name(path: Path) -> str | None:
    """The name that a file states, found without reading it as YAML; None where it states none or can't be read."""
    found = stated(path)
    return found.name if found is not None else None


def stated_kind(path: Path) -> str:
    """The kind that a file states, found without reading it as YAML; `EXPERIMENT` where it can't be read."""
    try:
        with path.open("rb") as file:
            return kind_in(file.read(_MOST))
    except OSError:
        return EXPERIMENT


def folder_of(path: Path, bundle: Path | None = None) -> Path:
    """The outermost folder named experiments (or automl) that a file lies in, else its own folder.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known: folders around the bundle don't count, and
            a git bundle has many versions of a file side by side there.
    """
    return next((parent for parent in reversed(path.parents) if counts(parent, bundle)), path.parent)


def experiment_files(folder: Path) -> list[Path]:
    """The files below a folder that count as files of experiments, models and annotation projects, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith((".", "_")) and path.is_file()
    )


def name_taken(path: Path, name: str, bundle: Path | None = None, kind: str = EXPERIMENT) -> Path | None:
    """The file before this one whose DAGs have a name that this one's DAGs have too, None where there is none.

    Files of the same folder `experiments` are looked at, and of the folder `automl` beside it. The first one in the
    order of their paths has the name.

    Args:
        path: of the file.
        name: that it states.
        bundle: root of the DAG bundle that it lies in, where that is known.
        kind: of the file.
    """
    path = path.absolute()
    folder = folder_of(path, bundle)
    if not counts(folder, bundle):  # nothing that Airflow would read
        return None
    own = set(dag_ids(kind, name))
    for other in _files_around(folder, bundle):
        if other == path:
            return None
        found = stated(other)
        if found is not None and not own.isdisjoint(found.dag_ids):
            return other
    return None


def _files_around(folder: Path, bundle: Path | None) -> list[Path]:
    """The files of a folder, and of those of the other names beside it."""
    beside = [folder.parent / name for name in FOLDERS]
    folders = [each for each in beside if each == folder or (counts(each, bundle) and each.is_dir())]
    return sorted(file for each in folders for file in experiment_files(each))


def taken_message(other: Path, path: Path, name: str, bundle: Path | None = None, kind: str = EXPERIMENT) -> str:
    """What to say of it."""
    folder = folder_of(path.absolute(), bundle)
    shown = other.relative_to(folder.parent) if other.is_relative_to(folder.parent) else other
    found = stated(other)
    if found is None or found.kind == kind:
        which = "model's DAGs have names of their" if kind == MODEL else f"{noun_of(kind)}'s DAG has a name of its"
        return f"{name!r} is the name of {shown} already, and each {which} own"
    if kind == EXPERIMENT:
        return (
            f"{name!r} is the name of a DAG of the {noun_of(found.kind)} {found.name} already ({shown}); choose "
            "another one"
        )
    return (
        f"{found.name!r} is the name of the {noun_of(found.kind)} in {shown}, and this {noun_of(kind)}'s DAG "
        "would be called so too"
    )
