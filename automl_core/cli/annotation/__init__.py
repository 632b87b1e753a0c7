"""``automl annotation``: projects in which people and models label items."""

from automl_core.cli.annotation.app import app

__all__ = ["app"]
