"""``automl model``: what is in use, on what evidence, and what people decide; straight on the bucket or by Airflow."""

from automl_core.cli.models.app import app

__all__ = ["app"]
