"""What a model costs to open and to ask: ``python -m benchmarks.tables.one_row MODEL_FOLDER``.

Prints the CPU seconds from the start of a process to its first prediction (numpy alone, the scorer of the folder), and
the milliseconds of one row after that.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys, time
from pathlib import Path
home = Path(sys.argv[1])
sys.path.insert(0, str(home))
from scorer.scorer import Scorer
scorer = Scorer.load(home)
golden = json.loads((home / "golden.json").read_text())
row = golden["rows"][:1]
scorer.predict(row)
first = time.process_time()
for _ in range(50):
    scorer.predict(row)
print(f"{first:.2f} CPU s to the first prediction, {(time.process_time() - first) / 50 * 1000:.2f} ms a row")
"""


def main() -> int:
    """Command line."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    return subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(Path(sys.argv[1]).resolve())], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
