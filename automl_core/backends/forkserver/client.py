"""Where a program would run, this waits for a fork that runs it: ``python -I -S client.py FOLDER PROGRAM [ARGUMENT]``.

The standard library only, and little of it: this is started for each attempt. Signals are passed on to the fork, its
end becomes this process's own. The server sees the connection close, even by SIGKILL, and ends the fork. Without a
server the program is executed in this process's place, as if there had been no client.
"""

# ruff: noqa: SIM105  (no contextlib here: it costs milliseconds of every trial)

from __future__ import annotations

import os
import signal
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

SOCKET = "socket"
"""Name of the server's socket in its folder."""

LOG = "log.txt"
"""Name of the server's own log, which has what the preloaded module prints to standard error."""

USAGE = "usage-"
"""Before a client's process id: the file with what its fork has used, for the worker."""

_RELAYED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_UCRED = struct.Struct("3i")


class Unreachable(Exception):
    """There is no server, or it can't be trusted; the message says which."""


def pack(fields: list[bytes]) -> bytes:
    """A request: its length, then the fields, parted by NUL (which none of them can hold)."""
    body = b"\0".join(fields)
    return len(body).to_bytes(8, "big") + body


def peer_uid(link: socket.socket) -> int:
    """The user of the process at the other end."""
    _, uid, _ = _UCRED.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def connect(folder: str) -> socket.socket:
    """A connection to the server of a folder.

    Raises:
        Unreachable: there is none, or it is another user's.
    """
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(os.path.join(folder, SOCKET))
        uid = peer_uid(link)
    except OSError as error:
        link.close()
        raise Unreachable(f"{folder}: {error.strerror}{last_words(folder)}") from None
    if uid != os.geteuid():
        link.close()
        raise Unreachable(f"{folder}: the server there is another user's ({uid})")
    return link


def last_words(folder: str) -> str:
    """How a server's log ends, behind a colon."""
    try:
        with open(os.path.join(folder, LOG), encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return ""
    said = [line for line in lines if line.strip()]
    return f": {said[-1].strip()[:500]}" if said else ""


def lines_of(link: socket.socket) -> list[str]:
    """What the server says next, split into words; empty when it is gone."""
    received = b""
    while not received.endswith(b"\n"):
        try:
            piece = link.recv(4096)
        except InterruptedError:
            continue
        except OSError:
            piece = b""
        if not piece:
            return []
        received += piece
    return received.decode().splitlines()


def refusal(link: socket.socket) -> str | None:
    """Why a server that closed before it had the whole request will not fork, where it said so."""
    said = [line.split(" ", 1) for line in lines_of(link)]
    return next((words[1] for words in said if words[0] == "refused"), None)


def main() -> None:
    """Run a program in a fork of the server's, or here."""
    folder, command = sys.argv[1], sys.argv[2:]
    try:
        link = connect(folder)
    except Unreachable as error:
        _instead(command, str(error))
    environment = [b"=".join(pair) for pair in os.environb.items()]
    head = [os.fsencode(os.getcwd()), b"%d" % len(command), *map(os.fsencode, command), *environment]
    request = pack(head)
    relayed: list[int] = []
    for number in _RELAYED:
        signal.signal(number, lambda number, _: _relay(link, number, relayed))
    try:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("2i", 1, 2))]
        sent = link.sendmsg([request], rights)
        if sent < len(request):  # to send nothing fails too, where the server has answered and closed already
            link.sendall(request[sent:])
    except OSError as error:
        _instead(command, refusal(link) or f"{folder}: {error.strerror}")
    words: list[str] = []
    while not words or words[0] != "ended":
        lines = lines_of(link)
        if not lines and not words and not relayed:
            _instead(command, f"{folder}: the server there has ended{last_words(folder)}")
        if not lines:
            print(f"the process that ran this is gone: its server ({folder}) was ended", file=sys.stderr, flush=True)
            os._exit(1)
        for line in lines:
            words = line.split(" ", 1)
            if words[0] == "refused":
                _instead(command, words[1])
            if words[0] == "ended":
                break
    status, *usage = words[1].split()
    try:
        with open(os.path.join(folder, f"{USAGE}{os.getpid()}"), "w", encoding="ascii") as file:
            file.write(" ".join(usage))
    except OSError:
        pass
    _end_as(int(status))


def _relay(link: socket.socket, number: int, relayed: list[int]) -> None:
    relayed.append(number)
    try:
        link.sendall(b"signal %d\n" % number)
    except OSError:
        pass


def _end_as(status: int) -> NoReturn:
    """End as a process with that wait status did."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        try:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the memory that would be dumped is not the training's
        except (ImportError, OSError, ValueError):
            pass
        os.kill(os.getpid(), -code)
        code = 128 - code  # a signal that is ignored at this place
    os._exit(code)


def _instead(command: list[str], why: str) -> NoReturn:
    """Become the program."""
    for number in _RELAYED:
        signal.signal(number, signal.SIG_DFL)
    print(f"note – libraries are loaded anew: {why}", flush=True)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


if __name__ == "__main__":
    main()
