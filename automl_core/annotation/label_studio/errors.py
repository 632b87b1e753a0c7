"""What may go wrong with a Label Studio, in words without its token."""

from __future__ import annotations


class StudioError(Exception):
    """Label Studio refuses, or is not set up as is needed. Asking again brings the same; the message says what to do.

    Attributes:
        code: of the answer, where there was one.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        """Keep the code."""
        super().__init__(message)
        self.code = code


class StudioAway(StudioError):
    """Label Studio can't be asked now: it is not there, hangs, is too busy or fails. Later may be better."""


class NotSure(StudioAway):
    """A request that makes something got no answer: whether it was made must be looked at before it is sent again."""
