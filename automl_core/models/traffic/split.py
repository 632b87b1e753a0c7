"""Which requests the challenger gets: by their key alone, alike in every process and after every restart.

A key has a place in [0, 1) in each rollout, and the challenger has all places below its share. So a share that grows
keeps the keys that it had, one that shrinks gives back the latest, and going back to 5 % gives the same 5 %. The
rollout is part of what is hashed: another one, or another model, draws other keys.
"""

from __future__ import annotations

import hashlib

_BITS = 64


def place_of(key: str, model: str, rollout: str) -> float:
    """The place of a key in a rollout, in [0, 1).

    Args:
        key: what the split goes by, such as a customer's id. It is a text: ``7`` and ``007`` are two.
        model: its name.
        rollout: what names it within the model.
    """
    digest = hashlib.blake2b(digest_size=_BITS // 8, person=b"automl-split")
    for part in (model, rollout, key):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))  # else ("a", "bc") and ("ab", "c") would be one
        digest.update(data)
    return (int.from_bytes(digest.digest(), "big") >> 11) / (1 << (_BITS - 11))  # 53 bits: exact, and never 1


def taken(key: str, model: str, rollout: str, share: float) -> bool:
    """Whether the challenger answers a key.

    Args:
        key, model, rollout: as `place_of`.
        share: the challenger's, 0 to 1.

    Raises:
        ValueError: a share outside of that.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share is between 0 and 1, not {share}")
    return place_of(key, model, rollout) < share
