"""The Python that an environment is made of: the worker's own, or another version that the machine has."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache

from automl_core.environments.problems import EnvironmentProblem

_ASK = (
    "import json,platform,sys,sysconfig;"
    "print(json.dumps([getattr(sys,'_base_executable',sys.executable),platform.python_implementation(),"
    "platform.python_version(),sysconfig.get_platform(),list(platform.libc_ver())]))"
)


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter.

    Attributes:
        path: of it; never that of a virtual environment, which may go.
        implementation: such as CPython.
        version: such as 3.11.9.
        platform: for which wheels are chosen, and the C library's version.
    """

    path: str
    implementation: str
    version: str
    platform: str

    @property
    def text(self) -> str:
        """For people: ``Python 3.11.9``."""
        return f"Python {self.version}"


def find_python(version: str | None) -> Python:
    """The interpreter of a version, such as ``3.12``; the worker's own where none is given.

    Raises:
        EnvironmentProblem: this machine has none.
    """
    own = _own()
    if version is None or own.version.split(".")[:2] == version.split("."):
        return own
    found = shutil.which(f"python{version}")
    if found is None:
        raise EnvironmentProblem(
            f"environment.python: there is no python{version} on the PATH of this machine (its worker has "
            f"{own.version}): install it, or leave python out", systematic=True,
        )  # fmt: skip
    return _asked(found, os.stat(found).st_mtime)


@lru_cache(maxsize=1)
def _own() -> Python:
    base = getattr(sys, "_base_executable", None) or sys.executable
    where = f"{sysconfig.get_platform()} {' '.join(platform.libc_ver())}"
    return Python(base, platform.python_implementation(), platform.python_version(), where.strip())


@lru_cache(maxsize=8)
def _asked(path: str, changed: float) -> Python:
    try:
        said = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=60, check=True)
        base, implementation, version, where, libc = json.loads(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EnvironmentProblem(f"environment.python: {path} does not run: {error}", systematic=True) from None
    return Python(base, implementation, version, f"{where} {' '.join(libc)}".strip())
