"""Image pulls: every image is at hand, but for those that a test names to be missing or slow."""

from __future__ import annotations

import re
import time

_MISSING = re.compile(r"(?:[\w.:-]+/)?standin/missing\b.*")
_SLOW = re.compile(r"(?:[\w.:-]+/)?standin/slow(?::(\d+(?:\.\d+)?)s?)?")
SLOW_SECONDS = 5.0


class Images:
    """`standin/missing…` can never be pulled; `standin/slow:3` not for 3 seconds after it was first asked for."""

    def __init__(self) -> None:
        self._present: set[str] = set()
        self._asked: dict[str, float] = {}

    def present(self, image: str) -> bool:
        return image in self._present

    def pull(self, image: str) -> str | None:
        """Why an image can't be pulled now; None where it could."""
        first = self._asked.setdefault(image, time.monotonic())
        slow = _SLOW.fullmatch(image)
        if _MISSING.fullmatch(image) or (slow and time.monotonic() - first < float(slow[1] or SLOW_SECONDS)):
            code, why = ("NotFound", "not found") if not slow else ("Unavailable", "connection refused")
            return (
                f'failed to pull image "{image}": rpc error: code = {code} desc = failed to pull and unpack image '
                f'"{image}": failed to resolve reference "{image}": {image}: {why}'
            )
        self._present.add(image)
        return None
