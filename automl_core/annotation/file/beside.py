"""What lies beside an annotation project's file: the experiments that it trains."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.errors import Problem, SpecError, did_you_mean
from automl_core.spec.kinds import EXPERIMENT
from automl_core.spec.loader import read_text
from automl_core.spec.names import experiment_files, folder_of, stated
from automl_core.spec.places import BadPlace, parse_place
from automl_core.spec.values import filled_place
from automl_core.spec.yaml_reader import read_yaml


def warnings_beside(file: AnnotationFile, path: Path, bundle: Path | None = None) -> Iterator[Problem]:
    """What of its experiments may be a slip: none of that name here, or one that learns from other data.

    Args:
        file: the project's.
        path: where that lies.
        bundle: root of the DAG bundle that it lies in, where that is known.
    """
    known = _experiments(path, bundle)
    for index, each in enumerate(file.models):
        if each.experiment is None:
            continue
        where = ("models", index, "experiment")
        found = known.get(each.experiment)
        if found is None:
            guess = did_you_mean(each.experiment, known)
            yield Problem(
                f"no file of the experiment {each.experiment} is in this folder", where, found=each.experiment,
                suggestion=guess, severity="warning" if guess else "note",
            )  # fmt: skip
        elif not any(_same(text, file.newest) for text in _data_of(found)):
            yield Problem(
                f"{found.name} doesn't read what people label here, so it would never learn from it", where,
                found=each.experiment, suggestion=f"Say in that file: data: {{train: {file.newest}}}",
                severity="warning",
            )  # fmt: skip


def _experiments(path: Path, bundle: Path | None) -> dict[str, Path]:
    """The experiments' files around a file, by the names that they state."""
    found: dict[str, Path] = {}
    for each in experiment_files(folder_of(path.absolute(), bundle)):
        said = stated(each)
        if said is not None and said.kind == EXPERIMENT:
            found.setdefault(said.name, each)
    return found


def _data_of(path: Path) -> Iterator[str]:
    """The places that an experiment's file names as its data; none where it can't be read: that is said elsewhere."""
    try:
        data: Any = read_yaml(read_text(path), str(path)).data
    except SpecError:
        return
    named = data.get("data") if isinstance(data, dict) else None
    for each in named.values() if isinstance(named, dict) else ():
        place = each.get("place") if isinstance(each, dict) else each
        if isinstance(place, str):
            yield place


def _same(text: str, newest: str) -> bool:
    """Whether a place is the file of the newest labels, or its folder."""
    if f"${{{BUNDLE_DIR}}}" in text:
        return text.endswith(newest.partition("://")[2].lstrip("./"))
    try:
        one, other = parse_place(filled_place(text)), parse_place(newest)
    except (BadPlace, KeyError):
        return False
    paths = [posixpath.normpath(each.path) for each in (one, other)]
    return (one.scheme, one.root) == (other.scheme, other.root) and paths[0] in (paths[1], posixpath.dirname(paths[1]))
