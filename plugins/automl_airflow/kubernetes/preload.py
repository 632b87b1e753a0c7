"""Whether the processes that fork the workers are to import KubernetesPodOperator: seconds and 80 MB, once for all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "AUTOML_PRELOAD_KUBERNETES"
"""``1`` or ``0``; by the experiment files of the DAGs folder when it is not set."""

_MENTION = re.compile(rb"\bbackend[\"']?\s*:\s*[\"']?(?:kubernetes|custom_resource)\b")
_MOST_FILES = 2000
_HEAD = 65536


def wanted() -> bool:
    """Whether an experiment of this deployment trains in pods, or in custom resources of a cluster."""
    stated = os.environ.get(VARIABLE)
    if stated is not None:
        return stated.strip().lower() in ("1", "true", "yes")
    from airflow.configuration import conf

    folder = Path(conf.get("core", "dags_folder"))
    return any(_mentions(path) for path in _experiment_files(folder))


def _experiment_files(folder: Path) -> Iterator[Path]:
    from automl_airflow.importer import is_experiment_file

    seen = 0
    for root, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = Path(root, name)
            if is_experiment_file(path, folder):
                seen += 1
                yield path
            if seen >= _MOST_FILES:
                return


def _mentions(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MENTION.search(file.read(_HEAD)) is not None
    except OSError:
        return False
