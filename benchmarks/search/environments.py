"""The peers' virtual environments, made once with uv from the pins beside this file.

Two of them: HEBO's pins collide with everybody else's. ``python -m benchmarks.search.environments`` makes both, with
``main -m benchmarks.search.run …`` behind it runs something in one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

REQUIREMENTS = {
    "main": HERE / "peers-requirements.txt",
    "hebo": HERE / "peers-requirements-hebo.txt",
    "tao": HERE / "peers-requirements-tao.txt",
}
"""Name → what is installed."""


def python(name: str) -> Path:
    """The interpreter of an environment, which is made when it isn't there or its pins have changed.

    Raises:
        subprocess.CalledProcessError: uv could not install it (it says why on standard error).
    """
    folder, requirements = HERE / ".peers-venv" / name, REQUIREMENTS[name]
    interpreter, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists() or done.stat().st_mtime < requirements.stat().st_mtime:
        print(f"setting up {folder.relative_to(ROOT)} …", file=sys.stderr, flush=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [*uv, "pip", "install", "--quiet", "--no-deps", "--python", str(interpreter)]
        subprocess.run([*install, "--requirements", str(requirements)], check=True)
        done.touch()
    return interpreter


def run(name: str, *arguments: str, limit: float | None = None) -> int:
    """Run Python in an environment, from the repository's root and on one core. Returns its exit code.

    Raises:
        subprocess.TimeoutExpired: it took longer than the limit (seconds) and was ended.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [str(python(name)), *arguments], cwd=ROOT, env=environment, timeout=limit, check=False
    ).returncode


def main() -> int:
    """Command line: makes every environment, or runs what is named after one of them in it."""
    if len(sys.argv) < 2:
        for name in REQUIREMENTS:
            print(python(name))
        return 0
    if sys.argv[1] not in REQUIREMENTS:
        print(f"{sys.argv[1]}: no such environment; there are {', '.join(REQUIREMENTS)}", file=sys.stderr)
        return 2
    return run(sys.argv[1], *sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
