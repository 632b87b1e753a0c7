"""Folders of an attempt that runs elsewhere: paths or URLs under which its training code finds the store.

Nothing passes through whoever watches: the training writes its model and its checkpoints to the model storage
path itself (a bucket's URL, or a volume with the same folder), and what is to be kept is copied within the store.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from automl_core.backends.contract import TrialContext
from automl_core.running.data import data_of
from automl_core.running.folders import replaces_another
from automl_core.running.sync import Order
from automl_core.spec.dates import run_dates
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Study
from automl_core.study.layout import (
    LOG_FILE,
    MODEL_FOLDER,
    SCRATCH,
    checkpoint_prefix,
    details_keys,
    owner_key,
    trial_prefix,
)
from automl_core.study.stages import TRIALS_FILE, inputs_of

_SHORT_LOG = 1 << 20
"""Bytes of a log that is written by one request; a bucket's client begins threads to upload a file."""


class Places:
    """The model, checkpoint and resume folders of one attempt, as prefixes in the store and as the training sees them.

    As with `automl_core.running.folders.Folders`: an attempt's model lies apart until it has succeeded, and a
    checkpoint folder belongs to a trial and a budget.
    """

    def __init__(self, store: ObjectStore, prefix: str, binding: Binding, root: str) -> None:
        """Lay out the folders; nothing is made or copied before `prepare`.

        Args:
            store: the model storage path.
            prefix: the experiment's folder in it.
            binding: the attempt.
            root: the model storage path as the training sees it: its URL, or where it is mounted.
        """
        self.store, self.prefix, self.binding = store, prefix, binding
        self._root = root.rstrip("/")
        self.attempt_id = f"slot_{binding.slot}_{binding.task}_{binding.attempt}"
        self.scratch = f"{prefix}{SCRATCH}{self.attempt_id}/"
        self.owner = prefix + owner_key(binding.trial, binding.budget)
        self.model = f"{self.scratch}{MODEL_FOLDER}"
        self.checkpoint = prefix + checkpoint_prefix(binding.trial, binding.budget)
        self._kept_model = prefix + trial_prefix(binding.trial) + MODEL_FOLDER

    def seen(self, key: str) -> str:
        """How the training sees a prefix of the store."""
        return f"{self._root}/{key}".rstrip("/")

    @property
    def model_dir(self) -> str:
        """``${model_dir}``."""
        return self.seen(self.model)

    @property
    def checkpoint_dir(self) -> str:
        """``${checkpoint_dir}``."""
        return self.seen(self.checkpoint)

    def resume_from(self) -> str | None:
        """``${resume_from}``: the checkpoint to go on from, None where there is none."""
        binding = self.binding
        sources = [self.checkpoint] if binding.retried else []
        if binding.resume_budget is not None:
            sources.append(self.prefix + checkpoint_prefix(binding.trial, binding.resume_budget))
        elif binding.parent is not None:
            sources.append(self.prefix + checkpoint_prefix(*binding.parent))
        return next((self.seen(source) for source in sources if self.store.list(source, limit=1)), None)

    def prepare(self) -> None:
        """Clear what an attempt that begins anew must not see, and bring the model of the training task before.

        From here on the checkpoint folder is this attempt's: one before it may still run on a node that nobody reaches.
        """
        self.store.put(self.owner, self.attempt_id.encode())
        self.store.delete_prefix(self.scratch)
        if self.binding.attempt > 1 and not self.binding.retried:
            self.store.delete_prefix(self.checkpoint)
        if self.binding.task > 0:
            self.store.copy(self._kept_model, self.model)
        for folder in (self.model, self.checkpoint):
            here = self.store.local_path(folder.rstrip("/"))
            if here is not None:
                here.mkdir(parents=True, exist_ok=True)
                here.chmod(0o777)  # a container may run as another user than Airflow's worker

    def spec_key(self, name: str) -> str:
        """Key of the trial's spec file."""
        return self.prefix + trial_prefix(self.binding.trial) + name

    def keep_model(self) -> None:
        """Make the attempt's model the trial's, in place of any older one and of what was told of that."""
        if not self.store.list(self.model, limit=1):
            return
        if replaces_another(self.binding):
            for key in details_keys(self.binding.trial):
                self.store.delete(self.prefix + key)
        self.store.delete_prefix(self._kept_model)
        self.store.copy(self.model, self._kept_model)

    def keep_log(self, log: Path) -> None:
        """Publish the attempt's log as the trial's; a long one from its file, not by way of memory."""
        key = self.prefix + trial_prefix(self.binding.trial) + LOG_FILE
        if log.stat().st_size > _SHORT_LOG:
            self.store.upload_file(log, key)
        else:
            self.store.put(key, log.read_bytes())

    def remove(self) -> None:
        """Remove what was only of use to the attempt."""
        self.store.delete_prefix(self.scratch)

    def key_of(self, place: str) -> str | None:
        """The key of a path or URL as the training sees it, None where it lies outside the store."""
        inside = place == self._root or place.startswith(f"{self._root}/")
        return place[len(self._root) + 1 :] if inside else None


