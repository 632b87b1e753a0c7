"""The server: ``python -m automl_core.backends.forkserver.server FOLDER MODULE IDLE``.

One thread, and none of a library's either: a fork copies the calling thread alone, and a lock that another one held
stays held for ever (libgomp and OpenBLAS hang so). Where the module has started any, nothing is forked and clients run
their programs themselves. Each fork is a session of its own and dies with the server; whatever a fork leaves behind is
killed when it has ended.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from automl_core.backends.forkserver.client import SOCKET, peer_uid
from automl_core.backends.guard import descendants, process_table, send_signal

HOOK = "before_fork"
"""Function of the preloaded module that is called in the server with the client's environment before each fork: it may
bring data into memory that all forks share. It must not start threads; what it raises, the program meets again."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_LONGEST = 1 << 24
_MASKED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


Hook = Callable[[Mapping[str, str]], object]


class _InChild(BaseException):
    """Unwinds the server's own frames in a fork, which then runs the program on a clean stack."""

    def __init__(self, request: Request, descriptors: list[int]) -> None:
        super().__init__()
        self.request = request
        self.descriptors = descriptors


class Request:
    """What a client wants run.

    Attributes:
        cwd: working directory.
        argv: Python, the program and its arguments.
        env: the environment.
    """

    def __init__(self, body: bytes) -> None:
        """Take a request apart (see `client.pack`).

        Raises:
            ValueError: it is none.
        """
        cwd, count, *rest = body.split(b"\0")
        argv, env = rest[: int(count)], rest[int(count) :]
        if len(argv) < 2 or not all(b"=" in each for each in env if each):
            raise ValueError("this is no request")
        self.cwd = os.fsdecode(cwd)
        self.argv = [os.fsdecode(each) for each in argv]
        self.env = {
            os.fsdecode(name): os.fsdecode(value) for name, _, value in (each.partition(b"=") for each in env) if name
        }


class Client:
    """One connection, and the fork that it stands for."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.received = b""
        self.descriptors: list[int] = []
        self.pid = 0
        self.gone = False

    def take(self) -> Request | None:
        """Read what is there; a request once it is whole.

        Raises:
            EOFError: the client has gone.
            ValueError: it sent something else.
        """
        size = struct.calcsize("i")
        data, ancillary, _, _ = self.link.recvmsg(1 << 16, socket.CMSG_SPACE(2 * size))
        for level, kind, rights in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(rights[: len(rights) - len(rights) % size])
                self.descriptors += found
        if not data:
            raise EOFError
        self.received += data
        length = int.from_bytes(self.received[:8], "big")
        if length > _LONGEST:
            raise ValueError("the request is too long")
        if len(self.received) < 8 + length:
            return None
        request = Request(self.received[8 : 8 + length])
        self.received = self.received[8 + length :]
        if len(self.descriptors) != 2:
            raise ValueError("the request has no output")
        return request

    def signals(self) -> list[int]:
        """Signals that the client passes on.

        Raises:
            EOFError: it has gone.
        """
        data = self.link.recv(4096)
        if not data:
            raise EOFError
        *lines, self.received = (self.received + data).split(b"\n")
        return [int(line.removeprefix(b"signal ")) for line in lines if line.startswith(b"signal ")]

    def tell(self, line: str) -> None:
        """One line to the client, if it is still there."""
        with contextlib.suppress(OSError):
            self.link.sendall(line.encode() + b"\n")

    def close(self) -> None:
        """Let go of all that came with it."""
        self.link.close()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.descriptors = []


class Server:
    """Forks children for clients until nobody has come for a while."""

    def __init__(
        self, listener: socket.socket, hook: Callable[[Mapping[str, str]], object] | None, idle: float
    ) -> None:
        self.listener, self.hook, self.idle = listener, hook, idle
        self.clients: dict[int, Client] = {}  # by descriptor
        self.stopping = False
        self.prctl = _prctl()
        self.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self.wake, False)
        self._wakes = wake
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _MASKED:
            signal.signal(number, self._stop)

    def run(self) -> None:
        """Serve. In a fork, `_InChild` comes out of it."""
        last = time.monotonic()
        while not self.stopping:
            poll = select.poll()
            for descriptor in (self.wake, self.listener.fileno(), *self.clients):
                poll.register(descriptor, select.POLLIN)
            for descriptor, _ in poll.poll(1000):
                if descriptor == self.wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                elif descriptor == self.listener.fileno():
                    self._accept()
                elif descriptor in self.clients:
                    self._hear(self.clients[descriptor])
            self._reap()
            if self.clients:
                last = time.monotonic()
            if time.monotonic() - last > self.idle:
                break

    def close(self) -> None:
        """Take no more clients, and kill all that still runs."""
        self.listener.close()
        for client in list(self.clients.values()):
            self._kill(client.pid, signal.SIGKILL)
            client.close()

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _accept(self) -> None:
        link, _ = self.listener.accept()
        if peer_uid(link) != os.geteuid():
            link.close()
            return
        self.clients[link.fileno()] = Client(link)

    def _hear(self, client: Client) -> None:
        try:
            if client.pid:
                for number in client.signals():
                    self._kill(client.pid, number)
                return
            request = client.take()
        except (EOFError, OSError, ValueError):
            client.gone = True
            if client.pid:
                self._kill(client.pid, signal.SIGKILL)  # reaped, and forgotten, when it has ended
            else:
                self._forget(client)
            return
        if request is not None:
            self._begin(client, request)

    def _begin(self, client: Client, request: Request) -> None:
        if self.hook is not None:
            with contextlib.suppress(Exception):  # the program meets it again, where it can be read
                self.hook(request.env)
        threads = _threads()
        if threads != 1:
            client.tell(f"refused the preloaded module has started {threads - 1} threads, which no fork takes along")
            self._forget(client)
            return
        descriptors = client.descriptors
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # what is shared stays shared: a collection would touch, and so copy, every page
        server, pid = os.getpid(), os.fork()
        if pid == 0:
            self._leave(server)
            raise _InChild(request, descriptors)
        client.pid, client.descriptors = pid, []
        for descriptor in descriptors:
            os.close(descriptor)
        client.tell(f"started {pid}")

    def _leave(self, server: int) -> None:
        """In a fork: hold nothing of the server's or of other clients'."""
        os.setsid()
        self.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (*_MASKED, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.listener.close()
        for descriptor in (self.wake, self._wakes):
            os.close(descriptor)
        for client in self.clients.values():
            client.link.close()

    def _reap(self) -> None:
        """Tell the ends of forks to their clients, and kill what they have left behind."""
        forks = {client.pid: client for client in self.clients.values() if client.pid}
        before = len(forks)
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            client = forks.pop(pid, None)
            if client is None:
                continue
            self._kill(pid, signal.SIGKILL)  # its group, which has its number as long as anybody is in it
            client.tell(f"ended {status} {usage.ru_utime + usage.ru_stime:.3f} {usage.ru_maxrss}")
            self._forget(client)
        if len(forks) < before:
            self._kill_orphans(forks)

    def _kill_orphans(self, forks: Mapping[int, Client]) -> None:
        """Kill children that are no forks: what a fork that has ended began, and has left."""
        table = process_table()
        mine = os.getpid()
        for pid, stat in table.items():
            if stat.parent == mine and pid not in forks and stat.session not in forks and stat.state != "Z":
                send_signal(pid, signal.SIGKILL)

    def _kill(self, pid: int, number: int) -> None:
        """Send a signal to a fork with all that it has started."""
        if not pid:
            return
        table = process_table()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        for below in descendants(pid, table):
            if table[below].group != pid:
                send_signal(below, number)

    def _forget(self, client: Client) -> None:
        self.clients = {key: each for key, each in self.clients.items() if each is not client}
        client.close()


def _threads() -> int:
    """Threads of this process, those of libraries too."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()


