"""How long `make demo` takes from a fresh clone with an empty cache, in turns with another build's.

``python -m benchmarks.demo --other COMMIT`` prints the wall seconds of each run, set-up included, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run both builds in turns; the exit code is 1 when a demonstration failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--other", required=True, metavar="COMMIT", help="the build to compare with")
    parser.add_argument("--ours", default="HEAD", metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {options.other: [], options.ours: []}
    for _ in range(options.rounds):
        for commit, taken in seconds.items():
            taken.append(_demo(commit))
            load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
            print(f"{commit}: {taken[-1]:.1f} s (load averages {load})", flush=True)
    other, ours = (statistics.median(taken) for taken in seconds.values())
    print(f"{options.other} {other:.0f} s, {options.ours} {ours:.0f} s: {ours / other:.2f} of it")
    return 0


def _demo(commit: str) -> float:
    """Wall seconds of one run, in a clone and a home of its own."""
    with tempfile.TemporaryDirectory(prefix="benchmark-demo-") as temporary:
        clone, home = Path(temporary, "clone"), Path(temporary, "home")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, clone], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=clone, check=True)
        env = {name: value for name, value in os.environ.items() if name not in ("UV_CACHE_DIR", "PIP_CACHE_DIR")}
        env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
        env.pop("VIRTUAL_ENV", None)
        begun = time.monotonic()
        done = subprocess.run(["make", "demo"], cwd=clone, env=env, capture_output=True, text=True, check=False)
        taken = time.monotonic() - begun
    if done.returncode != 0:
        raise SystemExit(f"{commit}: make demo failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return taken


if __name__ == "__main__":
    sys.exit(main())
