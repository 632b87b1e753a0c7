"""Every experiment of a folder from one Python DAG file: the way without the importer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from automl_airflow.factory import build_dag
from automl_airflow.importer import EXTENSIONS, FOLDER, ExperimentImporter
from automl_core.spec.errors import SpecError

_NAME = re.compile(rb"^name:\s*['\"]?([A-Za-z0-9_.-]+)", re.MULTILINE)


class BrokenExperiments(DAG):
    """Stands for files that are no experiments: Airflow validates it, and so shows what is wrong with them.

    An exception at the level of the module would take every other experiment down with it.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__(dag_id="automl_broken_experiments", schedule=None)
        self._problems = problems

    def validate(self) -> None:
        """Raise what is wrong.

        Raises:
            ValueError: always, with every problem of every file.
        """
        raise ValueError("\n".join(self._problems))


def experiment_dags(folder: Path) -> Iterator[DAG]:
    """The DAGs of all experiment files below ``folder/experiments``; in a task's process only its own.

    Nothing where Airflow reads experiment files as DAG files by itself.
    """
    from automl_airflow.compat.importers import get_importer_registry

    if isinstance(get_importer_registry().get_importer("x.yaml"), ExperimentImporter):
        return
    wanted = get_parsing_context().dag_id
    files = sorted(p for p in (folder / FOLDER).rglob("*") if p.suffix in EXTENSIONS and p.name[0] not in "._")
    problems: list[str] = []
    for path in files:
        if wanted is not None and _stated_name(path) != wanted:
            continue
        try:
            yield build_dag(path, folder)
        except SpecError as error:
            problems.append(str(error))
        except Exception as error:
            problems.append(f"{path}: {type(error).__name__}: {error}")
    if problems and wanted is None:
        yield BrokenExperiments(problems)


def _stated_name(path: Path) -> str | None:
    """The name in a file, found without reading it as YAML."""
    match = _NAME.search(path.read_bytes())
    return match[1].decode() if match else None
