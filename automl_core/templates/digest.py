"""What a version of a template consists of, and its digest: the same wherever and whenever it was laid there.

The digest is SHA-256 over one line for each file, ``<SHA-256 of its bytes>  <path below the folder>``, sorted by path:
what ``sha256sum`` writes, so it can be checked without this product (docs/templates.md says how).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

FILE = "template.yaml"
"""The file that makes a folder a version of a template."""

IGNORED_FOLDERS = frozenset({"__pycache__", ".git"})
"""Folders that are no part of a version."""

IGNORED_ENDINGS = (".pyc",)
"""Endings of files that are no part of a version: what Python leaves behind when the program is run in place."""

MOST_FILES = 1_000
"""Files that a version may have."""

MOST_BYTES = 64 << 20
"""Bytes that they may have together: a program, not data or weights."""


class BadFolder(ValueError):
    """A folder that can't be a version of a template. The message says why."""


def files_of(folder: Path) -> dict[str, os.stat_result]:
    """The files of a version: path below the folder, with ``/`` → what the file system says of it.

    Raises:
        BadFolder: a link (what it leads to may change), something that is no plain file, or too much.
    """
    found: dict[str, os.stat_result] = {}
    total = 0
    for name, entry in _walk(folder, ""):
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            what = "a link, and what it leads to may change" if entry.is_symlink() else "no plain file"
            raise BadFolder(f"{folder / name} is {what}: a version has plain files only")
        found[name] = status
        total += status.st_size
        if len(found) > MOST_FILES or total > MOST_BYTES:
            raise BadFolder(
                f"{folder} has more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MiB: a version holds a program, "
                "not data or weights"
            )
    return dict(sorted(found.items()))


def _walk(folder: Path, below: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in IGNORED_FOLDERS:
                    yield from _walk(Path(entry.path), f"{name}/")
            elif not entry.name.endswith(IGNORED_ENDINGS):
                yield name, entry


def digest_of(folder: Path) -> str:
    """The digest of a version: ``sha256:`` and 64 hexadecimal digits.

    Files whose size and time of change are as they were are not read again by this process.

    Raises:
        BadFolder: see `files_of`.
        OSError: a file can't be read.
    """
    files = files_of(folder)
    seen = tuple((name, status.st_mtime_ns, status.st_ctime_ns, status.st_size) for name, status in files.items())
    return _digest(folder, seen)


@lru_cache(maxsize=256)
def _digest(folder: Path, seen: tuple[tuple[str, int, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for name, *_ in seen:
        of_file = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        whole.update(f"{of_file}  {name}\n".encode())
    return f"sha256:{whole.hexdigest()}"
