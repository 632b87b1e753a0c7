"""Making one environment: the empty one, the lock file's packages, this product's code."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from automl_core.backends.base import Cause, Exit, StartError
from automl_core.backends.local import LocalProcess
from automl_core.environments import linking, registry
from automl_core.environments.problems import EnvironmentProblem, NotWanted, problem_of
from automl_core.environments.pythons import Python
from automl_core.spec.lock_files import OWN, Lock, normal

LIMIT_VARIABLE, LIMIT = "AUTOML_ENVIRONMENT_TIMEOUT", 1800.0
"""Seconds that making an environment may take."""

OUTAGE = 300.0
"""Seconds for which a registry that can't be reached is asked again."""

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0
_BREATH = 0.25
_MOST_SAID = 2_000
_PIP = ("--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar", "off")
_UV = ("--color", "never", "--no-progress")
_LOCK = "lock.txt"


@dataclass(slots=True)
class Making:
    """One environment that is being made.

    Attributes:
        folder: where it will stay: scripts in it name their interpreter by its whole path.
        lock: what goes into it.
        python: of what it is made.
        say: is told what people are to read.
        wanted: whether anybody still waits for it.
        environ: the worker's environment.
        patience: seconds for which a registry that is away is asked again.
        sleep: waits.
    """

    folder: Path
    lock: Lock
    python: Python
    say: Callable[[str], None]
    wanted: Callable[[], bool]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    patience: float = OUTAGE
    sleep: Callable[[float], None] = time.sleep
    _until: float = 0.0

    def run(self) -> str:
        """Make it. Returns what has installed the packages: ``uv`` or ``pip``.

        Raises:
            EnvironmentProblem: it can't be made.
            NotWanted: nobody waits any more.
            OSError: the disk.
        """
        limit = limit_of(self.environ)
        self._until = time.monotonic() + limit
        settings = registry.pips_settings(self.environ)
        own = registry.variables(self.environ)
        redact = registry.Redactor(own, settings)
        uv, told = find_uv(self.environ), registry.for_uv(settings, self.environ)
        ways = ["uv"] if uv is not None and told is not None else []
        if uv is None or told is None or told:  # pip reads its own settings best, should uv not get along with them
            ways += ["pip"] if pip_is_there(self.python) or not ways else []
        last: EnvironmentProblem | None = None
        for number, way in enumerate(ways):
            if last is not None:
                self.say(f"environment: uv did not get along ({last.headline}) pip tries, by its own settings")
            try:
                self._patiently(way, uv or "", told or registry.Told(), own, redact)
                break
            except EnvironmentProblem as error:
                last = error
                if error.certain or number + 1 == len(ways):
                    raise
        linking.link_into(site_packages(self.folder))
        self._tell_of_others()
        return way

    def _patiently(
        self, way: str, uv: str, told: registry.Told, environment: Mapping[str, str], redact: Callable[[str], str]
    ) -> None:
        """Install in one way, again while the registry is away."""
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                self._install(way, uv, told, environment, redact)
            except EnvironmentProblem as error:
                if not error.outage or time.monotonic() + pause - began > self.patience:
                    raise
                self.say(f"environment: {error.headline} Asking again in {pause:g} s")
                waited = 0.0
                while waited < pause:
                    if not self.wanted():
                        raise NotWanted from None
                    self.sleep(_BREATH)
                    waited += _BREATH
                pause = min(_LONGEST_PAUSE, 2 * pause)
            else:
                return

    def _install(
        self, way: str, uv: str, told: registry.Told, environment: Mapping[str, str], redact: Callable[[str], str]
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        python, file = self.folder / "bin" / "python", self.folder / _LOCK
        hashes = ["--require-hashes"] if self.lock.hashed else []
        if way == "uv":
            empty = [uv, "venv", "--quiet", "--no-project", "--python", self.python.path, str(self.folder)]
            fill = [uv, "pip", "install", *_UV, "--python", str(python), "--requirements", str(file)]
            fill += told.arguments
            environment = {"UV_PYTHON_DOWNLOADS": "never", **environment, **told.variables}
        elif _own_pip():
            empty = [self.python.path, "-m", "venv", "--without-pip", str(self.folder)]
            fill = [sys.executable, "-m", "pip", "--python", str(python), "install", *_PIP, "--requirement", str(file)]
        else:
            empty = [self.python.path, "-m", "venv", str(self.folder)]
            fill = [str(python), "-m", "pip", "install", *_PIP, "--requirement", str(file)]
        said, ended = self._command(empty, environment, redact)
        if not ended.ok:
            raise EnvironmentProblem(
                f"{self.python.text} ({self.python.path}) makes no virtual environment: "
                + ("\n".join(said[-5:]) or ended.reason)
                + ". On Debian and Ubuntu: apt-get install python3-venv, or pip install uv beside automl",
                systematic=True,
            )  # fmt: skip
        file.write_text(self.lock.text, encoding="utf-8")
        said, ended = self._command([*fill, *hashes], environment, redact)
        if not ended.ok:
            raise problem_of(self.lock, said, way, ended.reason)

    def _command(
        self, arguments: list[str], environment: Mapping[str, str], redact: Callable[[str], str]
    ) -> tuple[list[str], Exit]:
        """Run one command to its end, nothing of which outlives this process."""
        left = max(1.0, self._until - time.monotonic())
        path = {"PATH": environment.get("PATH", os.defpath)}
        said: list[str] = []
        job = LocalProcess.of(arguments, {**environment, **path}, cwd=Path("/"), timeout=left, label="environment")
        try:
            with job:
                job.start()
                for lines in job.follow(interval=_BREATH):
                    said += [redact(line) for line in lines]
                    del said[:-_MOST_SAID]
                    if not self.wanted():
                        job.terminate(1.0)
                ended = job.poll()
        except StartError as error:
            raise EnvironmentProblem(str(error), systematic=error.systematic) from None
        assert ended is not None
        if ended.cause is Cause.TERMINATED:
            raise NotWanted
        if ended.cause is Cause.TIMEOUT:
            raise EnvironmentProblem(
                f"{self.lock.name}: installing {len(self.lock.pins)} packages took longer than "
                f"{limit_of(self.environ):g} s ({LIMIT_VARIABLE} of the worker says how long it may). Its last lines:\n"
                + "\n".join(said[-5:]), certain=True,
            )  # fmt: skip
        return said, ended

    def _tell_of_others(self) -> None:
        """Warn of packages that came along without being in the lock file: another machine may get another version."""
        listed = {pin.name for pin in self.lock.pins} | {normal(OWN), "pip", "setuptools"}
        others = sorted(f"{name}=={version}" for name, version in installed(self.folder) if normal(name) not in listed)
        if others:
            shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
            self.say(
                f"environment: {self.lock.name} does not have all that its packages need, so these came in whatever "
                f"version the registry has today: {shown}. Compile it anew (uv pip compile)"
            )


def limit_of(environ: Mapping[str, str]) -> float:
    """Seconds that making an environment may take on this machine."""
    try:
        return max(1.0, float(environ.get(LIMIT_VARIABLE) or LIMIT))
    except ValueError:
        return LIMIT


def find_uv(environ: Mapping[str, str]) -> str | None:
    """Uv beside the worker's Python, or on its PATH."""
    folders = (os.path.dirname(sys.executable), environ.get("PATH", os.defpath))
    return shutil.which("uv", path=os.pathsep.join(folders))


def pip_is_there(python: Python) -> bool:
    """Whether pip can install into an environment of a Python: the worker's, or one that the Python brings."""
    return _own_pip() or os.path.isdir(os.path.join(_library(python), "ensurepip"))


def _own_pip() -> bool:
    """Whether the worker has a pip; each that knows Python 3.11 installs into other environments too (22.3)."""
    return importlib.util.find_spec("pip") is not None


def _library(python: Python) -> str:
    number = ".".join(python.version.split(".")[:2])
    return os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(python.path))), "lib", f"python{number}")


def site_packages(folder: Path) -> Path:
    """Where an environment has its packages."""
    return next(iter(sorted((folder / "lib").glob("python*/site-packages"))))


def installed(folder: Path) -> list[tuple[str, str]]:
    """Name and version of what is installed in an environment."""
    found = []
    for described in site_packages(folder).glob("*.dist-info"):
        name, _, version = described.name.removesuffix(".dist-info").rpartition("-")
        found.append((name, version))
    return found
