"""The environment with the training libraries, which is not the one that these tests run in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sources import ROOT


@pytest.fixture(scope="session")
def heavy_python() -> Path:
    """The interpreter that has what requirements-heavy.txt names; `make test-heavy` makes it."""
    python = Path(os.environ.get("HEAVY_PYTHON") or ROOT / ".venv-heavy" / "bin" / "python")
    assert python.exists(), f"there is no {python}: `make test-heavy` makes it"
    return python
