"""The DAG bundle that an experiment file comes from: a folder, or one version of a team's git repository.

Code that lies in the bundle is versioned with the file: Airflow gives every task of a run the same version of both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

BUNDLE_DIR = "bundle_dir"
"""Name of the placeholder for the bundle's folder on the worker."""

CWD = "bundle"
"""What ``cwd`` says for the bundle's folder."""

FOLDER = "experiments"
"""Files of experiments and models lie below a folder of this name in their bundle."""

FOLDERS = (FOLDER, "automl")
"""Or below one of these names."""


def counts(folder: Path, bundle: Path | None = None) -> bool:
    """Whether what lies below a folder is read as files of experiments and models, by the folder's name.

    A folder named automl has to lie below something that is known: a whole installation is often called so, and then
    each YAML file in it would be taken for an experiment's.

    Args:
        folder: it.
        bundle: root of the DAG bundle, where that is known. A bundle that is itself called experiments is one.
    """
    if bundle is not None and folder != bundle and not folder.is_relative_to(bundle):
        return False
    if folder.name == FOLDER:
        return True
    if folder.name not in FOLDERS:
        return False
    if bundle is not None:
        return folder != bundle
    return not Path(os.environ.get("AUTOML_HOME") or ".").absolute().is_relative_to(folder.absolute())


def has_bundle(backend: str, place: Sequence[str | int]) -> bool:
    """Whether ``${bundle_dir}`` has a meaning in a field of a training task.

    A process of the worker finds the folder; of a task that runs elsewhere only what the worker reads for it does.

    Args:
        backend: the training task's.
        place: the field's path in it.
    """
    if backend == "local":
        return True
    return backend == "kubernetes" and (place[:1] == ("files",) or tuple(place) == ("pod_template",))


def bundle_of(file: Path) -> Path:
    """The folder that would be the bundle of an experiment file, where no Airflow says so.

    It is the one above the innermost folder ``experiments`` (or ``automl``), and without such a folder the file's own.
    """
    file = file.absolute()
    return next((parent.parent for parent in file.parents if counts(parent)), file.parent)


def in_bundle(path: str, home: Path, bundle: Path | None) -> Path:
    """A path of the experiment file that the worker reads: relative to ``home``, or to the bundle by its placeholder.

    Args:
        path: as in the file, ``${bundle_dir}/…`` among it.
        home: AUTOML_HOME.
        bundle: the bundle's folder; ``home`` where there is none.
    """
    return home / path.replace(f"${{{BUNDLE_DIR}}}", str(bundle or home))
