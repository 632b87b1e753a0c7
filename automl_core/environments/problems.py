"""Why an environment was not made, read from what the installer said: in words, and whether to try again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from automl_core.spec.lock_files import Lock, Pin, normal

_NETWORK = re.compile(
    r"connection (?:refused|reset|aborted|broken|error|timed out)|failed to establish a new connection"
    r"|name resolution|name or service not known|nodename nor servname|failed to lookup address|dns error"
    r"|network is unreachable|no route to host|timed out|timeout|tcp connect error|error sending request"
    r"|remote end closed|incompleteread|broken pipe|server error|bad gateway|service unavailable"
    r"|\b(?:429|502|503|504)\b|error trying to connect|client error \(connect\)|connect error",
    re.IGNORECASE,
)
"""What an outage looks like in the words of pip 23 to 26 and uv 0.9 to 0.12."""

_CERTIFICATE = re.compile(r"certificate verify failed|invalid peer certificate|UnknownIssuer", re.IGNORECASE)
_FULL = re.compile(r"no space left|disk quota exceeded", re.IGNORECASE)
_NO_WHEEL = re.compile(r"failed (?:to build|building)|could not build|subprocess-exited-with-error", re.IGNORECASE)
_OTHER_HASH = re.compile(r"hash(?:es)? (?:mismatch|do not match)|mismatch for|do not match the hashes", re.IGNORECASE)
_NOT_THERE = re.compile(r"no matching distribution|no solution found|not found in|no version of", re.IGNORECASE)
_ERROR = re.compile(r"\s*(error|×)", re.IGNORECASE)
_TELLING = re.compile(r"error|warning|cause|×|╰", re.IGNORECASE)
"""Lines that may tell of an outage; others have names of packages, and sizes."""

_LAST = 15
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class EnvironmentProblem(Exception):
    """An environment can't be had. The message says why, and what to do.

    Attributes:
        systematic: whether every other trial would meet the same.
        outage: whether a network was away, so that another try may find it there.
        certain: whether no other installer would do any better.
    """

    def __init__(self, message: str, *, systematic: bool = False, outage: bool = False, certain: bool = False) -> None:
        """Keep what is known."""
        super().__init__(message)
        self.systematic, self.outage, self.certain = systematic, outage, certain

    @property
    def headline(self) -> str:
        """Its first line, without the installer's own words."""
        return str(self).splitlines()[0]


class NotWanted(Exception):
    """Nobody waits for the environment any more."""


def problem_of(lock: Lock, said: Sequence[str], how: str, ended: str) -> EnvironmentProblem:
    """What has gone wrong, by what an installer said.

    Args:
        lock: that was to be installed.
        said: its lines of output, without secrets.
        how: what installs, in words: ``uv`` or ``pip``.
        ended: how it ended, in words.
    """
    lines = [line.rstrip() for line in said if line.strip()]
    first = next((number for number, line in enumerate(lines) if _ERROR.match(line)), max(0, len(lines) - 3))
    text = "\n".join(lines)
    pin = _pin_in(lock, lines[first:])
    where = f"{lock.place(pin)}: " if pin is not None else f"{lock.name}: "
    shown = "\n".join(lines[-_LAST:])
    told = f"\n{how} said:\n{shown}" if shown else f"\n{how} said nothing."
    if _FULL.search(text):
        return EnvironmentProblem(f"{where}the disk is full.{told}")
    if _OTHER_HASH.search(text):
        what = "what the registry has is not what the file's hashes say."
        return EnvironmentProblem(f"{where}{what}{told}", systematic=True, certain=True)
    if _CERTIFICATE.search(text):
        what = "the registry's certificate is not one that this machine trusts (pip's cert, SSL_CERT_FILE)."
        return EnvironmentProblem(f"{where}{what}{told}", systematic=True)
    if _NETWORK.search("\n".join(line for line in lines if _TELLING.search(line))):
        return EnvironmentProblem(f"{where}the package registry could not be reached.{told}", outage=True)
    if _NO_WHEEL.search(text):
        what = "there is no wheel of it for this machine, and it could not be built."
    elif _NOT_THERE.search(text):
        what = "the registry has no such version, or none for this Python and platform."
    else:
        what = f"{how} {ended}."
    return EnvironmentProblem(f"{where}{what}{told}", systematic=True)


def _pin_in(lock: Lock, lines: Sequence[str]) -> Pin | None:
    """The package of the lock file that errors are about: one with its version first, then by name alone."""
    text = "\n".join(lines)
    spelled = re.sub(r"\s*==\s*", "==", text).lower()
    for pin in lock.pins:
        if re.search(rf"(?<![\w.-]){re.escape(pin.text.lower())}(?![\w.]*\w)", spelled):
            return pin
    words = {normal(word) for word in _WORD.findall(text)}
    return next((pin for pin in lock.pins if pin.name in words and len(pin.name) > 2), None)
