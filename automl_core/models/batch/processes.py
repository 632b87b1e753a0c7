"""Scoring in a process of its own on this machine: below the guard, bounded in time and memory.

It has nothing of the worker's environment that may be a secret; the keys go by a file that only its user can read, and
that is gone once they are read.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from automl_core.backends.base import BackendError, StartError
from automl_core.backends.environment import inherited
from automl_core.backends.local import LocalProcess
from automl_core.models.batch.order import KEYS_FILE, ORDER_FILE, REPORT_FILE, Order, Report
from automl_core.spec.units import format_duration

PYTHON = sys.executable

LONGEST = 6 * 3600.0
"""Seconds that one interval may take."""

MEMORY = 8 << 30
"""Bytes of address space that it may take: rows are read a piece at a time, so this is for the model."""

_LOOK = 1.0


class ScoringProcess:
    """One process that scores one interval."""

    def __init__(self, order: Order, keys: str = "", *, longest: float = LONGEST, memory: int | None = MEMORY) -> None:
        """Prepare, without starting anything.

        Args:
            order: what is to be scored.
            keys: what `keys.keys_text` made; a secret.
            longest: seconds that it may take.
            memory: bytes of address space that it may take, None for no limit of ours.
        """
        self._order, self._keys, self._longest = replace(order, memory=memory), keys, longest
        self._process: LocalProcess | None = None

    def run(self, say: Callable[[str], object], wanted: Callable[[], bool] = lambda: True) -> Report:
        """Score, and wait for it. What becomes of it is always a report.

        Args:
            say: takes the lines that it prints.
            wanted: whether anybody still wants it; asked about once a second.
        """
        with tempfile.TemporaryDirectory(prefix="automl-scoring-") as name:
            folder = Path(name)  # 0700
            (folder / ORDER_FILE).write_text(self._order.to_json(), encoding="utf-8")
            if self._keys:
                keys = folder / KEYS_FILE
                keys.touch(mode=0o600)
                keys.write_text(self._keys, encoding="utf-8")
            command = [PYTHON, "-m", "automl_core.models.batch", str(folder)]
            self._process = LocalProcess.of(
                command, _environment(), cwd=folder, timeout=self._longest, label=f"scoring of {self._order.key}"
            )
            try:
                self._process.start()
                ended = None
                while ended is None:
                    for line in self._process.read(_LOOK):
                        say(line)
                    if not wanted():
                        self._process.terminate(5.0)
                    ended = self._process.poll()
                for line in self._process.read(0):
                    say(line)
            except (StartError, BackendError) as error:
                return Report(problem="later", words=f"the scoring process could not be run: {error}")
            finally:
                self._process.close()
            try:
                return Report.from_json((folder / REPORT_FILE).read_text(encoding="utf-8"))
            except FileNotFoundError:
                return Report(problem="later", words=f"the scoring process came to no end of its own: {ended.reason}")
            except ValueError as error:
                return Report(problem="later", words=str(error))

    def stop(self) -> None:
        """End it; nothing where it doesn't run."""
        if self._process is not None:
            self._process.terminate(5.0)

    @property
    def limits(self) -> str:
        """Its limits, for people."""
        memory = self._order.memory
        return f"{format_duration(self._longest)}{f', {memory >> 20:,} MiB' if memory is not None else ''}"


def _environment() -> dict[str, str]:
    return inherited(os.environ) | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUNBUFFERED": "1",
        # nothing reserved that is not used: the limit is one of addresses
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2",
    }  # fmt: skip
