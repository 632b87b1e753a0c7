"""What processes of this product that were killed have left in this machine's folder for temporary files."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from automl_core.housekeeping.plan import DAY, Item

_OURS = re.compile(
    r"automl-(?:(?P<pid>\d+)-slot_\d+_\d+_\d+"  # folders of an attempt: running.folders
    r"|copy-[a-z0-9_]{8}"  # results.writing
    r"|download-[a-z0-9_]{8}"  # the web view's downloads
    r"|[a-z0-9_]{8})"  # what triggers and statements spool
)


def local_leftovers(older_than: float, now: float, folder: Path | None = None) -> Iterator[Item]:
    """Temporary folders and files of this product that nobody has touched for long.

    Args:
        older_than: seconds; at least a day is kept to.
        now: seconds since 1970.
        folder: where to look; the folder for temporary files by default.
    """
    for entry in sorted(os.scandir(folder or tempfile.gettempdir()), key=lambda entry: entry.name):
        match = _OURS.fullmatch(entry.name)
        if match is None or (match["pid"] and _lives(int(match["pid"]))):
            continue
        with suppress(FileNotFoundError):
            state = entry.stat(follow_symlinks=False)
            # only what this user has made, for itself alone: others may use such a name too
            if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o022 or entry.is_symlink():
                continue
            objects, size, newest = _measure(entry.path)
            if now - newest >= max(older_than, DAY):
                why = "left on this machine by a process that was killed"
                yield Item(
                    "caches", entry.path, why, "", "", objects, size, now - newest, identity=f"{newest:.6f}"
                )  # fmt: skip


def remove_local(item: Item) -> str:
    """Remove what `local_leftovers` has named. Returns why it stays, empty where it is gone."""
    path = item.place
    if not os.path.lexists(path):
        return ""
    if f"{_measure(path)[2]:.6f}" != item.identity:
        return "somebody has written there since"
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)
    return "" if not os.path.lexists(path) else "this user may not remove it"


def _measure(path: str) -> tuple[int, int, float]:
    """Files, their bytes, and when the newest of them or of their folders was written."""
    state = os.lstat(path)
    if not stat.S_ISDIR(state.st_mode):
        return 1, state.st_size, state.st_mtime
    objects, size, newest = 0, 0, state.st_mtime
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                inner = os.lstat(os.path.join(folder, name))
                newest = max(newest, inner.st_mtime)
                if not stat.S_ISDIR(inner.st_mode):
                    objects, size = objects + 1, size + inner.st_size
    return objects, size, newest


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
