"""What can go wrong between this machine and Airflow, in words that say what to do."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """Airflow could not be asked, or it refused. The message says what, where and what to do."""


class Unreachable(ClientError):
    """No answer came from the server, or it can't give one now."""


class AuthError(ClientError):
    """The server doesn't know who asks, or doesn't allow it."""


class NotKnown(ClientError):
    """There is no such DAG or run."""


class NoAnswer(Unreachable):
    """Nothing came from the server at all: whether it did what it was asked is not known."""


class Unreadable(Unreachable):
    """The server answers that it can't read an experiment now (its storage is away, its connection is missing)."""


class Conflict(ClientError):
    """What is asked for can't be done as things stand: the run has ended, or has not begun."""


class AlreadyExists(Conflict):
    """There is a run of that id, or an experiment of that name, already."""


class BrokenFile(ClientError):
    """The DAG doesn't appear because its file could not be read."""


class Invalid(ClientError):
    """What was sent is wrong.

    Attributes:
        problems: each thing that is wrong: message, path, line, allowed and so on, as far as the server says.
    """

    def __init__(self, message: str, problems: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []
