"""What a key may look like: the least that folders, S3 and OSS have in common."""

from __future__ import annotations

import re

from automl_core.storage.base import InvalidKey

TEMPORARY = ".automl-tmp-"
"""How the names of half-written files begin: never listed, never a key."""

MAX_KEY_BYTES = 800
"""S3 takes 1,024 bytes and OSS 1,023, of which this leaves `MAX_PREFIX_BYTES` to the root's prefix."""

MAX_PREFIX_BYTES = 200
"""The longest prefix of a root in a bucket."""

MAX_NAME_BYTES = 255
"""The longest file name of every common file system."""

_PLAIN = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
"""The keys of nearly every call, waved through fast: a list may hold thousands."""

# Control characters, backslash, lone surrogates (undecodable file names), and what XML can't hold.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\\\\\ud800-\udfff\ufffe\uffff]")


def check_key(key: str) -> str:
    """Return ``key`` where it is one.

    Raises:
        InvalidKey: it is empty, absolute, too long, holds a control character or a backslash, or one of
            its names is empty, ``.``, ``..`` or that of a temporary file.
    """
    problem = _problem(key)
    if problem:
        raise InvalidKey(f"{key!r} is not a key of an object store: {problem}")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` where keys can start with it: empty, a key, a key and '/', or the start of a key.

    Raises:
        InvalidKey: no key can start with it.
    """
    folder, slash, start = prefix.rpartition("/")
    problem = _problem(folder) if slash else None
    if problem is None and start.strip("."):
        problem = _problem(start)
    if problem:
        raise InvalidKey(f"{prefix!r} is not the start of a key of an object store: {problem}")
    return prefix


def is_key(key: str) -> bool:
    """Whether `check_key` lets it pass: what other programs left in a folder or bucket may not."""
    return _problem(key) is None


def below(prefix: str, name: str) -> str:
    """The key of ``name`` below ``prefix``, written with or without its last '/'."""
    folder = prefix.rstrip("/")
    return f"{folder}/{name}" if folder else name


def _problem(key: str) -> str | None:
    if len(key) <= MAX_NAME_BYTES and _PLAIN.fullmatch(key):
        return None
    if not key:
        return "it is empty"
    unfit = _UNFIT.search(key)
    if unfit:
        return f"the character {unfit[0]!r} is not allowed"
    for name in key.split("/"):
        if name in ("", ".", ".."):
            return f"{name!r} is not a name; allowed: relative paths such as journal/0000000001.json"
        if name.startswith(TEMPORARY):
            return f"names that begin with {TEMPORARY} are kept for half-written files"
        if len(name.encode()) > MAX_NAME_BYTES:
            return f"a name of {len(name.encode())} bytes; at most {MAX_NAME_BYTES}"
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"it has {len(key.encode())} bytes; at most {MAX_KEY_BYTES}"
    return None
