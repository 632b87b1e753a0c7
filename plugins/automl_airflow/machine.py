"""Places that all processes of a machine share: locks on files, which the kernel gives back with their process."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def lock_folder(name: str) -> Path:
    """A folder that is this user's alone: another's, or one that leads elsewhere, is refused.

    Raises:
        PermissionError: it is none.
    """
    folder = Path(tempfile.gettempdir(), f"automl-{name}-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def lock(path: Path) -> IO[bytes] | None:
    """A file, locked until it is closed; None where another process has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def seat(name: str, most: int) -> Iterator[bool]:
    """One of so many places of this machine, for as long as the block lasts. Gives whether there was one."""
    try:
        folder = lock_folder(name)
        taken = next((found for number in range(most) if (found := lock(folder / f"place-{number}"))), None)
    except OSError:  # a full disk, a folder of somebody else's: no place is better than too many
        taken = None
    try:
        yield taken is not None
    finally:
        if taken is not None:
            taken.close()
