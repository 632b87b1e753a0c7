"""Checkpoints that are whole or not there: one file of arrays and JSON, which nothing has to be unpickled from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from automl_core.training.config import Config
from automl_core.training.problems import TrainingError, say

FILE = "checkpoint.npz"

SECONDS_VARIABLE = "AUTOML_CHECKPOINT_SECONDS"
SECONDS = 10.0
"""Time between two checkpoints, where AUTOML_CHECKPOINT_SECONDS does not say."""


class Pace:
    """When the next checkpoint is due: not after each step, since saving may take longer than a step does."""

    def __init__(self) -> None:
        """The first is due when the time is over for the first time."""
        self.seconds = float(os.environ.get(SECONDS_VARIABLE) or SECONDS)
        self._last = time.monotonic()

    def due(self, ends: bool) -> bool:
        """Whether to save now.

        Args:
            ends: whether the training ends with this step: its checkpoint is what a larger budget goes on from.
        """
        now = time.monotonic()
        if not ends and now - self._last < self.seconds:
            return False
        self._last = now
        return True


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stood.

    Attributes:
        step: epochs or trees behind it.
        state: whatever the program notes, as JSON.
        arrays: its numbers.
    """

    step: int
    state: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def save(folder: Path | None, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in the place of the one before; nothing happens without a folder.

    Raises:
        TrainingError: the folder belongs to another attempt by now (AUTOML_OWNER_FILE).
    """
    if folder is None:
        return
    refuse_if_replaced()
    told = json.dumps({"step": checkpoint.step, "state": checkpoint.state}).encode()
    write_arrays(folder / FILE, {"told": np.frombuffer(told, dtype=np.uint8), **checkpoint.arrays})


def furthest(config: Config, identity: str) -> Checkpoint | None:
    """The checkpoint to go on from: the trial's own, or the one that it was promoted with; the one that is further.

    Args:
        config: what names the two folders.
        identity: what a checkpoint's ``state["identity"]`` must be; one of other data or columns is left alone, and
        said.
    """
    found = [_load(folder) for folder in (config.checkpoint_dir, config.resume_from) if folder is not None]
    checkpoints = sorted((each for each in found if each is not None), key=lambda each: each.step)
    for checkpoint in reversed(checkpoints):
        if checkpoint.state.get("identity") == identity:
            return checkpoint
        say(f"the checkpoint of step {checkpoint.step} was made from other data, columns or shapes: not used")
    return None


def _load(folder: Path) -> Checkpoint | None:
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads(arrays.pop("told").tobytes())
        return Checkpoint(int(told["step"]), told["state"], arrays)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise TrainingError(f"{path}: is no checkpoint of this program: {error}") from None


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a ``.npz`` file whole or not at all: who is killed in between leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def refuse_if_replaced() -> None:
    """Give up where another attempt has taken the checkpoint folder over; only pods have to look.

    Raises:
        TrainingError: it has, or the run has ended.
    """
    owner, own = os.environ.get("AUTOML_OWNER_FILE"), os.environ.get("AUTOML_ATTEMPT_ID")
    if not owner or not own or "://" in owner:
        return
    path = Path(owner)
    if not path.exists() or path.read_text(encoding="utf-8") != own:
        raise TrainingError("another attempt at this trial has taken over: this one writes nothing any more")


def text_array(text: str | bytes) -> NDArray[np.uint8]:
    """A text among a checkpoint's arrays."""
    return np.frombuffer(text.encode() if isinstance(text, str) else text, dtype=np.uint8)
