"""Lock files: every package of an environment by its one version, in the format of pip's requirements files.

What makes such a file mean something else tomorrow, or elsewhere, is refused: ranges of versions, other files, folders
of one machine. https://pip.pypa.io/en/stable/reference/requirements-file-format/ describes the format (pip 25).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 4 << 20
"""Bytes that a lock file may have; one of 500 packages with all their hashes has 1 MB."""

OWN = "automl-core"
"""Its code is linked into every environment, whatever a registry has."""

_NAME = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_PINNED = re.compile(rf"{_NAME}\s*(?:\[[^\]]*\])?\s*={{2,3}}\s*(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*$")
_LINKED = re.compile(rf"{_NAME}\s*(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)\s*$")
_NAMED = re.compile(rf"{_NAME}\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)$")
_HASH = re.compile(r"--hash[= ]\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_OF_REGISTRIES = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host")
_OPTIONS = (
    *(f"--{name}" for name in _OF_REGISTRIES), "-i", "-f", "--only-binary", "--no-binary", "--prefer-binary",
    "--require-hashes", "--pre",
)  # fmt: skip
_SECRET = re.compile(r"://(?!git@)[^/\s@]+@")


class LockError(ValueError):
    """A lock file that can't be used.

    Attributes:
        problems: each with its line.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep them; the text has the first and how many more there are."""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock file.

    Attributes:
        name: as pip compares names: lower case, with ``-``.
        text: name and version, as people write them.
        line: from 1.
    """

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file that can be used.

    Attributes:
        text: all of it, a line feed at the end of each line.
        name: of the file, for people.
        pins: its packages.
        hashed: whether what is installed is checked against hashes of the file.
    """

    text: str
    name: str
    pins: tuple[Pin, ...]
    hashed: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def place(self, pin: Pin) -> str:
        """Where a package stands, for people: ``requirements.txt line 12: numpy==2.3.0``."""
        return f"{self.name} line {pin.line}: {pin.text}"


def normal(name: str) -> str:
    """A package's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        LockError: it is not there, can't be read, or is none.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LockError([f"there is no file {path}"]) from None
    except OSError as error:
        raise LockError([f"{path} can't be read: {(error.strerror or str(error)).lower()}"]) from None
    if len(data) > MOST_BYTES:
        raise LockError([f"{path} is larger than {MOST_BYTES >> 20} MiB: that is no lock file"])
    try:
        return parse_lock(data.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        raise LockError([f"{path} is not UTF-8: {error.reason}"]) from None


def lock_problems(path: Path) -> tuple[str, ...]:
    """What is wrong with a lock file, nothing where it can be used."""
    try:
        read_lock(path)
    except LockError as error:
        return error.problems
    return ()


def parse_lock(text: str, name: str = "the lock file") -> Lock:
    """Take a lock file apart.

    Args:
        text: of the file.
        name: of it, for people.

    Raises:
        LockError: it has no package, or lines that pin none.
    """
    plain = "\n".join(text.splitlines()) + "\n"
    pins: list[Pin] = []
    problems: list[str] = []
    hashed = False
    for number, line in _logical(plain):
        hashed = hashed or "--hash" in line or line.startswith("--require-hashes")
        if _SECRET.search(line):
            problems.append(
                f"line {number}: a user and a password in an address: everybody who reads the code would read them. "
                "Give the address to the machine instead (pip.conf, PIP_INDEX_URL or UV_INDEX of its worker)"
            )
            continue
        found = _line(line, number)
        if isinstance(found, Pin):
            pins.append(found)
        elif found:
            problems.append(f"line {number}: {found}")
    if not pins and not problems:
        problems.append("it names no package")
    if problems:
        raise LockError(problems)
    return Lock(plain, name, tuple(pins), hashed)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that a backslash continues, without comments; each with the number of its first."""
    begun, held = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).strip()
        begun = begun or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        whole = (held + line).strip()
        if whole:
            yield begun, whole
        begun, held = 0, ""
    if held.strip():
        yield begun, held.strip()


def _line(line: str, number: int) -> Pin | str | None:
    """The package that a line pins; what is wrong with it; None for an option."""
    if line.startswith("-"):
        option = re.split(r"[=\s]", line, maxsplit=1)[0]
        if option in _OPTIONS:
            return None
        if option in ("-r", "--requirement", "-c", "--constraint"):
            return f"{option} names another file, and only this one is known by its digest: compile them into one"
        return f"{option} has no place in a lock file; allowed are: {', '.join(_OPTIONS)}"
    plain = _HASH.sub("", line).split(";", 1)[0].strip()
    found = _PINNED.fullmatch(plain) or _LINKED.fullmatch(plain)
    if found is None:
        named = _NAMED.match(plain)
        if named is None or "/" in plain or plain.startswith("."):
            return f"{plain!r} is a place on one machine: name a package and its version, such as numpy==2.3.0"
        what = f"{named['name']} is pinned to no version" if not named["rest"] else f"{plain!r} allows several versions"
        return f"{what}: a lock file pins each by ==, as `uv pip compile` or `pip-compile` writes it"
    if normal(found["name"]) == OWN:
        return (
            f"{OWN} is linked into each environment, the very code that runs the experiment: leave the line out "
            f"(uv pip compile --no-emit-package {OWN})"
        )
    if found.re is _LINKED:
        url = found["url"]
        if not url.startswith(("https://", "http://")) and "+https://" not in url:
            return f"{url} is a place on one machine: name a version, or an address that every machine reaches"
        return Pin(normal(found["name"]), f"{found['name']} @ {url}", number)
    return Pin(normal(found["name"]), f"{found['name']}=={found['version']}", number)
