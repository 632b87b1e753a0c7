"""How many examples a property is tried on: fewer in each `make test`, all of them in `make test-heavy`."""

from __future__ import annotations

import os

SHARES = {"default": 0.4, "full": 1.0, "explore": 10.0}
"""Profile (`HYPOTHESIS_PROFILE`) → share of the examples that a test states. Only `explore` looks for new ones."""

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")

LEAST = 10
"""No share takes more than this from whom it leaves no more: a handful of examples is what such a test can afford."""


def examples(stated: int) -> int:
    """Of so many examples that a test states, those that this run tries."""
    return max(min(stated, LEAST), round(stated * SHARES[PROFILE]))
