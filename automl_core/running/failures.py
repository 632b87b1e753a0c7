"""What failures have in common: the same error known again whatever the language, and those that all trials share."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.spec.parameters import Scalar, Value
from automl_core.spec.placeholders import placeholders
from automl_core.spec.tasks import TaskBase
from automl_core.study.answers import UNSURE
from automl_core.study.reasons import error_line

_TRACEBACK = "Traceback (most recent call last)"
_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|'[^']*'|\"[^\"]*\"|/\S+/")
_LOOSE = re.compile(
    r"0x[0-9a-fA-F]+|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"  # addresses, digests
    r"|\d+(?:[.,:]\d+)*(?:[eE][+-]?\d+)?"  # numbers, times, versions
    r"|(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|`[^`]*`|‘[^’]*’|“[^”]*”"  # what is quoted
    r"|(?:\.{0,2}/|~/|[A-Za-z]:\\)\S*"  # paths
)
_GONE = re.compile(
    r"no such file|no such program|not found|no module named|cannot find module|can(?:no|')t (?:open|load)|"
    r"unable to access|permission denied|not executable",
    re.IGNORECASE,
)
"""How interpreters, loaders and shells say that what they were to run isn't there or may not be run (python 3.11,
perl 5.36, bash 5.2, dash 0.5.12, node 20, java 17, env of coreutils 9.1)."""

_ANYWHERE = frozenset({"env", "args", "metrics", "secrets", "files", "model", "export", "tables", "sql"})
"""Fields of a training task that say nothing of where and how it is started."""


def signature_of(tail: Sequence[str]) -> str:
    """What two failures share that are the same: their last Python traceback, without its numbers, texts and paths.

    Returns:
        A short digest, empty where there is no traceback in the lines.
    """
    start = next((n for n in range(len(tail) - 1, -1, -1) if _TRACEBACK in tail[n]), None)
    if start is None:
        return ""
    return digest_of("\n".join(tail[start:]))


def digest_of(error: str) -> str:
    """A short digest of an error's text that is the same where only numbers, quoted texts and folders differ."""
    return hashlib.sha256(_VARIABLE.sub("#", error).encode()).hexdigest()[:16]


def digest_of_end(status: Exit, tail: Sequence[str], params: Mapping[str, Value]) -> str:
    """What two failures share that are the same, whatever the training is written in.

    A traceback says most. Without one it is the exit code with the line of the error, in which numbers, times,
    addresses, paths, quoted texts and the combination's own values don't count.

    Args:
        status: how the attempt ended.
        tail: its last lines.
        params: its combination.

    Returns:
        A short digest; with `UNSURE` before it where only the words are alike. Empty for a failure that is nobody's
        fault.
    """
    if status.blameless or status.cause in (Cause.LOST, Cause.TERMINATED):
        return ""
    if status.error:
        return status.error
    if status.cause is Cause.TIMEOUT:
        return f"{UNSURE}{_short('timeout')}"
    return signature_of(tail) or UNSURE + _short(f"{status.code} {status.kind} {_bare(error_line(tail), params)}")


def digest_of_words(message: str, params: Mapping[str, Value]) -> str:
    """The same of a failure that is known by its message alone."""
    return UNSURE + _short(_bare(message, params))


def kind_of(status: Exit) -> str:
    """The kind of a failure in one word, as far as its end tells."""
    if status.kind:
        return status.kind
    if status.cause is Cause.TIMEOUT:
        return "timeout"
    return "oom" if status.out_of_memory else ""


def lies_in_the_command(task: TaskBase, line: str) -> bool:
    """Whether an error's line says that something isn't there which the task's command names as it stands.

    Args:
        task: the training task, as in the file.
        line: of the error.
    """
    if not _GONE.search(line):
        return False
    words = (word for text in _command_texts(task) for word in re.split(r"[\s;|&()<>]+", text) if "${" not in word)
    names = {os.path.basename(word.strip("'\"")) for word in words}
    speaker, colon, rest = line.partition(":")
    if colon and not re.search(r"\s", speaker.strip()):  # "python: can't open …" is not about python
        line = rest
    said = set(re.split(r"[\s'\"`‘’“”:,;()\[\]]+", line))
    return any(len(name) > 2 and any(name == os.path.basename(part) for part in said) for name in names)


def started_by_combination(task: TaskBase, names: Collection[str]) -> bool:
    """Whether what is started, or where, depends on a parameter: another combination may start well then."""
    shown = {key: value for key, value in task.model_dump(mode="json").items() if key not in _ANYWHERE}
    command = shown.get("command")
    if isinstance(command, list):
        shown["command"] = command[:1]
    elif isinstance(command, str):
        shown["command"] = command.split()[:1]
    return any(name in names for text in _texts(shown) for name, _ in placeholders(text))


def names_a_value(message: str, params: Mapping[str, Value]) -> bool:
    """Whether a service's words on a failure name a value of the combination: a table of another may be there.

    Args:
        message: a failure's reason; the statement that it shows at its end doesn't count.
        params: the combination.
    """
    shown = message.partition(". The statement:")[0]
    said = {*re.split(r"[\W_]+", shown), *re.split(r"[^\w.]+|_", shown)} - {""}
    values = [re.split(r"[\W_]+", value) if isinstance(value, str) else [str(value)] for value in _members(params)]
    return any(word in said for words in values for word in words)


def _command_texts(task: TaskBase) -> list[str]:
    found = [getattr(task, "command", None), getattr(task, "args", None)]
    return [text for value in found for text in _texts(value)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for child in value.values() for text in _texts(child)]
    return [text for child in value for text in _texts(child)] if isinstance(value, list | tuple) else []


def _bare(line: str, params: Mapping[str, Value]) -> str:
    """A line without what differs from trial to trial."""
    for value in sorted((v for v in _members(params) if isinstance(v, str) and v.strip()), key=len, reverse=True):
        line = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "#", line)
    return " ".join(_LOOSE.sub("#", line).split())


def _members(params: Mapping[str, Value]) -> Iterator[Scalar]:
    """Every value of a combination, lists member by member."""
    for value in params.values():
        yield from value if isinstance(value, list) else [value]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
