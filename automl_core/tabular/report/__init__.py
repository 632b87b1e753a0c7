"""The report of a table's search, as one HTML file: no network, no script, light and dark, printable.

Drawn from report.json (`conclude` writes it) and nothing else. Whatever is in it (names of columns and classes come
from a user's file) reaches the page as text, never as markup: see `markup`.
"""

from automl_core.tabular.report.page import render, write

__all__ = ["render", "write"]