def context_of(study: Study, binding: Binding, places: Places, home: Path | None = None) -> TrialContext:
    """The trial as the training code of an attempt sees it.

    Args:
        study: of its experiment or stage.
        binding: the attempt.
        places: its folders.
        home: AUTOML_HOME, where relative places of data begin; that of the environment when None.
    """
    home = home or Path(os.environ.get("AUTOML_HOME") or ".")
    state, inputs = study.state, inputs_of(study.journal.prefix, study.experiment, study.state.inputs)
    return TrialContext(
        experiment_id=state.name,
        run_id=state.run,
        trial=binding.trial,
        attempt=binding.attempt,
        params=binding.params,
        budget=binding.budget,
        resume_from=places.resume_from(),
        checkpoint_dir=places.checkpoint_dir,
        model_dir=places.model_dir,
        inactive=frozenset(study.space.by_name) - binding.params.keys(),
        prepared_dir=places.seen(inputs.prepared) if inputs.prepared else None,
        trials_file=places.seen(inputs.trials) if inputs.trials else None,
        dates=run_dates(state.identity),
        attempt_id=places.attempt_id,
        owner_file=places.seen(places.owner),
        data=data_of(study, home).seen_elsewhere(),
        columns=study.experiment.columns,
        goal=study.experiment.goal.told,
    )


def carried(context: TrialContext, places: Places, folder: str, every: float, ended: str) -> tuple[TrialContext, Order]:
    """An attempt whose training finds its places in folders of its own, and what has to be carried for that.

    Args:
        context: the trial with its places in the store.
        places: these.
        folder: the folder in the pod below which the training's folders are.
        every: seconds between two looks for files that have changed.
        ended: a file that is there once the training has ended.
    """
    model, checkpoint, resume = f"{folder}/model", f"{folder}/checkpoint", f"{folder}/resume"
    prepared, trials = f"{folder}/prepared", f"{folder}/input"
    fetch = {places.model: model}
    source = places.key_of(context.resume_from) if context.resume_from else None
    if source is not None:
        fetch[source] = resume
    made = places.key_of(context.prepared_dir) if context.prepared_dir else None
    if made is not None:
        fetch[f"{made}/"] = prepared
    told = places.key_of(context.trials_file) if context.trials_file else None
    if told is not None:
        fetch[f"{told.rpartition('/')[0]}/"] = trials
    order = Order(
        places.store.url, fetch, {model: places.model, checkpoint: places.checkpoint}, every, ended,
        owner=places.owner, attempt=places.attempt_id,
    )  # fmt: skip
    here = replace(
        context, model_dir=model, checkpoint_dir=checkpoint, resume_from=resume if source is not None else None,
        owner_file=None,  # the training writes to a folder of its own; whoever carries from there looks
        prepared_dir=prepared if made is not None else None,
        trials_file=f"{trials}/{TRIALS_FILE}" if told is not None else None,
    )  # fmt: skip
    return here, order
