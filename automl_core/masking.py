"""What is known to be secret is not shown: not in a log, not in a journal, not in an error.

Known to a process are

* variables whose names say so, of its own environment and of what it starts, and the connections among them;
* keys that it was handed (`remember`: credentials of stores and projects);
* what somebody else knows (`also`: Airflow's masker, which has the connections that were read);
* what stands in an address between ``://`` and ``@`` with a colon.

A value of fewer than `SHORTEST` letters, or a number, or the path of what is there, is not hidden: it would be found in
ordinary words. What somebody else knows may be any of these: metrics are read in a line before it is hidden. What a
program makes of a secret (a hash, a part of it) is nobody's to recognize.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SHORTEST = 8
"""Letters of a secret that is hidden, at least."""

HIDDEN = "***"
"""What stands in its place."""

MOST = 256
"""Secrets that were handed over and are kept, the newest: a process that lives for months is handed one each hour."""

_NAMES = re.compile(
    r"PASSW|PASSPHRASE|TOKEN(?!IZ)|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|FERNET|SIGNATURE", re.IGNORECASE
)
_NO_NAMES = (
    "_FILE", "_PATH", "_DIR", "_URI", "_URL", "_ENDPOINT", "_HOST", "_ID", "_NAME", "_ARN", "_REGION", "_CMD",
    "_BACKEND", "_PROVIDER", "_MANAGER", "_STORE", "_TYPE", "_MODE", "_VERSION", "_LIMIT", "_COUNT", "_ENABLED",
    "_HEADER", "APPLICATION_CREDENTIALS",
)  # fmt: skip
"""How names end whose values only say where a secret is, who gives it, whose it is, or how much of it."""

_CONNECTIONS = "AIRFLOW_CONN_"
_USERINFO = re.compile(r"(?<=://)[^/\s@'\":]*:[^/\s@'\"]+@")  # one colon: a line has 64 KiB, and this no square of it
_NO_SECRET = re.compile(r"-----[A-Z0-9 ]+-----$|[+-]?[\d._]+(?:[eE][+-]?\d+)?$")
_LINE_ENDS = re.compile(r"\r\n|[\r\n]|\\r|\\n")
"""Of a key of several lines: those of a file, or as a variable has them that must be of one line."""

_lock = threading.Lock()
_remembered: tuple[str, ...] = ()
_others: list[Callable[[str], str]] = []


def is_secret(name: str) -> bool:
    """Whether a name (of a variable, of a field) says that its value is a secret."""
    return _NAMES.search(name) is not None and not name.upper().endswith(_NO_NAMES)


def secrets_of(variables: Mapping[str, str]) -> frozenset[str]:
    """The secrets among variables of an environment: by name, in addresses, in Airflow's connections."""
    found: set[str] = set()
    for name, value in variables.items():
        said = is_secret(name)
        if said and not (value.startswith("/") and os.path.exists(value)):
            found.add(value)
        if "://" in value:
            found.update(_of_address(value))
        if (said or name.startswith(_CONNECTIONS)) and value.lstrip().startswith("{"):
            found.update(_of_fields(value))
    return frozenset(found)


def remember(*secrets: str | None) -> None:
    """Note secrets that this process was handed; the newest `MOST` are kept."""
    global _remembered
    known = _remembered
    if any(each and each not in known for each in secrets):
        with _lock:
            new = [each for each in dict.fromkeys(secrets) if each and each not in _remembered]
            _remembered = (*_remembered, *new)[-MOST:]


def also(hide: Callable[[str], str]) -> None:
    """Have all texts pass somebody else, too, who knows further secrets; once each."""
    with _lock:
        if hide not in _others:
            _others.append(hide)


class Mask:
    """Hides what this process knows to be secret, and what the variables of a process that it starts have."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        """Learn.

        Args:
            variables: of another process, beside this one's.
        """
        self._known = secrets_of(os.environ) | secrets_of(variables or {})
        self._remembered: tuple[str, ...] | None = None
        self._texts: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """A text that people may read."""
        if self._remembered is not (now := _remembered):
            self._texts = _forms(self._known.union(now))
            self._remembered = now  # last: another thread has no texts of the past
        for secret in self._texts:  # before addresses: one with an @ in it would be torn apart by the pattern
            if secret in text:
                text = text.replace(secret, HIDDEN)
        if "://" in text:
            text = _USERINFO.sub(f"{HIDDEN}@", text)
        for hide in _others:
            text = hide(text)
        return text


def hidden(text: str) -> str:
    """A text without what this process knows to be secret."""
    return Mask()(text)


def _forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """How secrets may stand in a line, the longest first: as they are, line by line, quoted for addresses or JSON."""
    found: set[str] = set()
    for secret in secrets:
        for line in (secret, *_LINE_ENDS.split(secret)):
            each = line.strip()
            if len(each) >= SHORTEST and not _NO_SECRET.match(each):
                found |= {each, quote(each, safe=""), json.dumps(each)[1:-1]}
    return tuple(sorted(found, key=lambda each: (-len(each), each)))


def _of_address(text: str) -> Iterator[str]:
    """Passwords of the addresses in a text, as they are written and as they are meant, and what their queries hide."""
    for word in re.split(r"[\s,]+", text):
        try:
            parts = urlsplit(word)
            secret = parts.password
        except ValueError:
            continue
        if secret:
            yield from (secret, unquote(secret))
        yield from (value for name, value in parse_qsl(parts.query) if is_secret(name))


def _of_fields(text: str) -> Iterator[str]:
    """Secrets of a connection that is written as JSON."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        return
    waiting = [body]
    while waiting:
        fields = waiting.pop()
        for name, value in fields.items() if isinstance(fields, dict) else ():
            if isinstance(value, dict):
                waiting.append(value)
            elif isinstance(value, str) and value.lstrip().startswith("{"):
                yield from _of_fields(value)
            elif isinstance(value, str) and is_secret(name):
                yield value
