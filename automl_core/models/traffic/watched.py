"""Requests of the watch: it asks servers as any client does, and nothing of that tells how customers fare."""

from __future__ import annotations

WATCHED = "watch-"
"""What ids of requests begin with that the watch has sent to a server: such answers are no customers'."""


def is_watched(request: str) -> bool:
    """Whether the watch has sent a request.

    Args:
        request: its id.
    """
    return request.startswith(WATCHED)
