"""Records what a training library really prints, beside the truth that the library itself kept of the same run.

A script ``record_LIBRARY.py`` beside this file names its cases and calls `main`. Each case runs in a process of its
own whose output is a pipe, as a training task's is: standard output and standard error together, Python unbuffered,
no terminal, no COLUMNS unless the case sets it. What came out is stored unchanged as ``LIBRARY/CASE.txt`` (files that
the library wrote, below ``LIBRARY/CASE/``), the truth as ``LIBRARY/CASE.json``.

    python record_keras.py [CASE …]       # in an environment with the versions of the script's header
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

OUTPUTS = Path(os.environ.get("RECORDINGS") or Path(__file__).resolve().parents[1])
"""Where recordings go: another folder where RECORDINGS names one (`make test-heavy` records anew, and compares)."""
MAX_BYTES = 20_000

History = dict[str, list[tuple[float, float]]]
"""Metric, as the product is to name it → its (step, value) pairs in order, from the library's own API."""


@dataclass(frozen=True)
class Case:
    """One run of a library.

    Attributes:
        train: trains in the folder it is given, prints as the library prints, and returns the truth.
        goals: metric → direction, those whose values are compared.
        guess: what was expected before the run.
        seen: where the guess missed.
        metrics: the training task's ``metrics`` in the experiment file; a path is relative to ``LIBRARY/CASE``.
        tolerance: how far a value may be off, absolutely, because of the digits that the library prints.
        env: further environment variables.
        kept: pattern of the files in the folder that are kept.
        fails: the metric whose NaN or infinity has to fail the trial.
    """

    train: Callable[[Path], History]
    goals: dict[str, str]
    guess: str
    seen: str = ""
    metrics: dict[str, Any] = field(default_factory=lambda: {"source": "stdout"})
    tolerance: float = 5.1e-5
    env: dict[str, str] = field(default_factory=dict)
    kept: str = ""
    fails: str | None = None


def main(library: str, packages: Iterable[str], cases: dict[str, Case], **versions: str) -> None:
    """Record the cases named on the command line, or all.

    Args:
        library: names the folder.
        packages: distributions whose version belongs to the recording.
        cases: by name.
        versions: of what is used without being installed.
    """
    if sys.argv[1:2] == ["--child"]:
        name, place = sys.argv[2:]
        history = cases[name].train(Path(place) / "files")
        sys.stdout.flush()
        Path(place, "history.json").write_text(json.dumps(history))
        return
    for name in sys.argv[1:] or cases:
        installed = {package: version(package).partition("+")[0] for package in packages}
        _record(library, installed | versions, name, cases[name])


def _record(library: str, versions: dict[str, str], name: str, case: Case) -> None:
    folder = OUTPUTS / library
    folder.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "TERM"}}
    with tempfile.TemporaryDirectory() as place:
        Path(place, "files").mkdir()
        done = subprocess.run(
            [sys.executable, os.path.abspath(sys.argv[0]), "--child", name, place],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env={**environment, "PYTHONUNBUFFERED": "1", **case.env},
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{library}/{name} failed:\n{done.stdout.decode()}")
        history: History = json.loads(Path(place, "history.json").read_text())
        shutil.rmtree(folder / name, ignore_errors=True)
        if case.kept:
            for path in sorted(Path(place, "files").rglob(case.kept)):
                kept = folder / name / path.relative_to(Path(place, "files"))
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)
                _check_size(kept)
    if case.metrics["source"] == "stdout":
        (folder / f"{name}.txt").write_bytes(done.stdout)
        _check_size(folder / f"{name}.txt")
    truth = {
        "library": library,
        "versions": {"python": sys.version.split()[0], **versions},
        "command": f"python tests/assets/outputs/make/{Path(sys.argv[0]).name} {name}",
        "environment": {"PYTHONUNBUFFERED": "1", **case.env},
        "guess": case.guess,
        "seen": case.seen or "as expected",
        "metrics": case.metrics,
        "tolerance": case.tolerance,
        "fails": case.fails,
        "goals": {metric: _goal(direction, history[metric]) for metric, direction in case.goals.items()},
    }
    text = json.dumps(truth, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{library}/{name}: {len(done.stdout)} bytes")


def _goal(direction: str, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    finite = [value for _, value in pairs if math.isfinite(value)]
    return {
        "direction": direction,
        "steps": [step for step, _ in pairs],
        "values": [value if math.isfinite(value) else str(value) for _, value in pairs],
        "best": (max if direction == "maximize" else min)(finite, default=None),
        "last": finite[-1] if finite else None,
    }


def _check_size(path: Path) -> None:
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path}: {path.stat().st_size} bytes, at most {MAX_BYTES} are kept: train less")
