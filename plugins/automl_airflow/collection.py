"""Every experiment and model of a folder from one Python DAG file: the way without the importer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from automl_airflow.importer import ExperimentImporter, build_all
from automl_core.spec.bundles import FOLDERS
from automl_core.spec.errors import SpecError
from automl_core.spec.names import experiment_files, stated


class BrokenExperiments(DAG):
    """Stands for files that can't be read: Airflow validates it, and so shows what is wrong with them.

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
    """The DAGs of all files below ``folder/experiments`` and ``folder/automl``; in a task's process its own file's.

    Nothing where Airflow reads experiment files as DAG files by itself.
    """
    from automl_airflow.compat.importers import get_importer_registry

    if isinstance(get_importer_registry().get_importer("x.yaml"), ExperimentImporter):
        return
    wanted = get_parsing_context().dag_id
    files = sorted(path for name in FOLDERS if (folder / name).is_dir() for path in experiment_files(folder / name))
    problems: list[str] = []
    for path in files:
        found = stated(path) if wanted is not None else None
        if wanted is not None and (found is None or wanted not in found.dag_ids):
            continue
        try:
            yield from build_all(path, folder)[0]
        except SpecError as error:
            problems.append(str(error))
        except Exception as error:
            problems.append(f"{path}: {type(error).__name__}: {error}")
    if problems and wanted is None:
        yield BrokenExperiments(problems)
