"""Starting the guard of a training process (`guard`), ahead of the training where there is time for it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source

from automl_core.backends import guard
from automl_core.backends.base import StartError


class ReadyGuard:
    """A guard that has started and waits for its request: a fiftieth of a second less between two trials.

    It ends by itself when it is closed, or its worker ends. Not shared between threads.
    """

    def __init__(self, label: str) -> None:
        """Start it.

        Args:
            label: whom it is for, shown in the list of processes.

        Raises:
            StartError: it can't be started.
        """
        with contextlib.ExitStack() as undo:
            self.link, far_link = socket.socketpair()
            undo.callback(self.link.close)
            with far_link:
                self.output, far_output = os.pipe()
                undo.callback(os.close, self.output)
                try:
                    self.process = subprocess.Popen(
                        [sys.executable, "-I", "-S", _guard_program(), label],
                        stdin=far_link.fileno(),
                        stdout=far_output,
                        stderr=far_output,
                        cwd="/",
                        env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
                        start_new_session=True,
                    )
                except OSError as error:
                    raise StartError(f"{sys.executable} can't be started to guard the process: {error}") from None
                finally:
                    os.close(far_output)
            undo.pop_all()
        self.taken = False
        """Whether a process has it: that closes it, then."""

    @property
    def waits(self) -> bool:
        """Whether it is still there."""
        return self.process.poll() is None

    def close(self) -> None:
        """End it, with what it has."""
        _hang_up(self.link)
        self.process.wait()
        os.close(self.output)
        self.link.close()


def _guard_program() -> str:
    """The guard's file: as bytecode where Python keeps that of this very source, for it compiles a script each time."""
    source = guard.__file__
    try:
        kept, found = cache_from_source(source), os.stat(source)
        with open(kept, "rb") as file:
            head = file.read(16)
    except (OSError, NotImplementedError):
        return source
    fields = (0, int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF)  # importlib's own check (PEP 552)
    return kept if head == MAGIC_NUMBER + struct.pack("<III", *fields) else source


def _hang_up(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
