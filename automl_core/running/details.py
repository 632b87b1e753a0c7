"""A trial's predictions summed up beside its model: once, in a process of its own, bounded in time and memory.

Whatever is wrong with predictions, or with the machine, no trial fails by it: its value stands already. A worker that
trains does it when the trial's end is recorded. Where no worker was there (a pod, a worker that was killed), the
reducer does it, before models that are not kept are removed. The triggerer never does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from automl_core.backends.environment import inherited
from automl_core.details import FORMAT, NO_LIBRARY, PREDICTIONS, UNREADABLE
from automl_core.extras import DISTRIBUTION
from automl_core.spec.stages import StageExperiment
from automl_core.storage.base import NotFound, StorageError
from automl_core.study import Binding, Outcome, Study
from automl_core.study.binder import becomes_the_trials
from automl_core.study.history import ranking
from automl_core.study.layout import DETAILS_FILE, DETAILS_ROWS, MODEL_FOLDER, details_keys, trial_prefix

PYTHON = sys.executable

LONGEST = 300.0
"""Seconds that the predictions of one trial may take."""

MEMORY = 4 << 30
"""Bytes of address space that they may take."""

LONGEST_IN_ALL = 900.0
"""Seconds that the reducer takes for all trials whose predictions nobody has summed up."""

_FOUND = re.compile(r"experiment_(\d+)/(?:model/(predictions\.(?:parquet|csv))|(details\.json))")

Say = Callable[[str], None]


def _always() -> bool:
    return True


def are_due(study: Study, binding: Binding, outcome: Outcome) -> bool:
    """Whether an attempt that has ended so leaves a trial whose predictions are to be summed up.

    Not that of ``prepare``, whose model folder is data; and not of a training task that another one follows.
    """
    experiment = study.experiment
    if isinstance(experiment, StageExperiment) and experiment.stage == "prepare":
        return False
    last = binding.task == len(experiment.tasks) - 1
    return last and becomes_the_trials(study.state, binding.trial, outcome.state)


def keep_details(
    study: Study, trial: int, model: Path, say: Say, *, wanted: Callable[[], bool] = _always, longest: float = LONGEST
) -> bool:
    """Sum up the predictions in a model's folder, and keep the summary with the trial.

    Args:
        study: of the trial.
        trial: its number.
        model: its folder on this machine.
        say: takes a line for people.
        wanted: whether anybody still wants it; asked now and then.
        longest: seconds that it may take.

    Returns:
        Whether there is a summary now, or a word why there is none: nothing is left to do.
    """
    file = next((model / name for name in PREDICTIONS if (model / name).is_file()), None)
    if file is None:
        return True
    with tempfile.TemporaryDirectory(prefix="automl-details-") as folder:
        try:
            problem = _made(file, Path(folder), wanted, longest)
        except _NotNow as error:
            if str(error):
                say(f"the model's details are missing: {error}")
            return False
        if problem is None:
            parts = [(Path(folder) / name).read_bytes() for name in (DETAILS_FILE, DETAILS_ROWS)]
            say(f"details: {summed_up(parts[0])}")
        else:
            say(f"the model's details are missing: {problem}")
            parts = [json.dumps({"format": FORMAT, "kind": None, "file": file.name, "problem": problem}).encode()]
        try:
            for key, data in reversed(list(zip(details_keys(trial), parts, strict=False))):  # the summary last
                study.journal.store.put(study.journal.prefix + key, data)
        except StorageError as error:
            say(f"the model's details were not kept: {error}")
            return False
    return True


def summed_up(summary: bytes) -> str:
    """A summary in a line, for a log."""
    body = json.loads(summary)
    figures = [f"{name} {value:.4g}" for name, value in body["overall"].items() if value is not None][:3]
    return f"{body['counted']:,} rows of {body['file']}, {body['kind']}: {', '.join(figures)}"


class _NotNow(Exception):
    """There is no summary, but elsewhere or later there may be one; the message says why, where people must know."""


def _made(file: Path, folder: Path, wanted: Callable[[], bool], longest: float) -> str | None:
    """Have the summary made. Returns why it can't be, None where it was.

    Raises:
        _NotNow: nobody wants it any more, or nothing here can read it.
    """
    command = [PYTHON, "-m", "automl_core.details", str(file), str(folder), str(MEMORY)]
    environment = inherited(os.environ) | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # one thread, and nothing reserved that is not used: the limit is one of addresses
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system",
    }  # fmt: skip
    said = folder / "said"
    began = time.monotonic()
    with (
        said.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder
        ) as child,
    ):
        try:
            code = _ended(child, wanted, began + longest)
        finally:
            child.kill()  # one that has ended hears nothing of it
    if code is None:
        return f"{file.name} takes more than {longest:g} s to read"
    if code == 0:
        return None
    lines = said.read_text(errors="replace").strip().splitlines()
    last = lines[-1] if lines else f"the process that reads it ended with {code}"
    if code == NO_LIBRARY:
        raise _NotNow(f"{file.name} is read by pyarrow, which is not installed here: {DISTRIBUTION}[tables] brings it")
    return last if code == UNREADABLE else f"{file.name} could not be read ({last})"


def _ended(child: subprocess.Popen[bytes], wanted: Callable[[], bool], until: float) -> int | None:
    """The exit code of a process, None where it has not ended in time."""
    while True:
        try:
            return child.wait(0.2)
        except subprocess.TimeoutExpired:
            if not wanted():
                raise _NotNow from None
            if time.monotonic() > until:
                return None


def make_missing(study: Study, say: Say, *, longest: float = LONGEST_IN_ALL) -> int:
    """Sum up what no worker has: predictions of trainings that ran elsewhere, or whose worker was killed.

    Args:
        study: of an experiment or a stage, as last read.
        say: takes lines for people.
        longest: seconds in all; the best trials come first.

    Returns:
        How many were made.
    """
    store, prefix = study.journal.store, study.journal.prefix
    files: dict[int, str] = {}
    made: set[int] = set()
    for key in store.list(f"{prefix}experiment_"):
        found = _FOUND.fullmatch(key.removeprefix(prefix))
        if found is None:
            continue
        if found[3]:
            made.add(int(found[1]))
        elif files.get(int(found[1])) != PREDICTIONS[0]:
            files[int(found[1])] = found[2]
    ranks: dict[int, int] = {}
    if not isinstance(study.experiment, StageExperiment):
        ranks = {trial.number: rank for rank, (trial, _) in enumerate(ranking(study.state, study.experiment))}
    due = sorted(files.keys() - made, key=lambda number: (ranks.get(number, len(ranks)), number))
    until, count = time.monotonic() + longest, 0
    for place, number in enumerate(due):
        left = until - time.monotonic()
        if left <= 0:
            say(f"the details of {len(due) - place} trials were not made: it took longer than {longest:g} s in all")
            break
        count += _make_one(study, number, files[number], _about(say, number), left)
    return count


def _about(say: Say, number: int) -> Say:
    return lambda line: say(f"trial {number}: {line}")


def _make_one(study: Study, number: int, name: str, say: Say, left: float) -> bool:
    store, folder = study.journal.store, study.journal.prefix + trial_prefix(number) + MODEL_FOLDER
    here = store.local_path(folder.rstrip("/"))
    if here is not None:
        return keep_details(study, number, here, say, longest=min(LONGEST, left))
    with tempfile.TemporaryDirectory(prefix="automl-details-") as temporary:
        try:
            store.download_file(folder + name, Path(temporary) / name)
        except NotFound:
            return False
        return keep_details(study, number, Path(temporary), say, longest=min(LONGEST, left))