def _prctl() -> Callable[..., int]:
    """Linux's prctl; elsewhere a function that fails."""
    try:
        import ctypes

        found: Callable[..., int] = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return lambda *_: -1
    return found


def _become(request: Request, descriptors: list[int]) -> NoReturn:
    """In a fork: run the program as a fresh interpreter would."""
    null = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((null, *descriptors)):
        os.dup2(descriptor, number)
    for descriptor in (null, *descriptors):
        if descriptor > 2:
            os.close(descriptor)
    os.environ.clear()
    os.environ.update(request.env)
    if "numpy.random" in sys.modules:
        numpy: Any = sys.modules["numpy"]
        numpy.random.seed()  # the server's own numbers would be every fork's
    try:
        os.chdir(request.cwd)
    except OSError as error:
        print(f"{request.cwd}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
    program = request.argv[1]
    sys.argv = request.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    if not os.path.isfile(program):
        print(f"{sys.executable}: can't open file {program!r}: there is no such file", file=sys.stderr)
        raise SystemExit(2)
    try:
        runpy.run_path(program, run_name="__main__")
    except Exception as error:
        own = error.__traceback__
        while own is not None and own.tb_frame.f_code.co_filename != program:
            own = own.tb_next  # frames of this server and of runpy say nothing about the program
        traceback.print_exception(type(error), error, own or error.__traceback__)
        raise SystemExit(1) from None
    raise SystemExit(0)


def main() -> None:
    """Listen first, then import: clients that come meanwhile wait instead of importing for themselves."""
    folder, module, idle = sys.argv[1], sys.argv[2], float(sys.argv[3])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.path.join(folder, SOCKET))
    listener.listen(128)
    os.write(1, b"listening\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # who started it hears no more
    os.close(null)
    preloaded = importlib.import_module(module)
    server = Server(listener, getattr(preloaded, HOOK, None), idle)
    try:
        server.run()
    except _InChild as child:
        request, descriptors = child.request, child.descriptors
    else:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, SOCKET))
        server.close()
        return
    _become(request, descriptors)


if __name__ == "__main__":
    main()
