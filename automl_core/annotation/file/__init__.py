"""The file of an annotation project (``intents.annotation.yaml``): its groups, reading it with lines, its checks.

Stands on `automl_core.spec` alone; opens no store and imports nothing heavy, since Airflow parses it all day.
"""

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.loading import load_annotation_file, parse_annotation_document

__all__ = ["AnnotationFile", "load_annotation_file", "parse_annotation_document"]
