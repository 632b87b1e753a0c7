"""``automl annotation``: the file, items out and labels in as files, labels at a terminal, the ledger; on the storage."""

from automl_core.cli.annotation.app import app

__all__ = ["app"]
