"""What tests of DAGs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.schemas import checked_once


@pytest.fixture(scope="package", autouse=True)
def schemas_checked_once() -> Iterator[None]:
    """Check each schema of a DAG's parameters once: most of what writing a DAG down costs, and each test does so."""
    with checked_once():
        yield
