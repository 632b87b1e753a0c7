"""What threads read at once is known to msgspec before: else the first two end the process."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.sources import ROOT

PROGRAM = """
import sys, threading

sys.setswitchinterval(1e-6)
import msgspec

from automl_core.models.life.life import Life
from automl_core.models.rollout.looks import Checkpoint
from automl_core.models.rollout.tallies import Tally

written = msgspec.json.encode(Checkpoint()), msgspec.json.encode(Tally(1, 0, "srv", 1, 0.0, 1.0, {})), Life().encode()
together = threading.Barrier(8)


def read():
    together.wait()
    msgspec.json.decode(written[0], type=Checkpoint)
    msgspec.json.decode(written[1], type=Tally)
    Life.decode(written[2])


threads = [threading.Thread(target=read) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""


def test_the_first_ones_read_in_threads_end_no_process() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr


def test_what_is_read_from_stores_is_known() -> None:
    found = {}
    for part in ("journal", "models", "study"):
        for path in (ROOT / "automl_core" / part).rglob("*.py"):
            text = path.read_text()
            read = set(re.findall(r"json\.decode\(.*type=([A-Z_]\w*)\)", text))
            told = set(re.findall(r"\w+", " ".join(re.findall(r"^known\((.*)\)$", text, re.MULTILINE))))
            if read and path.name != "__main__.py":  # a process of its own, without threads
                found[str(path.relative_to(ROOT))] = sorted(read - told)
    assert len(found) >= 5
    assert not any(found.values()), found
