"""``automl annotation``: a project's file, items out, labels in, labels at a terminal, the ledger; on its storage."""

from automl_core.cli.annotation.app import app

__all__ = ["app"]
