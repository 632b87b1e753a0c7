"""Faults on demand, and a count of what was asked."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from tests.standins.maxcompute.errors import ServiceError


@dataclass
class Faults:
    """What goes wrong from now on. Counts go down as they are used up.

    Attributes:
        throttle: Requests that are refused as too many.
        throttle_status, throttle_code: How they are refused.
        server_errors: Requests that end in an HTTP 500.
        server_status: The status of these instead.
        away: Seconds in which every request ends in an HTTP 503.
        only: A regular expression; the faults above meet only requests whose ``METHOD /path?query`` it is found in.
        quota_full: Submissions that are refused because the quota is used up.
        run_seconds: How long instances submitted from now on pretend to run.
        fail: Instances submitted from now on that fail, ``fail_code`` and ``fail_message`` say with what.
        denied: Tables (``project.table``) that may not be read.
    """

    throttle: int = 0
    throttle_status: int = 429
    throttle_code: str = "RequestThrottled"
    server_errors: int = 0
    server_status: int = 500
    away: float = 0.0
    only: str = ""
    quota_full: int = 0
    run_seconds: float | None = None
    fail: int = 0
    fail_code: str = "ODPS-0010000"
    fail_message: str = "System internal error - fuxi job failed"
    denied: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._back = 0.0

    def set(self, **values: Any) -> None:
        """Changes some of the attributes.

        Raises:
            ValueError: There is no such fault.
        """
        known = {item.name for item in fields(self)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fault {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        with self._lock:
            for name, value in values.items():
                setattr(self, name, value)
            if values.get("away"):
                self._back = time.monotonic() + float(values["away"])

    def clear(self) -> None:
        """Ends all faults."""
        self.set(**{item.name: getattr(Faults(), item.name) for item in fields(self)})
        self._back = 0.0

    def check(self, request: str) -> None:
        """Refuses a request (``METHOD /path?query``) if a fault meets it.

        Raises:
            ServiceError: It does.
        """
        with self._lock:
            if self.only and not re.search(self.only, request):
                return
            if time.monotonic() < self._back:
                raise ServiceError("ServiceUnavailable", "Service is temporarily unavailable.", 503)
            if self.throttle > 0:
                self.throttle -= 1
                message = "Request was throttled by flow control, please retry later."
                raise ServiceError(self.throttle_code, message, self.throttle_status)
            if self.server_errors > 0:
                self.server_errors -= 1
                raise ServiceError("InternalServerError", "ODPS-0010000: System internal error", self.server_status)

    def check_submission(self) -> None:
        """Refuses a new instance if the quota is said to be full.

        Raises:
            ServiceError: It is.
        """
        with self._lock:
            if self.quota_full > 0:
                self.quota_full -= 1
                message = "Access Denied - The number of running instances exceeds the limit of the quota, retry later."
                raise ServiceError("ODPS-0420095", message, 403)

    def failure(self) -> str | None:
        """With what the next instance fails, if it shall."""
        with self._lock:
            if self.fail <= 0:
                return None
            self.fail -= 1
            return f"{self.fail_code}:{self.fail_message}"


class Requests:
    """Counts requests by method and kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, kind: str) -> None:
        with self._lock:
            self._counts[kind] += 1

    def snapshot(self) -> dict[str, int]:
        with self._lock:
            return {"total": sum(self._counts.values()), **dict(sorted(self._counts.items()))}

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
