"""Where things lie in an experiment's folder: the names that every part of the product shares."""

from __future__ import annotations

import hashlib
import re

METRICS_FILE = "metrics.json"
LOG_FILE = "log.txt"
MODEL_FOLDER = "model/"
SCRATCH = "scratch/"
"""What attempts leave here is of use to nobody once the experiment has ended."""


def safe(name: str, limit: int = 150) -> str:
    """A name for folders, object keys and URLs alike; different names stay different.

    Args:
        name: any text, such as an Airflow run id (``manual__2026-11-21T04:10:00+00:00``).
        limit: longest result.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".") or "_"
    if plain == name and len(plain) <= limit:
        return plain
    if re.fullmatch(r"(manual|scheduled|asset_triggered|backfill)__[0-9T:.+-]+(_[A-Za-z0-9]+)?", name):
        return plain[:limit]  # Airflow's own ids stay different with their punctuation replaced
    return f"{plain[: limit - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def experiment_prefix(name: str, run: str) -> str:
    """The folder of one run of an experiment, ending with '/'."""
    return f"{safe(name)}/{safe(run)}/"


def trial_prefix(trial: int) -> str:
    """The folder of a trial below the experiment's, ending with '/'."""
    return f"experiment_{trial}/"


def owner_key(trial: int, budget: int | None) -> str:
    """The object that holds the id of the attempt to which a checkpoint folder belongs now.

    It lies beside the folder, where no training takes it for a checkpoint.
    """
    return f"{SCRATCH}owner_of_{trial}_{'final' if budget is None else f'budget_{budget}'}"


def checkpoint_prefix(trial: int, budget: int | None) -> str:
    """The folder of a trial's checkpoint at one budget, ending with '/'."""
    return f"{trial_prefix(trial)}checkpoints/{'final' if budget is None else f'budget_{budget}'}/"
