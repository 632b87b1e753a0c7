"""``make bench``: the platform's own figures, one after the other; ``make bench ARGS=search`` those of the search."""

from __future__ import annotations

import subprocess
import sys

PLATFORM = [
    ["benchmarks.parse"],
    ["benchmarks.journal", "--store", "folder"],
    ["benchmarks.journal", "--store", "s3", "--trials", "200"],
    ["benchmarks.slots", "--mean", "2"],
    ["benchmarks.slots", "--mean", "10"],
]

SEARCH = [
    ["benchmarks.search.run", "--algorithm", "bayesian", "--set", "nine", "--save"],
    ["benchmarks.search.run", "--algorithm", "bayesian", "--set", "eighteen", "--save"],
    ["benchmarks.search.speed"],
]


def main() -> int:
    """Run the benchmarks named on the command line (platform, search; platform when none is). Returns an exit code."""
    wanted = sys.argv[1:] or ["platform"]
    groups = {"platform": PLATFORM, "search": SEARCH}
    for name in wanted:
        if name not in groups:
            print(f"{name}: no such group of benchmarks; there are {', '.join(groups)}", file=sys.stderr)
            return 2
        for command in groups[name]:
            print("$ python -m", *command, flush=True)
            code = subprocess.run([sys.executable, "-m", *command], check=False).returncode
            if code:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
