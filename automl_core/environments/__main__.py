"""``python -m automl_core.environments LOCK [--python 3.12]``: make a lock file's environment, print its Python."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from automl_core.environments import EnvironmentProblem, Shelf
from automl_core.spec.lock_files import LockError, read_lock


def main(arguments: list[str] | None = None) -> int:
    """Make it, saying on standard error what is going on; 1 where it can't be made."""
    parser = argparse.ArgumentParser(prog="python -m automl_core.environments", description=__doc__)
    parser.add_argument("lock", type=Path, help="the lock file")
    parser.add_argument("--python", help="version of Python, such as 3.12; this one's when left out")
    asked = parser.parse_args(arguments)
    shelf = Shelf.of(Path(os.environ.get("AUTOML_HOME") or Path.cwd()))
    try:
        held = shelf.ensure(read_lock(asked.lock), asked.python, say=lambda line: print(line, file=sys.stderr))
    except (EnvironmentProblem, LockError) as error:
        print(f"environment: {error}", file=sys.stderr)
        return 1
    print(held.python)
    held.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
