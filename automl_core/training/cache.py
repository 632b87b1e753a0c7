"""What trials of one machine would each make again from the same data: made once, kept in a folder of the user's own.

Entries are files that one process writes and others read, under a name made of all that decides their content.
Nothing is lost with them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "AUTOML_TRAINING_CACHE"
LIMIT = 4 * 10**9
"""Bytes that the folder may have before the entries that were not used for the longest go."""


def fingerprint(place: str | None) -> str | None:
    """What tells one state of local files from another (names, sizes, times of change); None for other places."""
    if place is None:
        return "none"
    path = Path(place.removeprefix("file://"))
    if "://" in place.removeprefix("file://") or not path.exists():
        return None
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    stats = [(str(each.resolve()), (found := each.stat()).st_size, found.st_mtime_ns) for each in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def folder() -> Path | None:
    """The folder, None where it is switched off (an empty AUTOML_TRAINING_CACHE) or somebody else's."""
    given = os.environ.get(VARIABLE)
    if given == "":
        return None
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"automl-training-{os.getuid()}"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return root if root.stat().st_uid == os.getuid() and os.access(root, os.W_OK) else None
    except OSError:
        return None


def kept(key: dict[str, Any], make: Callable[[Path], None]) -> Path | None:
    """The folder of an entry, made by ``make`` where it is not there yet; None where nothing can be kept.

    Args:
        key: all that decides what the entry holds, versions of libraries included; None among its values: not known.
        make: writes the entry's files into the folder that it is given.
    """
    root = folder()
    if root is None or None in key.values():
        return None
    entry = root / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    if entry.exists():
        with contextlib.suppress(OSError):
            os.utime(entry)
        return entry
    try:
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=root))
        try:
            make(part)
            with contextlib.suppress(OSError):  # somebody else was first
                part.rename(entry)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _tidy(root, keep=entry)
    except OSError:  # a full disk costs time, not the trial
        return None
    return entry if entry.exists() else None


def _tidy(root: Path, keep: Path) -> None:
    entries = []
    for entry in root.iterdir():
        with contextlib.suppress(OSError):
            entries.append((entry.stat().st_mtime, sum(file.stat().st_size for file in entry.iterdir()), entry))
    room = LIMIT
    for _, size, entry in sorted(entries, reverse=True):
        room -= size
        if room < 0 and entry != keep and not entry.name.startswith(".part-"):
            shutil.rmtree(entry, ignore_errors=True)
