"""Models below ``_models/``: which runs their versions came of, and copies of versions that nobody needs any more.

Of a model whose journal can be read, the journal says what names what; of any other, every text is taken to name what
stands in it, as it is for whatever else lies in a reserved folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl_core.housekeeping.mentions import Text
from automl_core.journal import Journal
from automl_core.models.life.entities import Person, Version, VersionState
from automl_core.models.life.layout import ANSWERS, BATCH, EVIDENCE, MODELS, ROLLOUTS, SHADOW, VERSIONS
from automl_core.models.life.life import Life
from automl_core.models.life.refusals import NoSuchVersion, Refused
from automl_core.models.life.rules import REMOVABLE
from automl_core.results.names import EXPERIMENT
from automl_core.storage.base import Entry, ObjectStore, StorageError

if TYPE_CHECKING:
    from automl_core.housekeeping.inventory import Inventory

_KNOWN = (VERSIONS, EVIDENCE, BATCH, ROLLOUTS, ANSWERS, SHADOW, "journal/", "journal-snapshot.json")
"""What is known to name no run; rows of data are among it, which may be large and may say anything."""

_LOOKS = "looks/"
"""Below a rollout's folder; `automl_core.models.rollout` writes it."""

_ROLLOUT = "rollout "
"""How the identity of a rollout's counts begins."""


