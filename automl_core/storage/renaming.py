"""Giving a file a name that nobody has yet, in one step, where hard links are not to be had."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from functools import lru_cache
from typing import Any

LOCAL = frozenset(("btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "msdos", "overlay", "tmpfs", "vfat", "xfs", "zfs"))
"""File systems of one machine, whose kernel alone decides about a name.

Not those of a network: Linux takes RENAME_NOREPLACE for SMB too, looks for the name in its own cache and sends the
server ``ReplaceIfExists = 1`` (fs/smb/client/smb2inode.c), so that of two machines both would win.
"""

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""How proc(5) writes a space, a tab, a line end and a backslash in a path."""

_NOREPLACE = 1
_AT_FDCWD = -100


def rename_if_free(source: str, target: str) -> bool:
    """Give a file another name if that name is free. Returns whether it has it now.

    Raises:
        OSError: it can't be done; ENOSYS or EINVAL where the system, or the file system, can't do such a thing.
    """
    if file_system_of(os.path.dirname(target)) not in LOCAL:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if _renameat2()(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _NOREPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    raise OSError(code, os.strerror(code))


@lru_cache(maxsize=1)
def _renameat2() -> Any:
    """The call of the C library (glibc 2.28, musl 1.2.5).

    Raises:
        OSError: it has none.
    """
    try:
        return ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None


@lru_cache(maxsize=256)
def file_system_of(folder: str) -> str:
    """The kind of file system that a folder lies on, as Linux names it; empty where that can't be told."""
    path, found, kind = os.path.realpath(folder), "", ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                mounted, _, rest = line.partition(" - ")
                point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), mounted.split(" ")[4]).rstrip("/")
                if (path + "/").startswith(point + "/") and len(point) >= len(found):
                    found, kind = point, rest.partition(" ")[0]
    except (OSError, IndexError, ValueError):
        return ""
    return kind
