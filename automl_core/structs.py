"""Structs that threads read: known to msgspec before any two of them come at once.

msgspec finds out what the fields of a Struct are when one is read for the first time, and keeps that where others find
it before it is complete: two threads that read the first one at the same moment end the process (msgspec 0.22.0: a
segmentation fault in `_core`, in five of eight runs of a program with eight threads). A triggerer in
which several rollouts begin is such a process.
"""

from __future__ import annotations

import threading
from typing import Any

_ONE_AT_A_TIME = threading.Lock()


def known(*types: Any) -> None:
    """Have msgspec know types, and all that they are made of. To be called where a module has defined them.

    Args:
        types: what is given to `msgspec.json.decode` or `msgspec.convert` as ``type``.
    """
    import msgspec

    with _ONE_AT_A_TIME:  # two modules may be imported at once, and their types share others
        for each in types:
            msgspec.json.Decoder(each)
