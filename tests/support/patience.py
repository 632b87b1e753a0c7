"""How long tests wait before they give up: one factor for all of them, since a limit costs nothing where a test passes.

The limits in the tests are those of a machine that does nothing else, with room; on one whose cores are busy everything
takes several times as long. ``TEST_PATIENCE=10 make test`` waits longer still.
"""

from __future__ import annotations

import os

PATIENCE = float(os.environ.get("TEST_PATIENCE") or 4)
"""How many times longer than a test says it may wait."""


def stretched(seconds: float) -> float:
    """So many seconds on this machine."""
    return seconds * PATIENCE
