"""Processes of the demonstration and their ports, as Linux tells of them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
from pathlib import Path

_PORTS = 12_000
"""How many ports below those are chosen from."""


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


def port_is_free(port: int) -> bool:
    """Whether somebody may listen on a port of loopback."""
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of loopback that nobody listens on, and that the kernel gives to no outgoing connection.

    A component listens seconds after its port was chosen. Of those that the kernel hands out to whoever connects
    (``ip_local_port_range``), one in some hundred was taken by then on a machine with a busy Airflow on it.
    """
    try:
        handed_out_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        handed_out_from = 32768  # Linux's default
    below = range(max(1024, handed_out_from - _PORTS), handed_out_from)
    for port in random.SystemRandom().sample(below, min(100, len(below))):
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
