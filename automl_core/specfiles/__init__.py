"""Spec files: a trial's parameters as the file that its program reads (`automl_core.spec.spec_files`)."""

from __future__ import annotations

from automl_core.specfiles.rendering import SpecFileError, Values, content, nested, rendered, written

__all__ = ["SpecFileError", "Values", "content", "nested", "rendered", "written"]
