"""The environments of a machine: one folder for each, made once however many trainings ask for it at once.

Every process that uses one has a shared lock on it, whoever makes or removes it an exclusive one; the kernel gives
locks back when a process dies. An environment is made in a folder of a name that nobody had before, and a small file
that is renamed into place says last that it is whole, and which folder it is. (It is not renamed itself: scripts in it
name their interpreter by its path.) So one whose making was killed is never taken, and the next process begins anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl_core.environments.linking import package_folder
from automl_core.environments.making import OUTAGE, Making
from automl_core.environments.problems import EnvironmentProblem, NotWanted
from automl_core.environments.pythons import Python, find_python
from automl_core.release import RELEASE
from automl_core.spec.lock_files import Lock

VARIABLE = "AUTOML_ENVIRONMENTS"
"""Environment variable with the folder for environments."""

FOLDER = ".automl-environments"
"""Where that is below AUTOML_HOME, unless the variable says otherwise."""

_READY, _FAILED, _LOCK = "ready.json", "failed.json", "lock"
_POLL = 0.2
_FORMAT = 1


@dataclass(slots=True)
class Held:
    """An environment that is in use.

    Attributes:
        python: its interpreter.
        made: whether this very call has made it.
        seconds: that was waited for it.
    """

    python: Path
    made: bool = False
    seconds: float = 0.0
    _lock: int = field(default=-1, repr=False)

    def release(self) -> None:
        """Say that it is no longer in use; more than once does no harm."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@dataclass(frozen=True, slots=True)
class Kept:
    """An environment that lies on the machine.

    Attributes:
        folder: with all that belongs to it.
        used: when somebody last asked for it, in seconds since 1970.
        what: for people; empty where its making was killed.
    """

    folder: Path
    used: float
    what: str


