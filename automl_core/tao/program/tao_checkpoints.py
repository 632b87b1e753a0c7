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


RECORD = "best.json"
"""Beside checkpoints that outlive an attempt: which of them is the best so far, and its value."""


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
    """Give a file a second name, by a link where the file system can, else by a copy; whole or not at all.

    Nothing half done lies in the target's folder at any time: a folder that holds anything is one to go on from.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    half = source.with_name(f".{source.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        half.unlink()
    try:
        os.link(str(source), str(half))
        os.replace(str(half), str(target))
        return
    except OSError:  # no links, or another file system
        with contextlib.suppress(OSError):
            half.unlink()
    beside = target.parent.parent if os.access(str(target.parent.parent), os.W_OK) else target.parent
    half = beside / f".{target.name}.{os.getpid()}"
    try:
        shutil.copy2(str(source), str(half))
        os.replace(str(half), str(target))
    except OSError:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def goal_of(environ: dict[str, str]) -> tuple[dict[str, float], bool]:
    """By what the best epoch is chosen: metrics with weights, and whether less is better; no metric for the last epoch.

    ``TAO_METRIC`` and ``TAO_DIRECTION`` where they are given, else the experiment's goal.
    """
    if environ.get("TAO_METRIC"):
        return {environ["TAO_METRIC"]: 1.0}, environ.get("TAO_DIRECTION") == "minimize"
    goal = json.loads(environ.get("AUTOML_GOAL", "{}"))
    metric = goal.get("metric")
    if not metric or goal.get("final") != "best":
        return {}, False
    weights = metric if isinstance(metric, dict) else {metric: 1.0}
    return {str(name): float(weight) for name, weight in weights.items()}, goal.get("direction") == "minimize"


class Best:
    """The best checkpoint so far: a file, its epoch, its value."""

    def __init__(self, path: Path, epoch: int, value: float) -> None:
        self.path, self.epoch, self.value = path, epoch, value

    @classmethod
    def of(cls, folder: Path | None, metric: str) -> Best | None:
        """What an earlier attempt, or the rung below, has left in a folder; None where it is of another metric."""
        if folder is None:
            return None
        try:
            told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            found = cls(folder / str(told["checkpoint"]), int(told["epoch"]), float(told["value"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if told.get("metric") == metric and found.path.is_file() else None


class Keeper:
    """Brings checkpoints from the results folder to where they outlive the attempt: the newest, and the best."""

    def __init__(self, results: Path, folders: Folders, environ: dict[str, str], start: Path | None) -> None:
        self._results, self._folders, self._start = results, folders, start
        self._delete = environ.get("TAO_DELETE_INTERMEDIATE", "true").lower() not in ("false", "0", "no")
        self._keep = environ.get("TAO_KEEP", "auto")
        self._weights, self._down = goal_of(environ) if self._keep != "terminal" else ({}, False)
        self._metric = " + ".join(
            name if weight == 1 else f"{weight:g} {name}" for name, weight in self._weights.items()
        )
        self._earlier = Best.of(folders.resume, self._metric)
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
        best = self.best(found)
        if self._brought and self._folders.checkpoints is not None:  # what is older comes after what is newer
            self._remember(best, self._folders.checkpoints)
        if self._delete:
            self._clear(found, best)

    def _remember(self, best: Best | None, folder: Path) -> None:
        if best is None or (best.path.parent == self._results and best.path.name not in self._brought):
            return
        there = Best.of(folder, self._metric)
        if there is not None and (there.epoch, there.value) == (best.epoch, best.value):
            return
        if not (folder / best.path.name).exists():
            bring(best.path, folder / best.path.name)
        told = {"checkpoint": best.path.name, "epoch": best.epoch, "metric": self._metric, "value": best.value}
        write(folder / RECORD, json.dumps(told) + "\n")

    def _clear(self, found: list[Path], best: Best | None) -> None:
        """Take away what nothing goes on from: all but the newest that was brought, and the best so far."""
        kept = checkpoints_in(self._folders.checkpoints)
        there = Best.of(self._folders.checkpoints, self._metric)
        for path in kept[:-1]:
            if there is None or path != there.path:
                path.unlink()
        newest = order(kept[-1]) if kept else None
        for path in found:
            if newest is not None and order(path) < newest and (best is None or path != best.path):
                path.unlink()

    def best(self, found: list[Path]) -> Best | None:
        """The checkpoint of the best epoch that has one; None where no epoch has a value."""
        if not self._weights:
            return None
        values = self._values()
        dated = [(path, epoch_of(path)) for path in found]
        known = [Best(path, epoch, values[epoch]) for path, epoch in dated if epoch is not None and epoch in values]
        if self._earlier is not None:
            known.append(self._earlier)
        sign = 1.0 if self._down else -1.0
        return min(known, key=lambda each: (sign * each.value, -each.epoch)) if known else None

    def _values(self) -> dict[int, float]:
        try:
            lines = (self._results / "status.json").read_text(encoding="utf-8", errors="replace").split("\n")
            told = status_lines.read(lines[:-1])
        except (OSError, status_lines.BadLine):
            return {}
        found: dict[int, float] = {}
        latest: dict[str, float] = {}
        for each in told:
            latest.update({name: value for name, value in each.metrics.items() if name in self._weights})
            if each.epoch is None or not self._weights.keys() & each.metrics.keys() or len(latest) < len(self._weights):
                continue
            value = sum(weight * latest[name] for name, weight in self._weights.items())
            if value == value:
                found[int(each.epoch)] = value
        return found

    def conclude(self) -> None:
        """Leave one checkpoint in the model folder, and say which.

        Raises:
            Wrong: there is none.
        """
        found = checkpoints_in(self._results)
        best = self.best(found)
        model = best.path if best is not None else found[-1] if found else self._start
        if model is None:
            raise Wrong(f"the training ended well and left no checkpoint in {self._results}")
        if best is None and self._metric and self._keep == "best":
            say(f"no epoch has a value of {self._metric}; the model is that of the last epoch")
        if model.parent != self._results:  # of an earlier attempt, or of the rung below
            bring(model, self._results / model.name)
            model = self._results / model.name
        assert self._folders.model is not None
        about: dict[str, Any] = {
            "checkpoint": os.path.relpath(str(model), str(self._folders.model)),
            "epoch": epoch_of(model),
        }
        if best is not None:
            about["metric"], about["value"] = self._metric, best.value
        if self._delete:
            for path in found:
                if path != model:
                    path.unlink()
            for path in self._results.iterdir():
                if path.is_symlink() and path.name.endswith(ENDINGS):  # a bucket has no links: it would lie there twice
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
