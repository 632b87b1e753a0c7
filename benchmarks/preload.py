"""What a local trial of a table costs, in a process of its own and forked: ``python -m benchmarks.preload``.

The trial is what the platform runs: guard, client or interpreter, program, judging, result. CPU seconds are those of
all its processes, so another one's load hardly moves them; seconds are wall clock, and do move.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from automl_core.backends.contract import TrialContext
from automl_core.backends.local import LocalProcess
from automl_core.data.reading import read_table
from automl_core.spec.tasks import LocalTask
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare
from automl_core.tabular.program.describing import PRELOAD

ROOT = Path(__file__).parents[1]


def one(place: Path, learner: str, number: int, preload: str | None) -> tuple[float, float]:
    """Run a trial; returns its CPU seconds and its seconds."""
    spec = place / "spec.yaml"
    spec.write_text(f"learner: {learner}\ncolumns: {{target: cultivar}}\ndata: {{train: none}}\n")
    model = place / f"{learner}{number}"
    context = TrialContext(
        "bench", "run", number, 1, {}, str(place / "checkpoints"), str(model), prepared_dir=str(place / "prepared")
    )
    program = str(ROOT / "templates" / "table-classification" / "1" / "trial.py")
    body = {"command": ["python", program, "--config", str(spec)], "preload": preload}
    began = time.monotonic()
    with LocalProcess(LocalTask.model_validate(body), context, home=place) as job:
        job.start()
        lines = [line for batch in job.follow(interval=0.05) for line in batch]
        ended = job.poll()
    if ended is None or ended.code or ended.cpu_seconds is None:
        raise SystemExit("\n".join(lines))
    return ended.cpu_seconds, time.monotonic() - began


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    trials = parser.parse_args().trials
    print("| learner, 178 wines, 30 folds | CPU s alone | CPU s forked | s alone | s forked |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = read_table(str(ROOT / "examples" / "data" / "wine.csv"))
        prepare(rows, Options.of(target="cultivar", structure=False)).save(place / "prepared")
        for learner in ("naive_bayes", "linear", "lightgbm"):
            found = {}
            for preload in (None, PRELOAD):
                if preload:
                    one(place, learner, 0, preload)  # begins the server
                found[preload] = [one(place, learner, 1 + number, preload) for number in range(trials)]
            alone, forked = ([median(each) for each in zip(*found[key], strict=True)] for key in (None, PRELOAD))
            print(f"| {learner} | {alone[0]:.2f} | {forked[0]:.2f} | {alone[1]:.1f} | {forked[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
