"""Published results as candidates for a model: which there are, and what is recorded of where a version came from.

A result is published when its controller.json says that the experiment has ended and its ``best_model/`` is whole (its
status.json is written last). Whatever trained it can be offered.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from automl_core.results.names import BEST_MODEL, CONTROLLER, STATUS
from automl_core.states import ExperimentState
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import MODEL_FOLDER, safe

if TYPE_CHECKING:
    from automl_core.models.life import Life, Source


class NotPublished(LookupError):
    """There is no published result at a place, or it has no model. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A published result.

    Attributes:
        source: what is recorded of it.
        store: where it lies.
        model: the folder of its best model there, ending with '/'.
    """

    source: Source
    store: ObjectStore
    model: str


def candidate_at(store: ObjectStore, prefix: str) -> Candidate:
    """The result of one run.

    Args:
        store: the model storage path of the experiment.
        prefix: the run's folder there, ending with '/'.

    Raises:
        NotPublished: nothing is published there (yet), or no model.
        StorageError: the store refuses or is away.
    """
    from automl_core.models.life import Source

    try:
        entry = json.loads(store.get(prefix + CONTROLLER))["experiment"]
        ended = ExperimentState(entry["state"]).ended
    except NotFound:
        raise NotPublished(f"{store.url}/{prefix} has no {CONTROLLER}: nothing is published there") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NotPublished(f"{store.url}/{prefix}{CONTROLLER} is not that of an experiment: {error}") from None
    if not ended:
        raise NotPublished(f"{entry.get('name')}@{entry.get('run')} goes on")
    try:
        mark = json.loads(store.get(prefix + BEST_MODEL + STATUS))
    except (NotFound, ValueError):
        raise NotPublished(f"{entry['name']}@{entry['run']} has published no model") from None
    model = prefix + BEST_MODEL + MODEL_FOLDER
    if not store.list(model, limit=1):
        raise NotPublished(f"{entry['name']}@{entry['run']}: its best trial has left no model")
    source = Source(
        storage=store.url.rstrip("/"), experiment=str(entry["name"]), run=str(entry["run"]), prefix=prefix,
        trial=_whole(mark.get("number", entry.get("best_trial"))), metric=str(entry.get("metric") or ""),
        value=_number(entry.get("best_value")), fingerprints=_fingerprints(entry.get("data")),
        reason=dict(entry.get("reason") or {}), started=_seconds(entry.get("started")),
        published=_seconds(entry.get("ended")),
    )  # fmt: skip
    return Candidate(source, store, model)


def candidates_of(store: ObjectStore, experiment: str, known: Collection[str] = ()) -> Iterator[Candidate]:
    """The published results of an experiment.

    A listing for each run's folder, and the result of each that isn't known: nothing below the folders is listed.

    Args:
        store: the model storage path of the experiment.
        experiment: its name.
        known: folders (ending with '/') that nobody needs to read.

    Raises:
        StorageError: the store refuses or is away.
    """
    root, after = f"{safe(experiment)}/", ""
    while keys := store.list(root, start_after=after, limit=1):
        folder, slash, _ = keys[0].removeprefix(root).partition("/")
        prefix = f"{root}{folder}/"
        after = f"{root}{folder}0" if slash else keys[0]  # '0' follows '/': all below the folder is passed over
        if not slash or prefix in known:
            continue
        try:
            found = candidate_at(store, prefix)
        except NotPublished:
            continue
        if found.source.experiment == experiment:
            yield found


def new_candidates(life: Life, store: ObjectStore, experiment: str) -> list[Candidate]:
    """The results of an experiment that a model has still to be offered, the oldest first.

    The first time that is the newest result alone: nobody wants fifty old ones evaluated because a file was written.
    From then on each that was published since, in whatever order they came.

    Args:
        life: the model's state.
        store: the model storage path of the experiment.
        experiment: its name.

    Raises:
        StorageError: the store refuses or is away.
    """
    url = store.url.rstrip("/")
    mine = [
        each for each in life.versions.values()
        if (each.source.storage.rstrip("/"), each.source.experiment) == (url, experiment)
    ]  # fmt: skip
    found = sorted(
        candidates_of(store, experiment, {each.source.prefix for each in mine}), key=lambda each: each.source.published
    )
    if not mine:
        return found[-1:]
    first = min(mine, key=lambda each: each.number)
    since = first.source.published if first.offered_by.how == "dag" else first.offered_at
    return [each for each in found if each.source.published >= since]


def _fingerprints(data: Any) -> dict[str, Any]:
    kept = ("place", "digest", "rows", "bytes", "files")
    found = data if isinstance(data, dict) else {}
    return {name: {key: each[key] for key in kept if key in each} for name, each in found.items()}


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None
