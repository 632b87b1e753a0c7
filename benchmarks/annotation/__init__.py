"""Annotation: what its parts are worth, on data sets that packages ship."""
