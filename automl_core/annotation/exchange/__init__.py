"""Items out and labels in as files of JSON lines, for people who label somewhere else (docs/annotation-files.md)."""

from automl_core.annotation.exchange.exporting import NoSuchBatch, Opinion, export_tasks
from automl_core.annotation.exchange.importing import Imported, import_labels

__all__ = ["Imported", "NoSuchBatch", "Opinion", "export_tasks", "import_labels"]
