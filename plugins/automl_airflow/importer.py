"""Experiment files as DAG files: Airflow's interface for other formats than Python."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from automl_airflow.compat.importers import (
    AbstractDagImporter,
    DagImportError,
    DagImportResult,
    DagImportWarning,
)

EXTENSIONS = (".yaml", ".yml")
FOLDER = "experiments"
"""YAML files count as experiment files below a folder of this name only; a DAG folder has others too."""


def is_experiment_file(path: str | Path, root: str | os.PathLike[str] | None = None) -> bool:
    """Whether a file is one that this product reads.

    Args:
        path: of the file.
        root: the bundle, or the folder that is searched: a folder around it may be called experiments as well. Its own
            name counts, for a bundle that is nothing but such a folder.
    """
    path = Path(path)
    folders = path.parts[:-1]
    if root is not None and path.is_relative_to(root):
        folders = (Path(root).name, *path.relative_to(root).parts[:-1])
    return path.suffix.lower() in EXTENSIONS and FOLDER in folders and not path.name.startswith((".", "_"))


class ExperimentImporter(AbstractDagImporter):
    """Makes one DAG of one experiment file."""

    @classmethod
    def supported_extensions(cls) -> list[str]:
        """File extensions of experiment files."""
        return list(EXTENSIONS)

    def can_handle(self, file_path: str | Path) -> bool:
        """Whether a file is an experiment file."""
        return is_experiment_file(file_path)

    def list_dag_files(self, directory: str | os.PathLike[str], safe_mode: bool = True) -> Iterator[str]:
        """Experiment files below a folder; ``safe_mode`` (a look for the word DAG) has no meaning for them."""
        for path in super().list_dag_files(directory, safe_mode=False):
            if is_experiment_file(path, directory):
                yield path

    def import_file(
        self,
        file_path: str | Path,
        *,
        bundle_path: Path | None = None,
        bundle_name: str | None = None,
        safe_mode: bool = True,
    ) -> DagImportResult:
        """Read one experiment file; what is wrong with it becomes its own import error, in words and with lines."""
        relative = self.get_relative_path(file_path, bundle_path)
        result = DagImportResult(file_path=relative)
        if not is_experiment_file(file_path, bundle_path):
            result.skipped_files.append(str(file_path))
            return result
        from automl_airflow.factory import build
        from automl_core.spec.errors import SpecError

        try:
            dag, warnings = build(Path(file_path), bundle_path)
        except SpecError as error:
            result.errors.append(DagImportError(file_path=relative, message=str(error), error_type="experiment"))
            return result
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            result.errors.append(DagImportError(file_path=relative, message=message, stacktrace=traceback.format_exc()))
            return result
        result.warnings += [
            DagImportWarning(relative, str(replace(each, file="", line=None)), "experiment", each.line)
            for each in warnings
        ]
        dag.fileloc = str(file_path)
        dag.relative_fileloc = relative
        result.dags.append(dag)
        return result
