"""A container's process: started in a session of its own, its output pumped into a log, ended by signals."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress

from tests.standins.kubernetes.environment import Command
from tests.standins.kubernetes.logs import ContainerLog

CHUNK = 1 << 16
DRAIN = 1.0
"""Seconds that output may still come after the main process has ended."""


class StartError(Exception):
    """A command that can't be started."""


class ContainerProcess:
    """One run of a container's command. Its pid is its process group's and its session's id."""

    def __init__(self, command: Command, log: ContainerLog) -> None:
        self.log = log
        self.out_of_memory = False
        self.child_out_of_memory = False
        """Whether a process of it was killed for memory, which is not its first."""
        self.escaped: set[int] = set()
        """Its processes outside its process group, as the last look at /proc found them."""
        self.memory = 0
        """Bytes, as of the last look at /proc."""
        self.cpu_seconds = 0.0
        self.cpu_rate = 0.0
        """Cores."""
        if not command.arguments:
            raise StartError("failed to create containerd container: no command specified: unknown")
        pipes = {stream: os.pipe() for stream in ("stdout", "stderr")}
        try:
            # fork and exec take a millisecond; a thread would not be faster
            self._popen = subprocess.Popen(
                command.arguments, env=command.environment, cwd=command.folder, stdin=subprocess.DEVNULL,
                stdout=pipes["stdout"][1], stderr=pipes["stderr"][1], start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            for reader, _ in pipes.values():
                os.close(reader)
            missing = isinstance(error, FileNotFoundError)
            why = "executable file not found in $PATH" if missing else str(getattr(error, "strerror", "") or error)
            raise StartError(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
                "failed: unable to start container process: error during container init: "
                f'exec: "{command.arguments[0]}": {why}: unknown'
            ) from error
        finally:
            for _, writer in pipes.values():
                os.close(writer)
        self.pid = self._popen.pid
        self.started = time.time()
        self._loop = asyncio.get_running_loop()
        self._readers = {stream: reader for stream, (reader, _) in pipes.items()}
        for stream, reader in self._readers.items():
            os.set_blocking(reader, False)
            self._loop.add_reader(reader, self._pump, stream)
        self._drained = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    def _pump(self, stream: str) -> None:
        if stream not in self._readers:
            return
        try:
            data = os.read(self._readers[stream], CHUNK)
        except BlockingIOError:
            return
        if data:
            self.log.write(data, stream)
        else:
            self._close_pipe(stream)

    def _close_pipe(self, stream: str) -> None:
        reader = self._readers.pop(stream, None)
        if reader is not None:
            self._loop.remove_reader(reader)
            os.close(reader)
            self.log.end(stream)
            if not self._readers:
                self._drained.set_result(None)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._popen.wait()
        self._signal_all(signal.SIGKILL)  # with its first process a container ends
        self._ended.set_result(None)

    async def wait(self) -> int:
        """Its exit code once it has ended and its output is written; 128 + n after signal n."""
        await asyncio.shield(self._ended)
        await asyncio.wait([self._drained], timeout=DRAIN)
        for stream in list(self._readers):
            self._close_pipe(stream)
        self.log.close()
        return self.exit_code()

    @property
    def running(self) -> bool:
        return not self._ended.done()

    def exit_code(self) -> int:
        code = self._popen.returncode
        return 128 - code if code < 0 else code

    def terminate(self) -> None:
        """SIGTERM to its first process, as a container runtime does."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        if self.running:
            self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        for pid in self.escaped:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
