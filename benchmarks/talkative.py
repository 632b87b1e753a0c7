"""Ten trials that print 5 MB and one that prints 100 MB, in one triggerer with many quiet ones.

The triggers, the study and the journal are the product's, the log goes by Airflow's own code into a socket that is read
as slowly as Airflow's supervisor does; what runs is played: it prints and ends by the clock (`benchmarks/watched.py`).
Another checkout of the product is measured after this one.

    python -m benchmarks.talkative --trials 1000 --beside /path/to/another/checkout
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.watched import run_beside

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure this checkout, and another beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--loud", type=int, default=11, help="of these, the first prints 100 MB, others 5 MB each")
    parser.add_argument("--seconds", type=float, default=60.0, help="over which the quiet ones end")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds after which the rest is given up")
    parser.add_argument("--beside", type=Path, help="another checkout of the product")
    parser.add_argument("--only-beside", type=Path, help="the same, without this one")
    options = parser.parse_args()
    beside = options.only_beside or options.beside
    checkouts = ({} if options.only_beside else {"this": ROOT}) | ({"beside": beside.resolve()} if beside else {})
    for name, checkout in checkouts.items():
        arguments = []
        for key in ("trials", "loud", "seconds", "patience"):
            arguments += [f"--{key}", getattr(options, key)]
        found = run_beside(checkout, "talkative", *arguments, seconds=options.seconds + options.patience + 600)
        print(f"{name:7}", "   ".join(f"{key}: {value}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
