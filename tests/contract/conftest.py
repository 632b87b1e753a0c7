"""How hard searches by a model try in the contract of search algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.support.effort import less_effort

FULL_EFFORT_ON = "mixed"
"""The space that is searched as users' are by the tests that go over the spaces."""


@pytest.fixture
def effort(request: pytest.FixtureRequest) -> Iterator[None]:
    """The effort that a test of the contract needs."""
    chosen = getattr(request.node, "callspec", None)
    full = chosen is not None and chosen.params.get("space") == FULL_EFFORT_ON
    with nullcontext() if full else less_effort():
        yield
