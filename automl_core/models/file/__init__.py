"""The file of a model (``churn.model.yaml``): its groups, reading it with lines, and what may be a slip in it.

Stands on `automl_core.spec` and the regression tests' models alone; opens no store and imports nothing heavy, since
Airflow parses it all day.
"""

from automl_core.models.file.loading import load_model_file, parse_model_document
from automl_core.models.file.model import ModelFile

__all__ = ["ModelFile", "load_model_file", "parse_model_document"]
