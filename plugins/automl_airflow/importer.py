"""Files of experiments, models and projects as DAG files: Airflow's interface for other formats than Python."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from automl_airflow.compat.importers import (
    AbstractDagImporter,
    DagImportError,
    DagImportResult,
    DagImportWarning,
)
from automl_core.spec.bundles import counts

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from automl_core.spec.errors import Problem

EXTENSIONS = (".yaml", ".yml")


def is_experiment_file(path: str | Path, root: str | os.PathLike[str] | None = None) -> bool:
    """Whether a file is one that this product reads: an experiment's, a model's or a project's, as ``kind:`` says.

    Below a folder named experiments or automl only; a DAG folder has other YAML files too.

    Args:
        path: of the file.
        root: the bundle, or the folder that is searched: a folder around it may be called experiments as well. Its own
            name counts, for a bundle that is nothing but a folder named experiments.
    """
    path = Path(path)
    bundle = Path(root) if root is not None and path.is_relative_to(root) else None
    folders = [each for each in path.parents if bundle is None or each == bundle or each.is_relative_to(bundle)]
    return (
        path.suffix.lower() in EXTENSIONS
        and not path.name.startswith((".", "_"))
        and any(counts(each, bundle) for each in folders)
    )


def build_all(path: Path, bundle: Path | None = None) -> tuple[list[DAG], list[Problem]]:
    """The DAGs of a file, whatever it is about, and what in it may be a slip.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    from automl_core.spec.kinds import ANNOTATION, MODEL
    from automl_core.spec.names import stated_kind

    kind = stated_kind(path)
    if kind == MODEL:
        from automl_airflow.models.factory import build_model

        return build_model(path, bundle)
    if kind == ANNOTATION:
        from automl_airflow.annotation.factory import build_annotation

        return build_annotation(path, bundle)
    from automl_airflow.factory import build

    dag, warnings = build(path, bundle)
    return [dag], warnings


class ExperimentImporter(AbstractDagImporter):
    """Makes one DAG of an experiment's or an annotation project's file, and up to three of a model's."""

    @classmethod
    def supported_extensions(cls) -> list[str]:
        """File extensions of such files."""
        return list(EXTENSIONS)

    def can_handle(self, file_path: str | Path) -> bool:
        """Whether a file is an experiment's, a model's or an annotation project's."""
        return is_experiment_file(file_path)

    def list_dag_files(self, directory: str | os.PathLike[str], safe_mode: bool = True) -> Iterator[str]:
        """Files of this product below a folder; ``safe_mode`` (a look for the word DAG) says nothing."""
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
        """Read one file; what is wrong with it becomes its own import error, in words and with lines."""
        relative = self.get_relative_path(file_path, bundle_path)
        result = DagImportResult(file_path=relative)
        if not is_experiment_file(file_path, bundle_path):
            result.skipped_files.append(str(file_path))
            return result
        from automl_core.spec.errors import SpecError

        try:
            dags, warnings = build_all(Path(file_path), bundle_path)
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
        for dag in dags:
            dag.fileloc = str(file_path)
            dag.relative_fileloc = relative
            result.dags.append(dag)
        return result
