"""How tasks are tried again: soon after an error of their own, later and later where their workers did not come up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType

TRIES = 10
"""Tries beyond the first where a worker dies or does not come up, which is no failure of what it was to do."""

LATEST = timedelta(minutes=5)
"""After which the next try begins at the latest. Ten tries last for more than twenty minutes so: as long may the API
server be away, for an upgrade, say. A worker that finds none ends within half a minute, and its try with it."""


_NO_ANSWER = (ErrorType.API_SERVER_ERROR, ErrorType.GENERIC_ERROR)
"""What a task is told where the API server did not answer. That it does not have a thing is an answer."""


class OthersAway(AirflowException):
    """What a task waits for is elsewhere (a cluster whose API server is away): its tries come later and later."""


class Soon(RetryPolicy):
    """For errors that the task's own process tells: it came up, so there is nothing to wait for.

    Airflow asks it in that process. A worker that does not come up is not asked: its next try comes by the task's own
    delay, which grows (`again`).
    """

    def __init__(self, delay: timedelta, at_most: int) -> None:
        """Describe it.

        Args:
            delay: until the next try.
            at_most: tries beyond the first, of all, after which such an error fails the task.
        """
        self.delay, self.at_most = delay, at_most

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide on an error: see `RetryPolicy`.

        Returns:
            The delay; no further try; or, where Airflow's API server did not answer the task or others are away, as if
            it had not come up.
        """
        unanswered = isinstance(exception, AirflowRuntimeError) and exception.error.error in _NO_ANSWER
        if unanswered or isinstance(exception, OthersAway):
            return RetryDecision.default()
        # a clear by a person allows as many tries as the task has beyond those already made; what was begun by a
        # release that allowed fewer keeps that number, and has nothing before its first try
        made = try_number - max(max_tries - TRIES, 0)
        return RetryDecision.retry(self.delay) if made <= self.at_most else RetryDecision.fail()


def again(delay: timedelta, at_most: int = TRIES) -> dict[str, Any]:
    """Arguments of a task by which it is tried again.

    Args:
        delay: after an error of its own; the first of the growing delays where it was lost.
        at_most: tries beyond the first after errors of its own.
    """
    return {
        "retries": TRIES,
        "retry_delay": max(delay, timedelta(seconds=1)),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(delay, LATEST),
        "retry_policy": Soon(delay, at_most),
    }
