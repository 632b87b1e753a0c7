"""Folders of an attempt on the worker's machine, and their way to and from the store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from automl_core.code import code_into
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding
from automl_core.study.layout import (
    LOG_FILE,
    MODEL_FOLDER,
    SCRATCH,
    checkpoint_prefix,
    details_keys,
    trial_prefix,
)
from automl_core.study.stages import TRIALS_FILE, Inputs

NONE = Inputs()


class Folders:
    """The model, checkpoint and resume folders of one attempt.

    The model of an attempt lies apart until the attempt has succeeded, so no attempt ever mixes its
    files with another's. A checkpoint folder belongs to a trial and a budget: it survives the attempt,
    and on a store that is a folder the training process writes it in place, so that it survives even
    a machine that dies.
    """

    def __init__(self, store: ObjectStore, prefix: str, binding: Binding, inputs: Inputs = NONE) -> None:
        """Lay out the folders; nothing is made or copied before `prepare`.

        Args:
            store: the model storage path.
            prefix: the experiment's folder in it.
            binding: the attempt.
            inputs: what others made before it.
        """
        self.store, self.prefix, self.binding, self._inputs = store, prefix, binding, inputs
        local = self._local("")
        name = f"slot_{binding.slot}_{binding.task}_{binding.attempt}"
        self._scratch = (
            local / SCRATCH / name if local else Path(tempfile.gettempdir()) / f"automl-{os.getpid()}-{name}"
        )
        self.model = self._scratch / "model"
        self._own = checkpoint_prefix(binding.trial, binding.budget)
        here = self._local(self._own)
        self.checkpoint = here if here else self._scratch / "checkpoint"
        self.log = self._scratch / LOG_FILE
        self.code = self._scratch / "code"
        self._spec = self._scratch / "spec"
        self.resume_from: Path | None = None
        self.prepared = self._input(inputs.prepared, "prepared")
        self.trials = self._input(inputs.trials, TRIALS_FILE)

    def _input(self, key: str | None, name: str) -> Path | None:
        """Where the training finds what lies at a key: there, or brought here from a bucket."""
        if key is None:
            return None
        return self.store.local_path(key.rstrip("/")) or self._scratch / name

    def _local(self, folder: str) -> Path | None:
        """The path of a folder below the experiment's, where the store is a local folder."""
        return self.store.local_path((self.prefix + folder).rstrip("/"))

    def prepare(self) -> None:
        """Make the folders and fetch the checkpoint to go on from."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self.model.mkdir(parents=True)
        if self.binding.attempt > 1 and not self.binding.retried:
            self.store.delete_prefix(self.prefix + self._own)  # it begins anew: no checkpoint of its end
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        if self._local("") is None and self.binding.retried:
            self.store.download(self.prefix + self._own, self.checkpoint)
        if self.binding.task > 0:
            self._fetch_model()
        self._fetch_inputs()
        if self.binding.retried and any(self.checkpoint.iterdir()):
            self.resume_from = self.checkpoint  # the attempt before this one left off here
            return
        source = self._resume_prefix()
        if source is None:
            return
        here = self._local(source)
        if here is None:
            here = self._scratch / "resume"
            self.store.download(self.prefix + source, here)
        if here.is_dir() and any(here.iterdir()):
            self.resume_from = here

    def _resume_prefix(self) -> str | None:
        if self.binding.resume_budget is not None:
            return checkpoint_prefix(self.binding.trial, self.binding.resume_budget)
        if self.binding.parent is not None:
            return checkpoint_prefix(*self.binding.parent)
        return None

    def _fetch_model(self) -> None:
        """A later training task of a trial sees the model folder as the one before left it."""
        folder = trial_prefix(self.binding.trial) + MODEL_FOLDER
        here = self._local(folder)
        if here is None:
            self.store.download(self.prefix + folder, self.model)
        elif here.is_dir():
            shutil.copytree(here, self.model, dirs_exist_ok=True)

    def _fetch_inputs(self) -> None:
        """Bring what others made before from a bucket; in a folder it is read where it lies."""
        if self._local("") is not None:
            return
        if self._inputs.prepared is not None and self.prepared is not None:
            self.prepared.mkdir()
            self.store.download(self._inputs.prepared, self.prepared)
        if self._inputs.trials is not None and self.trials is not None:
            self.trials.write_bytes(self.store.get(self._inputs.trials))

    def spec_file(self, name: str) -> Path:
        """Where the training finds its spec file."""
        return self._spec / name

    def write_spec(self, name: str, text: str) -> None:
        """Write the spec file for the training, and into the trial's folder for everybody."""
        self._spec.mkdir(exist_ok=True)
        self.spec_file(name).write_text(text, encoding="utf-8", newline="")
        self.store.put(self.prefix + trial_prefix(self.binding.trial) + name, text.encode())

    def unpack_code(self, digest: str) -> None:
        """Unpack the code that goes along: a copy of the attempt's own, in which it may write as it likes.

        Raises:
            CodeError: the store doesn't have it any more, or it is damaged there.
            StorageError: the store refuses or is away.
        """
        shutil.rmtree(self.code, ignore_errors=True)
        code_into(self.store, digest, self.code)

    def keep_model(self) -> None:
        """Make the attempt's model folder the trial's, in place of any older one and of what was told of that."""
        if not self.model.is_dir() or not any(self.model.iterdir()):
            return
        if replaces_another(self.binding):
            for key in details_keys(self.binding.trial):
                self.store.delete(self.prefix + key)
        folder = trial_prefix(self.binding.trial) + MODEL_FOLDER
        here = self._local(folder)
        if here is not None:
            here.parent.mkdir(parents=True, exist_ok=True)
            old = here.with_name("model.old")
            shutil.rmtree(old, ignore_errors=True)
            if here.exists():
                here.rename(old)
            self.model.rename(here)
            shutil.rmtree(old, ignore_errors=True)
        else:
            self.store.delete_prefix(self.prefix + folder)
            self.store.upload(self.model, self.prefix + folder)

    @property
    def kept_model(self) -> Path:
        """Where the model is found on this machine once it is the trial's."""
        return self._local(trial_prefix(self.binding.trial) + MODEL_FOLDER) or self.model

    def keep_checkpoint(self) -> None:
        """Copy the checkpoint folder to the store, where it is not in it already."""
        if self._local("") is None and any(self.checkpoint.iterdir()):
            self.store.upload(self.checkpoint, self.prefix + self._own)

    def keep_log(self) -> None:
        """Publish the attempt's log as the trial's."""
        if self.log.is_file():
            self.store.put(self.prefix + trial_prefix(self.binding.trial) + LOG_FILE, self.log.read_bytes())

    def remove(self, warn: Callable[[str], None]) -> None:
        """Remove what was only of use to the attempt."""
        try:
            shutil.rmtree(self._scratch)
            if self.checkpoint.is_dir() and not any(self.checkpoint.iterdir()):
                self.checkpoint.rmdir()
                self.checkpoint.parent.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            if self._scratch.exists():
                warn(f"{self._scratch} was not removed: {error}")


def replaces_another(binding: Binding) -> bool:
    """Whether the trial may have a model already when an attempt has ended."""
    return binding.attempt > 1 or binding.task > 0 or binding.resume_budget is not None
