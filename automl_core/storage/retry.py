"""Tries again what may pass: throttling, server errors, lost connections, time-outs."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, stop_before_delay

from automl_core.storage.base import NotFound, ObjectStore, StorageUnavailable
from automl_core.storage.wrapper import StoreWrapper

T = TypeVar("T")

_log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0

# The system's generator: the global one belongs to the user, and forked workers would share its state
# and come back all at once.
_random = random.SystemRandom()


class RetryingStore(StoreWrapper):
    """Repeats a call of the inner store while it raises `StorageUnavailable`.

    Pauses are drawn between 0 and a bound that doubles from 0.1 s to 10 s (full jitter: Brooker, "Exponential
    Backoff And Jitter", AWS 2015), so that workers that were refused together come back one by one.

    Args:
        inner: a store that tries once.
        patience: seconds after which no further attempt is begun.
        sleep: waits for so many seconds; tests bring their own.
    """

    def __init__(self, inner: ObjectStore, patience: float = 45.0, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(inner)
        self._patience = patience
        self._sleep = sleep

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        lost_an_answer = False

        def attempt() -> bool:
            nonlocal lost_an_answer
            try:
                return self._inner.create(key, data) or (lost_an_answer and self._holds(key, data))
            except StorageUnavailable:
                lost_an_answer = True
                raise

        return self._call("create", key, attempt)

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self._inner.get(key) == data
        except NotFound:
            return False

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        retrying = Retrying(
            sleep=self._sleep,
            stop=stop_before_delay(self._patience),
            wait=_pause,
            retry=retry_if_exception_type(StorageUnavailable),
            before_sleep=_tell,
        )
        try:
            return retrying(call)
        except RetryError as error:
            last = error.last_attempt.exception()
            taken = retrying.statistics["delay_since_first_attempt"]
            number = error.last_attempt.attempt_number
            raise StorageUnavailable(f"{last}; gave up with attempt {number}, {taken:.0f} s after the first") from last


def _pause(state: RetryCallState) -> float:
    bound = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(state.attempt_number - 1, 30))
    return _random.uniform(0, bound)


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.info("%s; trying again in %.1f s", error, state.upcoming_sleep)
