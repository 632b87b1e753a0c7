"""Lines that are drawn again give the same points on every way that output takes: a process here, the log of a pod.

What is printed are the recorded outputs of real libraries, whose bars redraw themselves with carriage returns.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes.cursor import LogCursor
from automl_core.backends.local import LocalProcess
from automl_core.metrics import Series, open_source
from automl_core.spec.metrics import Metrics
from automl_core.spec.tasks import LocalTask
from tests.sources import ROOT

OUTPUTS = ROOT / "tests" / "assets" / "outputs"
_METRICS = TypeAdapter(Metrics)
BEGAN = datetime(2026, 11, 29, tzinfo=UTC)

TQDM = (
    "".join(
        "".join(f"\rloss: {n}/20 [00:00, loss={3 - epoch}.{n:02}]" for n in range(1, 21))
        + f"\r{' ' * 40}\repoch {epoch} is done\n"
        for epoch in range(3)
    )
    + "\r20/20 [00:02]\n"
).encode()
"""tqdm with ``loss`` in its postfix, no step, three epochs of 20 batches, tqdm.write after each."""

STEPS = "\r".join(f"Epoch {n // 50}: {n % 50}/50, val_loss={n % 50 / 50}" for n in range(2_000)).encode()
"""A bar over the whole training in one line that never ends, as Lightning draws it."""


def process(printed: Path) -> list[str]:
    """The lines of a local process that prints a file in small portions."""
    program = (
        "import sys, time\n"
        f"data = open({str(printed)!r}, 'rb').read()\n"
        "size = max(1, len(data) // 37)\n"
        "for at in range(0, len(data), size):\n"
        "    sys.stdout.buffer.write(data[at : at + size]); sys.stdout.buffer.flush(); time.sleep(0.001)\n"
    )
    folder = printed.parent
    context = TrialContext(
        experiment_id="e", run_id="r", trial=0, attempt=1, params={}, budget=None, resume_from=None,
        checkpoint_dir=str(folder / "checkpoint"), model_dir=str(folder / "model"),
    )  # fmt: skip
    task = LocalTask.model_validate({"name": "print", "command": ["python", "-c", program]})
    with LocalProcess(task, context, home=folder) as job:
        job.start()
        lines = [line for batch in job.follow(interval=1.0) for line in batch]
        ended = job.poll()
    assert ended is not None
    assert ended.ok, ended.reason
    return lines


def pod(printed: Path) -> list[str]:
    """The lines of a pod's log with the same, read in several goes that are cut off anywhere."""
    cursor, lines = LogCursor(), []
    log = [
        f"{BEGAN + timedelta(milliseconds=100 * n):%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + line
        for n, line in enumerate(printed.read_bytes().split(b"\n"))
    ]
    for shown in range(1, len(log) + 1):
        data = b"\n".join(
            line for line in log[:shown] if cursor.since is None or line[:19] >= cursor.since[:19].encode()
        )
        for part, whole in ((data[: -len(log[shown - 1]) // 2], False), (data, shown == len(log))):
            cursor.begin()
            cursor.feed(part)
            cursor.end(whole=whole, clean=part is data)
            lines += cursor.lines.take()
    return lines


WAYS: dict[str, Callable[[Path], list[str]]] = {"local": process, "kubernetes": pod}


def series(lines: list[str], metrics: object) -> Series:
    source = open_source(_METRICS.validate_python(metrics), Path)
    found = Series()
    for line in lines:
        found.add(source.feed(line))
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("printed", "metric", "points"),
    [
        (TQDM, "loss", {0: 3.2, 1: 2.2, 2: 1.2}),
        (STEPS, "val_loss", dict.fromkeys(range(40), 49 / 50)),
    ],
    ids=["tqdm", "one line"],
)
def test_a_lines_last_redraw_counts(
    way: str, printed: bytes, metric: str, points: dict[float, float], tmp_path: Path
) -> None:
    file = tmp_path / "printed"
    file.write_bytes(printed)
    found = series(WAYS[way](file), {"source": "stdout"})
    assert {point.step: point.values[metric] for point in found if metric in point.values} == points


@pytest.mark.parametrize(
    "truth",
    [path for path in sorted(OUTPUTS.glob("*/*.json")) if path.with_suffix(".txt").exists()],
    ids=lambda path: path.relative_to(OUTPUTS).with_suffix("").as_posix(),
)
def test_every_way_gives_the_same_points(truth: Path, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    printed.write_bytes(truth.with_suffix(".txt").read_bytes())
    metrics = json.loads(truth.read_text(encoding="utf-8"))["metrics"]
    first, *others = (series(way(printed), metrics) for way in WAYS.values())
    assert len(first)
    assert all(other == first for other in others)
