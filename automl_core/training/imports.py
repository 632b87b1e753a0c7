"""Import a library without the optional ones that it would bring along."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Hidden:
    """A finder of modules that finds none of some names, and lets nobody else find them."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Part of the protocol of ``sys.meta_path``."""
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (hidden: see automl_core.training.imports)", name=name)


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Hide optional libraries from what is imported inside; what is loaded already stays.

    LightGBM 4.7 and XGBoost 3.2 import pandas and scikit-learn where they are installed, only to tell their classes
    apart: without them an import of LightGBM takes 0.6 s of CPU instead of 4.
    """
    finder: Any = _Hidden(frozenset(modules))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
