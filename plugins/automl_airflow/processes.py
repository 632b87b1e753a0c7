"""Processes of the demonstration, as Linux tells of them."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def die_with_parent() -> None:
    """In the child: be ended when the process that started it is (Linux)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


def alive(group: int) -> bool:
    """Whether a process of a group runs."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    # a zombie that nobody has waited for yet is dead
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == group and fields[0] != "Z":
                    return True
    return False


def start_of(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did: process ids are used again, this is not."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return None
