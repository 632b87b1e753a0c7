"""Draws by an item's own id: what is drawn does not change when other items come or go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def drawn(items: Iterable[str], share: float, *, seed: int, purpose: str) -> NDArray[np.bool_]:
    """Which items a share is.

    Args:
        items: their ids.
        share: from 0 to 1.
        seed: of the project.
        purpose: draws of different purposes don't know of one another.

    Returns:
        (n,) whether each is drawn.

    Raises:
        ValueError: no share.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share is from 0 to 1, not {share}")
    limit = round(share * 2**64)
    start = f"{seed}\n{purpose}\n"
    found = [
        int.from_bytes(hashlib.blake2b((start + item).encode(), digest_size=8).digest(), "big") < limit
        for item in items
    ]
    return np.asarray(found, dtype=np.bool_)
