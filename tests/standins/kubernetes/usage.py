"""What containers use, read from /proc: memory limits are held by it, metrics.k8s.io answers from it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress

from tests.standins.kubernetes.process import ContainerProcess

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
SHARE = 0.05
"""Of a core, at most, for looking."""
SHORTEST = 0.1
"""Seconds between two looks, where there is little to look at."""


class Entry:
    """One process as /proc/<pid>/stat describes it."""

    __slots__ = ("cpu", "group", "parent", "pid", "resident", "session", "start", "state")

    def __init__(self, pid: int, text: bytes) -> None:
        fields = text[text.rindex(b")") + 2 :].split()
        self.pid = pid
        self.state = fields[0]
        self.parent, self.group, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        self.cpu = (int(fields[11]) + int(fields[12])) / TICKS
        self.start = int(fields[19])
        self.resident = int(fields[21]) * PAGE


def processes() -> dict[int, Entry]:
    """Every process of this machine."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                    found[int(name)] = Entry(int(name), file.read(1024))
            except (OSError, ValueError):
                continue
    return found


def descendants(of: int) -> list[int]:
    """Every process below one, nearest first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in processes().values():
        children[entry.parent].append(entry.pid)
    found, queue = [], list(children[of])
    while queue:
        pid = queue.pop(0)
        found.append(pid)
        queue += children[pid]
    return found


def proportional(pids: Iterable[int]) -> int:
    """Bytes of processes' memory, shared pages counted once among them."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                total += next((int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:")), 0)
        except OSError:
            continue
    return total


def used_by(pid: int) -> int:
    """Bytes of memory that a process and all below it hold now."""
    return proportional([pid, *descendants(pid)])


class UsageMonitor:
    """Looks at all processes now and then. `containers`: those that run, with their memory limits in bytes."""

    def __init__(self, containers: Callable[[], dict[ContainerProcess, int | None]]) -> None:
        self._containers = containers
        self._owners: dict[tuple[int, int], int] = {}
        self.looked_at = 0.0
        self.single = False
        """Whether what is out of memory loses its largest process alone."""

    async def run(self) -> None:
        while True:
            before = time.perf_counter()
            if self._containers():
                self.look()
            await asyncio.sleep(max(SHORTEST, (time.perf_counter() - before) / SHARE))

    def look(self) -> None:
        """Note each container's memory and CPU time; kill those over their limit."""
        containers = self._containers()
        by_pid = {container.pid: container for container in containers}
        found = processes()
        owners: dict[tuple[int, int], int] = {}
        members: dict[int, list[Entry]] = defaultdict(list)
        for entry in sorted(found.values(), key=lambda each: each.start):
            owner = self._owner(entry, found, by_pid, owners)
            if owner is not None:
                owners[entry.pid, entry.start] = owner
                members[owner].append(entry)
            elif entry.state == b"Z" and entry.parent == os.getpid():
                _reap(entry.pid)
        self._owners = owners
        now = time.monotonic()
        passed, self.looked_at = now - self.looked_at, now
        for container, limit in containers.items():
            entries = members[container.pid]
            container.escaped = {entry.pid for entry in entries if entry.group != container.pid}
            container.memory = sum(entry.resident for entry in entries)
            cpu = max(container.cpu_seconds, sum(entry.cpu for entry in entries))
            container.cpu_rate = (cpu - container.cpu_seconds) / passed
            container.cpu_seconds = cpu
            if limit is not None and container.memory > limit:
                container.memory = proportional(entry.pid for entry in entries)
                if container.memory > limit:
                    self._kill(container, entries)

    def _kill(self, container: ContainerProcess, entries: list[Entry]) -> None:
        """End a container for its memory, or its largest process alone: cgroup v1, or singleProcessOOMKill."""
        largest = max(entries, key=lambda entry: entry.resident)
        if not self.single or largest.pid == container.pid:
            container.out_of_memory = True
            container.kill()
            return
        container.child_out_of_memory = True
        with suppress(ProcessLookupError):
            os.kill(largest.pid, signal.SIGKILL)

    def _owner(
        self, entry: Entry, found: dict[int, Entry], containers: dict[int, ContainerProcess],
        owners: dict[tuple[int, int], int],
    ) -> int | None:  # fmt: skip
        """The container that a process belongs to: by its session, its parent, or what it was seen to belong to."""
        if entry.session in containers:
            return entry.session
        known = self._owners.get((entry.pid, entry.start))
        if known in containers:
            return known
        parent = found.get(entry.parent)
        return owners.get((parent.pid, parent.start)) if parent is not None else None


def _reap(pid: int) -> None:
    """Clear away an orphan that came to us as the nearest reaper."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
