"""How hard searches by a model try in the contract of search algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.support.effort import less_effort

WITH_FULL_EFFORT = frozenset({"test_another_process_decides_the_same"})
"""Tests of the contract that compare with a process that knows nothing of `less_effort`."""

FULL_EFFORT_ON = "mixed"
"""The space that is searched as users' are by the tests that go over the spaces."""


@pytest.fixture
def effort(request: pytest.FixtureRequest) -> Iterator[None]:
    """The effort that a test of the contract needs."""
    chosen = getattr(request.node, "callspec", None)
    full = request.node.originalname in WITH_FULL_EFFORT or (
        chosen is not None and chosen.params.get("space") == FULL_EFFORT_ON
    )
    with nullcontext() if full else less_effort():
        yield