@dataclass(slots=True)
class Copied:
    """The folder of a version as listings have it: objects, bytes, and when the newest was written."""

    objects: int = 0
    bytes: int = 0
    newest: float = 0.0

    def add(self, entry: Entry) -> None:
        """Count one more."""
        self.objects += 1
        self.bytes += entry.size
        self.newest = max(self.newest, entry.modified)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model whose journal was read.

    Attributes:
        name: of its folder.
        life: its state.
        copies: folders below ``versions/``, by prefix.
        measured: rollout → what was written for it.
    """

    name: str
    life: Life
    copies: dict[str, Copied] = field(default_factory=dict)
    measured: dict[int, list[Entry]] = field(default_factory=dict)


def models_in(store: ObjectStore, reserved: Iterable[Entry]) -> tuple[list[ModelFolder], list[Entry]]:
    """The models among the objects of reserved folders, and the objects whose texts may name runs all the same.

    Three requests a model.

    Raises:
        StorageUnavailable: the store is away.
    """
    found: dict[str, list[Entry]] = {}
    texts = []
    for entry in reserved:
        name, slash, _ = entry.key.removeprefix(MODELS).partition("/")
        if entry.key.startswith(MODELS) and slash:
            if not name.startswith("_"):  # news for followers and its like: models' names begin with a letter
                found.setdefault(name, []).append(entry)
        else:
            texts.append(entry)
    models = []
    for name, entries in found.items():
        prefix = f"{MODELS}{name}/"
        life = _read(store, prefix)
        if life is None:
            texts += entries
            continue
        model = ModelFolder(name, life)
        for entry in entries:
            rest = entry.key.removeprefix(prefix)
            if rest.startswith(VERSIONS) and "/" in rest.removeprefix(VERSIONS):
                folder = f"{prefix}{VERSIONS}{rest.removeprefix(VERSIONS).partition('/')[0]}/"
                model.copies.setdefault(folder, Copied()).add(entry)
            if rest.startswith(ROLLOUTS):
                number = rest.removeprefix(ROLLOUTS).partition("/")[0]
                if number.isdecimal():
                    model.measured.setdefault(int(number), []).append(entry)
            if not rest.startswith(_KNOWN) or rest.endswith(f"/{EXPERIMENT}"):  # that names the code it was made with
                texts.append(entry)
        models.append(model)
    return models, texts


def named_by(models: Iterable[ModelFolder]) -> Iterator[Text]:
    """What keeps the runs that versions came of, though a version is a copy: people who decide want to look at them."""
    for model in models:
        for version in model.life.versions.values():
            if version.state not in REMOVABLE:
                source = version.source
                place = f"version {version.number} of the model {model.name}, which is {version.state}"
                yield Text(place, f"{source.experiment}@{source.run}", as_reference=True)


def unused_copies(inventory: Inventory, older_than: float, keep: int, at: float) -> Iterator[dict[str, Any]]:
    """Copies of versions that nobody needs any more: set aside for some time, and not among the last that were in use.

    Args:
        inventory: all that there is.
        older_than: seconds since a version was rejected, replaced, taken back or retired, or its time ran out.
        keep: versions that were in use last whose files stay, whatever their age; beside the one that is.
        at: the time to tell ages from, seconds since 1970.

    Returns:
        Of each what a plan's item says of it; its identity is the number of the version with its state, empty where it
        never became one.
    """
    for model in inventory.models:
        life = model.life
        kept = _last_in_use(life, keep)
        of = {version.model.prefix.removesuffix("model/"): version for version in life.versions.values()}
        for place, size in sorted(model.copies.items()):
            version = of.get(place)
            seen = {"place": place, "objects": size.objects, "bytes": size.bytes}
            if version is None:
                number = place.removesuffix("/").rpartition("/")[2].partition("-")[0]
                if number.isdecimal() and int(number) <= len(life.versions):  # it can't become one any more
                    why = f"a copy for {model.name} that broke off before it was a version"
                    yield {**seen, "why": why, "age": max(0.0, at - size.newest), "experiment": ""}
                continue
            since = version.moves[-1].time if version.moves else version.offered_at
            age = max(0.0, at - since)
            if version.removed is not None:
                why = f"version {version.number} of {model.name}: on record as removed"
            elif version.state not in REMOVABLE or version.number in kept or age < older_than:
                continue
            else:
                why = f"version {version.number} of {model.name}, which is {version.state}"
            identity = f"{version.number}:{version.state}"
            yield {**seen, "why": why, "age": age, "experiment": version.source.experiment, "identity": identity}


def old_measures(inventory: Inventory, older_than: float, at: float) -> Iterator[dict[str, Any]]:
    """What was counted for rollouts that are over, but for the newest look at each: that is what they ended with.

    Args:
        inventory: all that there is.
        older_than: seconds since a rollout's end.
        at: the time to tell ages from, seconds since 1970.

    Returns:
        As `unused_copies`.
    """
    for model in inventory.models:
        for id, entries in sorted(model.measured.items()):
            rollout = model.life.rollouts.get(id)
            if rollout is None or rollout.ended is None or at - rollout.ended < older_than:
                continue
            prefix = f"{MODELS}{model.name}/{ROLLOUTS}{id}/"
            going = set(_measures(prefix, (entry.key for entry in entries)))
            if going:
                yield {
                    "place": prefix, "objects": len(going), "age": at - rollout.ended,
                    "bytes": sum(entry.size for entry in entries if entry.key in going),
                    "why": f"counts for rollout {id} of {model.name}, which is over",
                    "experiment": model.life.versions[rollout.version].source.experiment,
                    "identity": f"{_ROLLOUT}{id}",
                }  # fmt: skip


def _measures(prefix: str, keys: Iterable[str]) -> list[str]:
    """What may go of what was written for a rollout that is over."""
    looks: list[str] = []
    others: list[str] = []
    for key in keys:
        (looks if key.startswith(f"{prefix}{_LOOKS}") else others).append(key)
    return [*others, *sorted(looks)[:-1]]


def _remove_measures(store: ObjectStore, life: Life, place: str, id: int) -> str:
    rollout = life.rollouts.get(id)
    if rollout is None or rollout.open:
        return f"rollout {id} is not over"
    for key in _measures(place, store.list(place)):
        store.delete(key)
    return ""


def remove_copy(store: ObjectStore, place: str, identity: str, by: str) -> str:
    """Remove the folder of a version: its journal says so first; or what `old_measures` has found.

    Returns why it stays, empty where it is gone.

    Args:
        store: the model storage path.
        place: the folder.
        identity: as `unused_copies` or `old_measures` gave it.
        by: who removes it.

    Raises:
        StorageError: the store refuses or is away.
    """
    from automl_core.models.life.model_life import ModelLife

    name = place.removeprefix(MODELS).partition("/")[0]
    life = ModelLife.open(store, name)
    if identity.startswith(_ROLLOUT):
        return _remove_measures(store, life.state, place, int(identity.removeprefix(_ROLLOUT)))
    if identity:
        number, _, state = identity.partition(":")
        try:
            version = life.state.version(int(number))
            if str(version.state) != state:
                return f"version {number} is {version.state} since"
            life.note_removed(version.number, Person(by, "cli"))
        except (Refused, NoSuchVersion) as refused:
            return str(refused)
    elif any(version.model.prefix.startswith(place) for version in life.state.versions.values()):
        return "it is a version since"
    store.delete_prefix(place)
    return ""


def _read(store: ObjectStore, prefix: str) -> Life | None:
    """A model's state, None where it can't be told what that is."""
    journal: Journal[Life] = Journal(store, prefix, Life, sleep=lambda _: None)
    journal.paced = False
    try:
        life = journal.refresh()
    except StorageError:
        return None
    unsettled = [seq for seq in journal.unreadable if seq > life.seq]
    return None if journal.later or unsettled or not life.seq else life


def _last_in_use(life: Life, keep: int) -> set[int]:
    used = [(version.reached(VersionState.IN_USE), version) for version in life.versions.values()]
    former: list[tuple[float, Version]] = [
        (time, version) for time, version in used if time is not None and version.state is not VersionState.IN_USE
    ]
    former.sort(key=lambda each: (-each[0], -each[1].number))
    return {version.number for _, version in former[:keep]}
