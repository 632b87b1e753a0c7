"""The command line ``automl``: what a person does with experiments.

Starts fast: each command imports what it needs when it runs.
"""

from automl_core.cli.app import app, main

__all__ = ["app", "main"]
