"""Checkpoints of a training by TAO: told apart by their names, kept where they outlive the attempt, one of them chosen.

It goes along with `run_tao`, and needs what that needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import status_lines  # type: ignore[import-not-found]  # lies beside this file where it runs

ENDINGS = (".pth", ".tlt", ".ckzip", ".hdf5", ".keras", ".ckpt", ".safetensors")
"""What ends like one of these is a checkpoint, unless it is a link to another (``dino_model_latest.pth``)."""

ABOUT = "checkpoint.json"
"""Says which file of a model folder is the model."""


class Wrong(Exception):
    """What this program can't go on with. The message is for people."""


class Folders:
    """Where the attempt's things are, from its environment."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.model = self._folder(environ, "AUTOML_MODEL_DIR")
        self.checkpoints = self._folder(environ, "AUTOML_CHECKPOINT_DIR")
        if self.model is None:
            raise Wrong("AUTOML_MODEL_DIR is not set: this program is started as a training task")
        self.resume = self._folder(environ, "AUTOML_RESUME_FROM")
        self.trials = environ.get("AUTOML_TRIALS_FILE")
        self._owner, self._attempt = environ.get("AUTOML_OWNER_FILE"), environ.get("AUTOML_ATTEMPT_ID")

    @staticmethod
    def _folder(environ: dict[str, str], name: str) -> Path | None:
        text = environ.get(name)
        if not text:
            return None
        if re.match(r"[a-z0-9]+://", text):
            raise Wrong(f"{name} is {text}, and TAO writes folders: give the task `artifacts`")
        return Path(text)

    def replaced(self) -> bool:
        """Whether another attempt has taken over, so that nothing may be written into the checkpoint folder."""
        if not self._owner or not self._attempt:
            return False
        try:
            return Path(self._owner).read_text(encoding="utf-8") != self._attempt
        except FileNotFoundError:
            return True
        except OSError:
            return False


def order(path: Path) -> tuple[float, ...]:
    """By which checkpoints are compared: the epoch and the other numbers of their names."""
    named = re.search(r"epoch[^0-9]*([0-9]+)", path.name)
    numbers = [float(each) for each in re.findall(r"[0-9]+", path.stem)]
    return (float(named.group(1)) if named else (numbers[0] if numbers else -1.0), *numbers)


def epoch_of(path: Path) -> int | None:
    """The epoch of a checkpoint's name, None where it has none."""
    first = order(path)[0]
    return int(first) if first >= 0 else None


def checkpoints_in(folder: Path | None) -> list[Path]:
    """The checkpoints of a folder, the oldest first."""
    if folder is None or not folder.is_dir():
        return []
    found = [each for each in folder.iterdir() if each.name.endswith(ENDINGS) and not each.name.startswith(".")]
    return sorted((each for each in found if not each.is_symlink() and each.is_file()), key=order)


def bring(source: Path, target: Path) -> None:
    """Give a file a second name, by a link where the file system can, else by a copy; whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        half.unlink()
    try:
        os.link(str(source), str(half))
    except OSError:
        shutil.copy2(str(source), str(half))
    os.replace(str(half), str(target))


class Keeper:
    """Brings checkpoints from the results folder to where they outlive the attempt."""

    def __init__(self, results: Path, folders: Folders, environ: dict[str, str]) -> None:
        self._results, self._folders = results, folders
        self._delete = environ.get("TAO_DELETE_INTERMEDIATE", "true").lower() not in ("false", "0", "no")
        self._metric, self._down = environ.get("TAO_METRIC"), environ.get("TAO_DIRECTION") == "minimize"
        self._keep = environ.get("TAO_KEEP", "auto")
        self._seen: dict[str, tuple[int, int]] = {}
        self._brought: dict[str, tuple[int, int]] = {}
        self.placed: list[str] = []

    def look(self, last: bool = False) -> None:
        """Bring what is whole: what has not changed since the last look, or all once the training has ended."""
        found = checkpoints_in(self._results)
        for path in found:
            state = self._state(path)
            if state is None or path.name in self.placed:
                continue
            whole = last or self._seen.get(path.name) == state
            self._seen[path.name] = state
            if whole and state[0] and self._brought.get(path.name) != state and self._folders.checkpoints is not None:
                bring(path, self._folders.checkpoints / path.name)
                self._brought[path.name] = state
        if self._delete:
            self._clear(found)

    def _clear(self, found: list[Path]) -> None:
        """Take away what nothing goes on from: all but the newest that was brought, and the best so far here."""
        kept = checkpoints_in(self._folders.checkpoints)
        for path in kept[:-1]:
            path.unlink()
        newest = order(kept[-1]) if kept else None
        best = self.best(found)
        for path in found:
            if newest is not None and order(path) < newest and path != best:
                path.unlink()

    def best(self, found: list[Path]) -> Path | None:
        """The checkpoint that becomes the model: of the best epoch that has one, else the newest."""
        if not found:
            return None
        values = self._values() if self._keep != "terminal" else {}
        known = [path for path in found if epoch_of(path) in values]
        if not known:
            return found[-1]
        sign = 1.0 if self._down else -1.0
        return min(known, key=lambda path: (sign * values[epoch_of(path)], [-each for each in order(path)]))

    def _values(self) -> dict[int | None, float]:
        if self._metric is None:
            return {}
        try:
            lines = (self._results / "status.json").read_text(encoding="utf-8", errors="replace").split("\n")
            told = status_lines.read(lines[:-1])
        except (OSError, status_lines.BadLine):
            return {}
        found: dict[int | None, float] = {}
        for each in told:
            value = each.metrics.get(self._metric)
            if value is not None and value == value and each.epoch is not None:
                found[int(each.epoch)] = value
        return found

    def conclude(self) -> None:
        """Leave one checkpoint in the model folder, and say which."""
        found = checkpoints_in(self._results)
        model = self.best(found)
        if model is None:
            raise Wrong(f"the training ended well and left no checkpoint in {self._results}")
        values = self._values()
        if self._metric is not None and self._keep == "best" and not values:
            say(f"no epoch has a value of {self._metric}; the model is that of the last epoch")
        assert self._folders.model is not None
        about: dict[str, Any] = {"checkpoint": os.path.relpath(str(model), str(self._folders.model))}
        epoch = epoch_of(model)
        about["epoch"] = epoch
        if epoch in values:
            about["metric"], about["value"] = self._metric, values[epoch]
        if self._delete:
            for path in found:
                if path != model:
                    path.unlink()
            for path in self._results.iterdir():
                if path.is_symlink() and not path.exists():
                    path.unlink()
        write(self._folders.model / ABOUT, json.dumps(about, indent=2) + "\n")

    @staticmethod
    def _state(path: Path) -> tuple[int, int] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return (status.st_size, status.st_mtime_ns)


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(text, encoding="utf-8")
    os.replace(str(half), str(path))


def say(text: str) -> None:
    """Say something of our own in the log."""
    print("run_tao: " + text, file=sys.stderr, flush=True)
