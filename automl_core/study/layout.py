"""Where things lie in an experiment's folder: the names that every part of the product shares."""

from __future__ import annotations

import hashlib
import re

METRICS_FILE = "metrics.json"
LOG_FILE = "log.txt"
MODEL_FOLDER = "model/"
DETAILS_FILE = "details.json"
"""What a trial's model gets right and wrong, without any row of data."""

DETAILS_ROWS = "details-rows.json"
"""Its worst errors with their rows."""

CHECKPOINTS = "checkpoints/"
SCRATCH = "scratch/"
"""What attempts leave here is of use to nobody once the experiment has ended."""


_TYPES = "(?:manual|scheduled|asset_triggered|backfill)"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_OF_AIRFLOW = re.compile(rf"{_TYPES}__{_DAY}T{_TIME}(?:[+-][0-9]{{2}}:[0-9]{{2}}(?:_[A-Za-z0-9]+)?)?")
"""Airflow's own run ids: a moment in ISO 8601, and perhaps letters and digits behind its offset."""

_LIKE_THEIRS = re.compile(rf"{_TYPES}__{_DAY}T[0-9]{{2}}_[0-9]{{2}}_[0-9].*", re.DOTALL)
"""What such ids become, and a little more."""

_ONCE_THEIRS = re.compile(rf"{_TYPES}__[0-9T:.+-]+(?:_[A-Za-z0-9]+)?")
"""What earlier builds took for Airflow's own."""


def safe(name: str, limit: int = 150) -> str:
    """A name for folders, object keys and URLs alike; different names stay different.

    What can't stand in a path becomes ``_``, and a digest of the name is put behind. Airflow's own run ids go without:
    their punctuation stands at fixed places, so they stay different when it is replaced, and a name that looks like one
    of these results gets a digest itself. (What is left is a name made to end in the digest of another: `propose`
    refuses the folder of another run, so even these don't mix.)

    Args:
        name: any text, such as an Airflow run id (``manual__2026-11-21T04:10:00+00:00``).
        limit: longest result.
    """
    plain = _plain(name)
    if len(plain) <= limit and (_OF_AIRFLOW.fullmatch(name) or (plain == name and not _LIKE_THEIRS.fullmatch(name))):
        return plain
    return f"{plain[: limit - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def folders_of(run: str) -> tuple[str, ...]:
    """The folders in which a run may be found, the one that it is given first.

    Earlier builds gave ids that are not quite Airflow's (``manual__1+1``) folders without a digest, which others might
    share; and people say a folder's name where a run's id is wanted.
    """
    plain = _plain(run)
    once = len(plain) <= 150 and (plain == run or _ONCE_THEIRS.fullmatch(run) is not None)
    return tuple(dict.fromkeys((safe(run), plain) if once else (safe(run),)))


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".") or "_"


def experiment_prefix(name: str, run: str) -> str:
    """The folder of one run of an experiment, ending with '/'."""
    return f"{safe(name)}/{safe(run)}/"


def stage_prefix(prefix: str, stage: str) -> str:
    """The folder of a stage of an experiment (``prepare``, ``conclude``), ending with '/'.

    Args:
        prefix: the folder of the experiment's run.
        stage: its name.
    """
    return f"{prefix}{stage}/"


def trial_prefix(trial: int) -> str:
    """The folder of a trial below the experiment's, ending with '/'."""
    return f"experiment_{trial}/"


def details_keys(trial: int) -> tuple[str, str]:
    """The objects with what a trial's model gets right and wrong: the summary, and the rows of the worst errors."""
    return trial_prefix(trial) + DETAILS_FILE, trial_prefix(trial) + DETAILS_ROWS


def owner_key(trial: int, budget: int | None) -> str:
    """The object that holds the id of the attempt to which a checkpoint folder belongs now.

    It lies beside the folder, where no training takes it for a checkpoint.
    """
    return f"{SCRATCH}owner_of_{trial}_{'final' if budget is None else f'budget_{budget}'}"


def checkpoint_prefix(trial: int, budget: int | None) -> str:
    """The folder of a trial's checkpoint at one budget, ending with '/'."""
    return f"{trial_prefix(trial)}{CHECKPOINTS}{'final' if budget is None else f'budget_{budget}'}/"
