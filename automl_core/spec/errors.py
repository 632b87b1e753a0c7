"""What is wrong with an experiment file, in words that say what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a file: keys of mappings and indices of lists, from the top."""

_LONGEST_LIST = 24

_KEYS_IN_ADDRESS = re.compile(r"(?<=://)(?:[^/@\s]*:[^@\s]*|[^/@\s]+)@")
"""A user with a password, which may have ``/`` in it, or a token alone."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        message: what is wrong, without a full stop.
        path: where in the file; empty for the file as a whole.
        file: the file, or another name for where the text came from.
        line, column: counted from 1; None where there is no text (a run's conf).
        found: the value that was found, as the file would write it; None when nothing was.
        allowed: what may stand there: the values one by one, or one description.
        suggestion: a sentence that says what to do.
        severity: ``warning`` where the file is valid all the same, but this may be a slip; ``note`` where it is none
            and yet worth knowing.
    """

    message: str
    path: Path = ()
    file: str = ""
    line: int | None = None
    column: int | None = None
    found: str | None = None
    allowed: tuple[str, ...] = ()
    suggestion: str = ""
    severity: Literal["error", "warning", "note"] = "error"

    def __str__(self) -> str:
        """As one line, such as ``experiments/x.yaml:12: space.lr.type: 'logunifrom' is not known. Allowed: …``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        kind = "" if self.severity == "error" else self.severity
        head = ": ".join(part for part in (place, kind, format_path(self.path), self.message) if part)
        sentences = [head]
        if self.allowed:
            sentences.append(f"Allowed: {_enumerate(self.allowed)}")
        if self.suggestion:
            sentences.append(self.suggestion)
        return ". ".join(sentence.rstrip(".") for sentence in sentences) + ("" if _ends(sentences[-1]) else ".")

    def to_json(self) -> dict[str, Any]:
        """The problem as plain JSON, for other programs."""
        return {
            "file": self.file, "line": self.line, "column": self.column, "path": format_path(self.path),
            "message": self.message, "found": self.found, "allowed": list(self.allowed),
            "suggestion": self.suggestion, "severity": self.severity, "text": str(self),
        }  # fmt: skip


class SpecError(ValueError):
    """An experiment file, or a run's conf, that can't be used.

    Attributes:
        problems: everything that is wrong with it, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems; the exception's text has one line for each."""
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """One line a problem."""
        return "\n".join(str(problem) for problem in self.problems)


def _ends(sentence: str) -> bool:
    """Whether a sentence brings its own end."""
    return sentence.endswith(("?", "!"))


def _enumerate(allowed: Sequence[str]) -> str:
    shown = ", ".join(allowed[:_LONGEST_LIST])
    return shown if len(allowed) <= _LONGEST_LIST else f"{shown}, … ({len(allowed)} in all)"


def format_path(path: Path) -> str:
    """A path as people write it: ``tasks[0].env.SEED``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def show(value: Any, limit: int = 60) -> str:
    """A value as the file would write it: ``'adam'``, ``3``, ``true``, ``null``, ``a list``, ``a mapping``.

    Keys in an address (``s3://user:password@bucket``) are left out: problems stand in logs and on pages.
    """
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    text = repr(_KEYS_IN_ADDRESS.sub("…@", value) if isinstance(value, str) else value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means, None when none is near."""
    from difflib import get_close_matches

    by_shape: dict[str, str] = {}
    for name in known:
        by_shape.setdefault(_shape(name), name)
    match = get_close_matches(_shape(word), by_shape, n=1, cutoff=0.65)
    return by_shape[match[0]] if match else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?`` with the nearest known name, empty when none is near."""
    match = nearest(word, known)
    return f"Did you mean {match!r}?" if match is not None else ""


def in_file(problems: Iterable[Problem], file: str) -> list[Problem]:
    """The same problems, said of another file."""
    return [replace(problem, file=file) for problem in problems]


def _shape(name: str) -> str:
    """Letters and digits alone: ``Max-Trials`` and ``max_trials`` are the same word to a person."""
    return "".join(c for c in name.lower() if c.isalnum()) or name
