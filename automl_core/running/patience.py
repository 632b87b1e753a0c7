"""Waiting for a store that is away, with what must not be lost in hand: a result, a place, the end of an experiment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from automl_core.storage.base import AccessRefused, StorageError, StorageUnavailable
from automl_core.storage.folder import may_pass

T = TypeVar("T")

PATIENCE = 1800.0
"""Seconds that a store may be away while a worker waits for it, unless the deployment says otherwise."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries: they double. Each try has the store's own 45 s of patience already."""

log = logging.getLogger(__name__)


def patiently(
    call: Callable[[], T],
    *,
    patience: float = PATIENCE,
    refused: bool = False,
    say: Callable[[str], object] = log.warning,
    wanted: Callable[[], bool] = lambda: True,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Do something with a store that must be done, however often the store is away meanwhile.

    Args:
        call: done again from its beginning, so it has to bear that.
        patience: seconds after which no further try is begun.
        refused: whether to wait for a store that refuses the credentials, too: with a result in hand, since somebody
            may be about to mend the connection, which is read anew (`automl_core.storage.renewing`).
        say: tells people what is waited for.
        wanted: asked before each pause whether it still has to be done.
        sleep: waits for so many seconds; tests bring their own.
        clock: seconds.

    Raises:
        StorageUnavailable, AccessRefused: the last one, when the patience is at its end or nobody wants it any more.
        StorageError: what waiting won't mend, at once.
    """
    began, pause = clock(), FIRST_PAUSE
    passing = (StorageUnavailable, AccessRefused) if refused else (StorageUnavailable,)
    while True:
        try:
            return call()
        except passing as error:
            if clock() - began + pause > patience or not wanted():
                raise
            say(f"the store is waited for, and asked again in {pause:.0f} s: {error}")
            sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)


def on_disk(call: Callable[[], T], what: str) -> T:
    """Do something with files of a store that is a folder, its errors told as the store tells its own.

    Args:
        call: what to do.
        what: what that is, for the message: "keep the model".

    Raises:
        StorageUnavailable: the disk is away for now.
        StorageError: it refuses.
    """
    try:
        return call()
    except OSError as error:
        kind = StorageUnavailable if may_pass(error) else StorageError
        raise kind(f"Cannot {what}: {error}") from error
