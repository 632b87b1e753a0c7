"""How much of a deadline a search may take."""

from __future__ import annotations

import math

from automl_core.tabular.deadline import Deadline


def test_a_search_that_has_nothing_yet_may_take_of_what_is_kept_for_later() -> None:
    """A slow machine: reading took long, and so much is kept for later that no trial could begin."""
    found = Deadline(15.0, 15.0, clock=lambda: 9.7)
    found.planned(300, 3, slowness=6.0)
    assert found.left() <= 0
    assert 2.0 < found.left(first=True) < found.left_for_all()


def test_without_a_deadline_there_is_always_time() -> None:
    found = Deadline(None, None)
    assert math.isinf(found.left())
    assert math.isinf(found.left(first=True))
