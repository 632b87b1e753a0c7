"""In the worker: which command a fork may run, and the server that is there for it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from automl_core.backends.environment import inherited
from automl_core.backends.forkserver import client
from automl_core.backends.forkserver.client import LOG, SOCKET, USAGE, Unreachable
from automl_core.release import RELEASE

IDLE = 60.0
"""Seconds after which a server ends for which nobody has come; AUTOML_PRELOAD_IDLE says otherwise."""

_BEGIN = 20.0  # seconds until a server listens: the start of an interpreter, on a machine that is busy
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Forks:
    """The way of one attempt to a fork.

    Attributes:
        folder: of the server.
    """

    def __init__(self, folder: Path) -> None:
        """Know the folder of a server that listens."""
        self.folder = folder

    def command(self, arguments: Sequence[str]) -> list[str]:
        """What is started in place of a program with its arguments."""
        return [sys.executable, "-I", "-S", client.__file__, str(self.folder), *arguments]

    def usage(self, pid: int) -> tuple[float, int] | None:
        """CPU seconds and largest resident set (KiB) of the fork that a client stood for; None where nobody knows.

        Args:
            pid: of the client, which has ended.
        """
        file = self.folder / f"{USAGE}{pid}"
        try:
            cpu_seconds, peak_kib = file.read_text(encoding="ascii").split()
            file.unlink()
            return float(cpu_seconds), int(peak_kib)
        except (OSError, ValueError):
            return None


def forks_for(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, scope: str, python: Path | None = None
) -> Forks | None:
    """The server that is there for a command, started where there is none.

    Args:
        module: that the server has imported.
        arguments: of the command; a fork can run ``python PROGRAM.py …`` with the Python of its server.
        environment: of the command. What changes how libraries load is the server's too.
        scope: whose server it is: attempts of another scope have another one, and share no memory.
        python: of the environment that commands run in, one server each; the worker's own when left out.

    Returns:
        None where the command is another, or no server can be had here; the command is run as it stands then.
    """
    own = str(python or sys.executable)
    if not _can_fork(arguments, environment, own):
        return None
    kept = inherited(environment)  # and no secret of a file's `env`
    told = json.dumps([RELEASE, own, module, scope, sorted(kept.items())]).encode()
    try:
        folder = _private(_private(_base()) / hashlib.sha256(told).hexdigest()[:24])
        with (folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back by a kill
            if not _listens(folder) and not _start(folder, module, kept, python):
                return None
    except OSError:
        return None
    return Forks(folder)


def _can_fork(arguments: Sequence[str], environment: Mapping[str, str], python: str) -> bool:
    if len(arguments) < 2 or not arguments[1].endswith(".py") or arguments[1].startswith("-"):
        return False
    found = shutil.which(arguments[0], path=environment.get("PATH"))
    own = os.path.dirname(python)
    return found is not None and os.path.dirname(os.path.abspath(found)) == own and os.path.samefile(found, python)


def _base() -> Path:
    return Path(tempfile.gettempdir(), f"automl-forks-{os.geteuid()}")


def _private(folder: Path) -> Path:
    """A folder that nobody else can enter, made where it isn't there.

    Raises:
        OSError: somebody else's folder, or a link, lies there.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


def _listens(folder: Path) -> bool:
    try:
        client.connect(str(folder)).close()
    except Unreachable:
        return False
    return True


def _start(folder: Path, module: str, environment: Mapping[str, str], python: Path | None) -> bool:
    """Start a server; whether it listens."""
    _LEFT[:] = [process for process in _LEFT if process.poll() is None]
    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET).unlink()
    idle = os.environ.get("AUTOML_PRELOAD_IDLE") or str(IDLE)
    whole = {**dict.fromkeys(_ONE_THREAD, "1"), **environment}
    # an environment of its own has this product, and must see none of the worker's libraries
    sources = _sources() if python is None else []
    path = [part for part in (environment.get("PYTHONPATH"), *sources) if part]
    command = [str(python or sys.executable), "-m", "automl_core.backends.forkserver.server", str(folder), module, idle]
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd="/", start_new_session=True,
            env={**whole, "PYTHONPATH": os.pathsep.join(path)} if path else whole,
        )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as said:
        ready, _, _ = select.select([said], [], [], _BEGIN)
        listening = bool(ready) and os.read(said.fileno(), 64).startswith(b"listening")
    if not listening:
        process.kill()
        process.wait()
    else:
        _LEFT.append(process)
    return listening


def _sources() -> list[str]:
    """Where this product lies, if the server would not find it by itself."""
    root = str(Path(__file__).parents[3])
    return [root] if root in sys.path else []


_LEFT: list[subprocess.Popen[bytes]] = []
"""Servers that this process began. They outlive it; while it is there, their ends are collected with the next start."""