class Shelf:
    """The environments of this machine.

    Attributes:
        root: the folder that they lie in.
    """

    def __init__(self, root: Path, *, environ: Mapping[str, str] | None = None, patience: float = OUTAGE) -> None:
        """Nothing is made before it is needed.

        Args:
            root: the folder.
            environ: of the worker: where its packages come from.
            patience: seconds for which a registry that is away is asked again.
        """
        self.root, self._environ, self._patience = root, environ if environ is not None else os.environ, patience

    @classmethod
    def of(cls, home: Path, environ: Mapping[str, str] | None = None) -> Shelf:
        """Those of this machine: AUTOML_ENVIRONMENTS, else below AUTOML_HOME, else in the folder for temporary files.

        Args:
            home: AUTOML_HOME.
            environ: the process's environment.
        """
        environ = environ if environ is not None else os.environ
        given = environ.get(VARIABLE)
        root = Path(given).expanduser().resolve() if given else home.absolute() / FOLDER
        if not given and not _is_ours(root):
            root = Path(tempfile.gettempdir()) / f"automl-environments-{os.getuid()}"
        return cls(root, environ=environ)

    def key(self, lock: Lock, python: Python) -> str:
        """The name of an environment: a digest of all that it is made from."""
        told = [
            _FORMAT, lock.digest, python.path, python.implementation, python.version, python.platform, RELEASE,
            str(package_folder()),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]

    def ensure(
        self, lock: Lock, version: str | None = None, *, say: Callable[[str], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Held:  # fmt: skip
        """The environment of a lock file, made where it is not there. To be released when it is no longer used.

        Args:
            lock: the file.
            version: of Python, such as ``3.12``; the worker's own when left out.
            say: is told of waiting and making.
            wanted: whether anybody still waits for it.

        Raises:
            EnvironmentProblem: it can't be made; whoever waited while another process tried meets what that one met.
            NotWanted: nobody waits any more.
        """
        began = time.time()
        python = find_python(version)
        entry = self.root / self.key(lock, python)
        said = False
        while True:
            held = self._locked(entry, fcntl.LOCK_SH)
            if held is not None:
                if (found := _whole(entry)) is not None:
                    os.utime(entry / _READY)
                    return Held(found, seconds=time.time() - began, _lock=held)
                os.close(held)
                held = self._locked(entry, fcntl.LOCK_EX)
            if held is None:
                if not said:
                    said = True
                    say(f"environment: waiting for another process of this machine that makes it for {lock.name}")
                if not wanted():
                    raise NotWanted
                time.sleep(_POLL)
                continue
            try:
                made = _whole(entry) is None
                if made:
                    _meet(entry, began if said else None)
                    self._make(entry, lock, python, say, wanted)
                fcntl.flock(held, fcntl.LOCK_SH)  # not at once: whoever removes may come between, and is looked for
                found = _whole(entry)
                if found is not None and _is_the_one(held, entry):
                    return Held(found, made, time.time() - began, held)
            except BaseException:
                os.close(held)
                raise
            os.close(held)

    def known(self, lock: Lock, version: str | None = None) -> Path | None:
        """The interpreter of an environment that is there already; nothing is made, and nothing waited for.

        Raises:
            EnvironmentProblem: this machine can't have it.
        """
        return _whole(self.root / self.key(lock, find_python(version)))

    def _make(
        self, entry: Path, lock: Lock, python: Python, say: Callable[[str], None], wanted: Callable[[], bool]
    ) -> None:
        _clear(entry)
        name = f"env-{uuid.uuid4().hex[:8]}"
        count = f"{len(lock.pins)} package{'s' if len(lock.pins) > 1 else ''}"
        say(
            f"environment: making it for {lock.name}: {count}, {python.text}, in {entry / name}. "
            "That is done once on each machine"
        )
        began = time.monotonic()
        try:
            making = Making(entry / name, lock, python, say, wanted, self._environ, self._patience)
            how = making.run()
            seconds = time.monotonic() - began
            body = {
                "folder": name, "lock": lock.name, "digest": lock.digest, "packages": len(lock.pins),
                "python": python.version, "release": RELEASE, "made": time.time(), "seconds": seconds, "by": how,
            }  # fmt: skip
            _write(entry / _READY, body)
        except OSError as error:
            _clear(entry)
            raise EnvironmentProblem(f"{entry} can't be written: {error.strerror or error}") from None
        except EnvironmentProblem as error:
            _clear(entry)
            body = {"at": time.time(), "message": str(error), "systematic": error.systematic, "outage": error.outage}
            with contextlib.suppress(OSError):
                _write(entry / _FAILED, body)
            raise
        except BaseException:
            _clear(entry)
            raise
        say(f"environment: made by {how} in {seconds:.1f} s")

    def _locked(self, entry: Path, kind: int) -> int | None:
        """A lock on an environment's folder, which is made; None where somebody else has one that excludes it.

        Raises:
            EnvironmentProblem: the folder can't be made, or is another user's.
        """
        while True:
            try:
                entry.mkdir(parents=True, exist_ok=True, mode=0o755)
                lock = os.open(entry / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:  # removed in between
                continue
            except OSError as error:
                raise EnvironmentProblem(
                    f"the folder of environments {self.root} can't be written to ({error.strerror}): set {VARIABLE} to "
                    "one that can", systematic=True,
                ) from None  # fmt: skip
            if not (_is_ours(self.root) and _is_ours(entry)):
                os.close(lock)
                raise EnvironmentProblem(
                    f"{entry} is another user's, or others may write there, so what lies there is not run: set "
                    f"{VARIABLE} to a folder of this user alone", systematic=True,
                )  # fmt: skip
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            if _is_the_one(lock, entry):
                return lock
            os.close(lock)

    def kept(self) -> Iterator[Kept]:
        """What lies here, those too whose making was killed."""
        try:
            folders = sorted(path for path in self.root.iterdir() if path.is_dir() and not path.is_symlink())
        except OSError:
            return
        for folder in folders:
            ready = _read(folder / _READY)
            try:
                used = (folder / (_READY if ready else _LOCK)).stat().st_mtime
            except OSError:
                used = folder.stat().st_mtime if folder.exists() else 0.0
            what = f"{ready.get('lock')}, Python {ready.get('python')}" if ready else ""
            yield Kept(folder, used, what)

    def remove(self, kept: Kept) -> str:
        """Remove one that nobody has used since it was looked at. Returns why it stays, empty where it is gone."""
        if not kept.folder.exists():
            return ""
        lock = self._locked(kept.folder, fcntl.LOCK_EX)
        if lock is None:
            return "a training uses it just now"
        try:
            now = next((each for each in self.kept() if each.folder == kept.folder), None)
            if now is not None and now.used > kept.used and now.what:
                return "a training has used it since"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(kept.folder / _READY)  # first: what is left by a kill doesn't look whole
            shutil.rmtree(kept.folder, ignore_errors=True)
            return "" if not kept.folder.exists() else "this user may not remove it"
        finally:
            os.close(lock)


def _whole(entry: Path) -> Path | None:
    """The interpreter of an environment that is whole, and whose Python and product are still where they were."""
    body = _read(entry / _READY)
    if body is None:
        return None
    folder = entry / str(body.get("folder"))
    python = folder / "bin" / "python"
    links = list((folder / "lib").glob("python*/site-packages/automl_core"))
    return python if os.access(python, os.X_OK) and links and (links[0] / "release.py").is_file() else None


def _meet(entry: Path, waited_since: float | None) -> None:
    """What another process has met while this one waited for it: the same would come of a further try now.

    Raises:
        EnvironmentProblem: that.
    """
    body = _read(entry / _FAILED)
    if waited_since is None or body is None or float(body.get("at", 0)) < waited_since:
        return
    raise EnvironmentProblem(
        str(body.get("message")), systematic=bool(body.get("systematic")), outage=bool(body.get("outage"))
    )


def _clear(entry: Path) -> None:
    for name in (_READY, _FAILED):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(entry / name)
    for left in entry.glob("env-*"):
        shutil.rmtree(left, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def _write(path: Path, body: Mapping[str, Any]) -> None:
    """Write a file whole, or not at all."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(json.dumps(body), encoding="utf-8")
    os.replace(temporary, path)


def _is_ours(path: Path) -> bool:
    """Whether a folder is this user's, and not everybody may write there; of a missing one, whether it can be made."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return os.access(path.parent, os.W_OK | os.X_OK)
    except OSError:
        return False
    mine = found.st_uid == os.getuid() and not found.st_mode & 0o002
    return mine and stat.S_ISDIR(found.st_mode) and os.access(path, os.W_OK | os.X_OK)


def _is_the_one(lock: int, entry: Path) -> bool:
    """Whether a lock is on the file that has its name now: somebody may have removed the folder and made it again."""
    try:
        named = os.stat(entry / _LOCK)
    except FileNotFoundError:
        return False
    held = os.fstat(lock)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)
