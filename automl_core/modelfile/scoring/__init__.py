"""Scores rows by a model's file, with numpy and the standard library alone.

This package is copied into the folder of every model as `scorer/`, where it lives on without this product: it imports
numpy, the standard library and, by relative imports, itself. Nothing in it may need more (a test looks).
"""
