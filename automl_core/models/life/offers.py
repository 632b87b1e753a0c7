"""Published results that can become versions: found by listing, told apart from those that never can."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automl_core.models.life.entities import Source, Version
from automl_core.models.life.life import Life
from automl_core.models.life.refusals import NotOffered
from automl_core.results.names import BEST_MODEL, CONTROLLER
from automl_core.results.stages import unconcluded_of
from automl_core.results.table_models import MODEL_FILE
from automl_core.states import ExperimentState
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import MODEL_FOLDER, safe

_KEPT_OF_DATA = ("place", "kind", "digest", "by", "bytes", "modified", "rows")
"""Of `automl_core.data.fingerprint.Fingerprint`."""

_SUCCEEDED = (ExperimentState.FINISHED, ExperimentState.NO_MORE_TRIAL, ExperimentState.EARLY_STOPPED)

_CANCELED = (ExperimentState.USER_CANCELED, ExperimentState.SYS_CANCELED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An experiment whose results are offered.

    Attributes:
        store: the model storage path that its runs lie in. The model's own store itself where it is that one: a store
            copies within itself without fetching anything.
        experiment: its name.
    """

    store: ObjectStore
    experiment: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A result that is ready to be offered: the arguments of `ModelLife.offer`."""

    source: Source
    copy_from: tuple[ObjectStore, str]


@dataclass(frozen=True, slots=True)
class NotReady:
    """A run that can't be offered, or not yet, and why."""

    experiment: str
    prefix: str
    why: str


def new_offers(life: Life, candidates: Sequence[Candidate]) -> tuple[list[Offer], list[NotReady]]:
    """Results that are no version yet, in the order in which they were published; and runs that can't be one.

    Costs some two requests for each run that is not offered, one for each that is.

    Args:
        life: the model's state, read a moment ago.
        candidates: experiments whose results are looked for.

    Raises:
        StorageError: a store refuses or is away.
    """
    offers: list[Offer] = []
    others: list[NotReady] = []
    for candidate in candidates:
        known = prefixes_of(life, candidate)
        for prefix in run_folders(candidate.store, candidate.experiment):
            if prefix in known:
                continue
            try:
                offer = offer_of(candidate.store, prefix, life)
            except NotOffered as error:
                others.append(NotReady(candidate.experiment, prefix, str(error)))
                continue
            if life.by_source(offer.source.key) is None:
                offers.append(offer)
    offers.sort(key=lambda each: (each.source.published, each.source.experiment, each.source.run))
    return offers, others


def prefixes_of(life: Life, candidate: Candidate) -> Collection[str]:
    """Folders of an experiment's runs that are versions already."""
    url = candidate.store.url.rstrip("/")
    versions: Sequence[Version] = list(life.versions.values())
    return {
        each.source.prefix
        for each in versions
        if each.source.storage.rstrip("/") == url and each.source.experiment == candidate.experiment
    }


def run_folders(store: ObjectStore, experiment: str) -> Iterator[str]:
    """The folders of an experiment's runs, each ending with '/'; a request each."""
    top = f"{safe(experiment)}/"
    after = ""
    while keys := store.list(top, start_after=after, limit=1):
        name, slash, _ = keys[0].removeprefix(top).partition("/")
        if slash:
            yield f"{top}{name}/"
        after = f"{top}{name}0" if slash else keys[0]  # '0' follows '/': what lies below is passed over


def offer_of(store: ObjectStore, prefix: str, life: Life | None = None, *, by_hand: bool = False) -> Offer:
    """The offer that a run's published result makes.

    Args:
        store: the model storage path that it lies in.
        prefix: the run's folder, ending with '/'.
        life: the model's state: a result of a retraining that was asked for names its reason.
        by_hand: whether a person offers this very result: then one that was cancelled with a best trial will do,
            and a trial's own model where ``conclude`` failed.

    Raises:
        NotOffered: it goes on, it failed, it has no best trial, it has a trial's own model in place of that which
            ``conclude`` did not come to make, or it is no published result. The message says which.
        StorageError: the store refuses or is away.
    """
    where = f"{store.url}/{prefix}".rstrip("/")
    found = next((each for each in store.entries(prefix + CONTROLLER, "", 1) if each.key == prefix + CONTROLLER), None)
    if found is None:
        raise NotOffered(f"{where} has no published result yet")
    try:
        entry = dict(json.loads(store.get(prefix + CONTROLLER))["experiment"])
        state, name, run = ExperimentState(entry["state"]), str(entry["name"]), str(entry["run"])
    except NotFound:
        raise NotOffered(f"{where} has no published result any more") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotOffered(f"{where}/{CONTROLLER} can't be read: {error}") from None
    if not state.ended:
        raise NotOffered(f"{name}@{run} goes on")
    if state not in _SUCCEEDED and not (by_hand and state in _CANCELED):
        raise NotOffered(f"{name}@{run} has not succeeded: {state}, {entry.get('stop_reason') or 'no reason is known'}")
    if entry.get("best_trial") is None:
        raise NotOffered(f"{name}@{run} ended without a best trial")
    folder = model_folder(store, prefix)
    why = unconcluded_of(entry)
    if why and folder != prefix + BEST_MODEL and not by_hand:  # a weaker model: neither calibrated nor tested
        raise NotOffered(f"{name}@{run}: {why}; or offer this very result by hand")
    ended = _seconds(entry.get("ended"))
    source = Source(
        store.url, name, run, prefix, int(entry["best_trial"]), str(entry.get("metric") or ""), entry.get("best_value"),
        _fingerprints(entry.get("data")), _reason(life, entry, name, run), _seconds(entry.get("started")),
        max(ended, found.modified),
    )  # fmt: skip
    return Offer(source, (store, folder))


def model_folder(store: ObjectStore, prefix: str) -> str:
    """Which folder of a published result is its model: that with a model.json of ours, else all of best_model/.

    Args:
        store: where it lies.
        prefix: the run's folder, ending with '/'.
    """
    model = prefix + BEST_MODEL + MODEL_FOLDER
    return model if store.list(model + MODEL_FILE, limit=1) == [model + MODEL_FILE] else prefix + BEST_MODEL


def _reason(life: Life | None, entry: Mapping[str, Any], experiment: str, run: str) -> dict[str, Any]:
    """Why a run was made: what its conf said, which its result repeats; else why the model had asked for it."""
    said = entry.get("reason")
    if isinstance(said, Mapping) and said:
        return dict(said)
    for each in life.retrainings.values() if life is not None else ():
        if (each.experiment, each.run) == (experiment, run):
            return dict(each.reason)
    return {}


def _fingerprints(data: Any) -> dict[str, Any]:
    """Of the data sets of a run what tells one state of them from another, without what lists their files."""
    if not isinstance(data, dict):
        return {}
    return {
        str(name): {key: entry[key] for key in _KEPT_OF_DATA if entry.get(key) is not None}
        for name, entry in data.items()
        if isinstance(entry, dict)
    }


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
