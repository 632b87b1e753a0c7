"""``make bench``: the platform's own figures, one after the other; ``make bench ARGS=search`` those of the search."""

from __future__ import annotations

import subprocess
import sys

PLATFORM = [
    ["benchmarks.sizes"],
    ["benchmarks.parse"],
    ["benchmarks.template_parse"],
    ["benchmarks.journal", "--store", "folder"],
    ["benchmarks.journal", "--store", "s3", "--trials", "200"],
    ["benchmarks.slots", "--mean", "2"],
    ["benchmarks.slots", "--mean", "10"],
    ["benchmarks.template_trials"],
    ["benchmarks.preload"],
    ["benchmarks.pods"],
    ["benchmarks.pod_slots"],
    ["benchmarks.instances"],
    ["benchmarks.waiting_slots"],
    ["benchmarks.talkative"],
    ["benchmarks.hung_store"],
    ["benchmarks.evaluation"],
]

_PEERS = ["benchmarks.search.environments", "main", "-m"]
_LENGTHS = {
    "bayesian": ["50", "200", "1000", "5000"],
    "optuna-tpe": ["50", "200", "1000", "5000"],
    "optuna-gp": ["50", "200", "1000"],
    "ax": ["50", "200"],
}
SEARCH = [
    ["benchmarks.search.environments"],
    ["benchmarks.search.jobs"],
    *([*_PEERS, "benchmarks.search.speed", "--algorithm", name, "--lengths", *n] for name, n in _LENGTHS.items()),
    ["benchmarks.search.environments", "hebo", "-m", "benchmarks.search.speed", "--algorithm", "hebo",
     "--lengths", "50", "200"],
    ["benchmarks.search.curves_run", "freeze_thaw", "asha", "hyperband", "bohb", "--save"],
    [*_PEERS, "benchmarks.search.budgets"],
    ["benchmarks.search.transfer", "--seeds", "5", "--save"],
    ["benchmarks.search.multi"],
    [*_PEERS, "benchmarks.search.plots"],
    ["benchmarks.search.table", "--write"],
]  # fmt: skip
"""Takes most of a day on one core; what results/ holds already is not measured again."""


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
