"""How Airflow reads a DAG file by its extension (new in 3.3, and not declared public)."""

from __future__ import annotations

from airflow.dag_processing.importers import (
    AbstractDagImporter,
    DagImportError,
    DagImportResult,
    DagImportWarning,
    get_importer_registry,
)

__all__ = ["AbstractDagImporter", "DagImportError", "DagImportResult", "DagImportWarning", "get_importer_registry"]
