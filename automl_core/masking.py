"""What is known to be secret is not shown: not in a log, not in a journal, not in an error.

Known to a process are

* variables whose names say so, of its own environment and of what it starts, and the connections among them;
* keys that it was handed (`remember`: credentials of stores and projects);
* what somebody else knows (`also`: Airflow's masker, which has the connections that were read);
* what stands in an address between ``://`` and ``@`` with a colon.

A value of fewer than `SHORTEST` letters, or a number, is not hidden: it would be found in ordinary words, and a line of
metrics would not be one any more. What a program makes of a secret (a hash, a part of it) is nobody's to recognize.
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

_NAMES = re.compile(
    r"PASSW|PASSPHRASE|TOKEN(?!IZ)|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|FERNET|SIGNATURE", re.IGNORECASE
)
_NO_NAMES = ("_FILE", "_PATH", "_DIR", "_URI", "_URL", "_ENDPOINT", "_HOST", "_ID")
"""How names end whose values only say where a secret is, who gives it, or whose it is."""

_CONNECTIONS = "AIRFLOW_CONN_"
_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]*:[^/\s@'\"]+@")
_NO_SECRET = re.compile(r"-----|[+-]?[\d._]+(?:[eE][+-]?\d+)?$")

_lock = threading.Lock()
_remembered: frozenset[str] = frozenset()
_others: list[Callable[[str], str]] = []


def is_secret(name: str) -> bool:
    """Whether a name (of a variable, of a field) says that its value is a secret."""
    return _NAMES.search(name) is not None and not name.upper().endswith(_NO_NAMES)


def secrets_of(variables: Mapping[str, str]) -> frozenset[str]:
    """The secrets among variables of an environment: by name, in addresses, in Airflow's connections."""
    found: set[str] = set()
    for name, value in variables.items():
        if is_secret(name):
            found.add(value)
        if "://" in value:
            found.update(_of_address(value))
        if name.startswith(_CONNECTIONS) and value.lstrip().startswith("{"):
            found.update(_of_fields(value))
    return frozenset(found)


def remember(*secrets: str | None) -> None:
    """Note secrets that this process was handed."""
    global _remembered
    new = {each for each in secrets if each} - _remembered
    if new:
        with _lock:
            _remembered |= new


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
        self._known = secrets_of({**os.environ, **(variables or {})}) | secrets_of(os.environ)
        self._remembered: frozenset[str] | None = None
        self._texts: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """A text that people may read."""
        if self._remembered is not _remembered:
            self._remembered = _remembered
            self._texts = _forms(self._known | self._remembered)
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
        for line in (secret, *secret.splitlines()):
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
