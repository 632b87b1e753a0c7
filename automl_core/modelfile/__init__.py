"""The folder of a model: written, checked in a fresh process, loaded; scorers that need nothing but numpy.

`docs/model-file.md` says what lies in it. This package knows nothing else of automl_core.
"""
