"""The models of a round: found where experiments have published them, brought here, known by what they learned from.

A model counts only where it is known which items it has learned from: it is one that an experiment trained on a data
set version of this project, told by the fingerprint that the run recorded; or a program that people bring, which they
answer for. Any other model may choose what people label, and neither labels itself nor is measured: it may have seen
what it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.annotation.agreement.families import NO_LEARNER, families
from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.reach import Reach
from automl_core.results.names import BEST_MODEL, CONTROLLER
from automl_core.results.stages import unconcluded_of
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import MODEL_FOLDER, safe, trial_prefix

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile

MODEL = BEST_MODEL + MODEL_FOLDER
MODEL_JSON = "model.json"
PREDICTIONS = "predictions.parquet"
"""What a model said of rows that it had not learned from, as templates for tables leave it."""

_ENDED_WELL = ("FINISHED", "NO_MORE_TRIAL", "EARLY_STOPPED")


@dataclass(frozen=True)
class RoundModel:
    """One that predicts in a round.

    Attributes:
        name: for people and records: experiment and run, or the program's name.
        labeller: the experiment or the program, as the file names it.
        families: `agreement.families` of it.
        folder: with the model, on this machine; None for a program.
        family: takes the members of one family alone, where an experiment brings two models.
        run, url: of the experiment; empty for a program.
        set: number of the data set version that it learned from; 0: of none, which people answer for (a program);
            None: it is not known.
        held_out: files on this machine with predictions of rows that it had not learned from.
        published: when, seconds since 1970.
    """

    name: str
    labeller: str
    families: Mapping[str, float]
    folder: Path | None = None
    family: str | None = None
    run: str = ""
    url: str = ""
    set: int | None = None
    held_out: tuple[Path, ...] = ()
    published: float = 0.0

    @property
    def known(self) -> bool:
        """Whether it is known what it has learned from: else it may have seen what it is asked."""
        return self.set is not None

    def to_json(self) -> dict[str, Any]:
        """As records have it: nothing of this machine."""
        return {
            "name": self.name, "labeller": self.labeller, "families": dict(self.families), "family": self.family,
            "run": self.run, "url": self.url, "set": self.set,
        }  # fmt: skip


@dataclass(frozen=True)
class Models:
    """What was found.

    Attributes:
        found: usable ones, in the order of the file; at most two.
        notes: for people: which are not there, and why.
    """

    found: tuple[RoundModel, ...] = ()
    notes: tuple[str, ...] = field(default=())


def find_models(
    file: AnnotationFile, sets: Mapping[str, int], reach: Reach, folder: Path, *, runs: Mapping[str, str] | None = None,
    later: Collection[str] = (),
) -> Models:  # fmt: skip
    """Bring the newest models of a file's experiments here.

    Args:
        file: of the project.
        sets: digest of a data set version's file → its number (`sets.digests`).
        reach: opens the experiments' storage.
        folder: models are brought to folders in it.
        runs: experiment → the run whose model is wanted; the newest with a published model where none is named.
        later: runs that later rounds have trained by: to a round that is done again they are not there yet.

    Returns:
        The models; what is not there, or can't be used, is told and left out.

    Raises:
        StorageError: a store is away.
    """
    found: list[RoundModel] = []
    notes: list[str] = []
    for labeller in file.models:
        if labeller.command is not None:
            found.append(RoundModel(labeller.title, labeller.title, {str(labeller.family): 1.0}, set=0))
            continue
        try:
            found += _of_experiment(
                labeller, sets, reach, folder / safe(labeller.title), (runs or {}).get(labeller.title), later
            )
        except NotUsable as error:
            notes.append(str(error))
    notes += [
        f"{each.name} was not trained on a data set version of this project: it helps to choose items, and neither "
        "labels any nor is measured, since it may have seen them"
        for each in found
        if not each.known
    ]
    return Models(tuple(found), tuple(notes))


def _of_experiment(
    labeller: Any, sets: Mapping[str, int], reach: Reach, folder: Path, wanted: str | None, later: Collection[str]
) -> list[RoundModel]:
    experiment = labeller.title
    store = reach.experiments(experiment)
    prefix, entry = _newest(store, experiment, wanted, later)
    run = str(entry.get("run") or prefix.rstrip("/").rpartition("/")[2])
    name = f"{experiment}@{run}"
    if not store.list(prefix + MODEL + MODEL_JSON, limit=1):
        raise NotUsable(
            f"{name} has published no model's folder of ours ({MODEL}{MODEL_JSON}): train it by a template for tables, "
            "or bring what predicts as a program (models: [{name: …, family: …, command: […]}])"
        )
    if why := unconcluded_of(entry):  # a trial's own model: weaker, and judged by nothing
        raise NotUsable(f"{name}: {why}")
    folder = folder / safe(run)
    home = folder / "model"
    _bring(store, prefix + MODEL, home)
    held_out = _held_out(store, prefix, entry, folder)
    base = RoundModel(
        name, experiment, _families(name, home), home, run=run, url=f"{store.url}/{prefix}", set=_set_of(entry, sets),
        held_out=held_out, published=float(entry.get("_published") or 0.0),
    )  # fmt: skip
    return [base] if labeller.families == 1 else _two(base)


def _two(base: RoundModel) -> list[RoundModel]:
    """The two best families of one experiment: its best model is made of members, parted by what they are."""
    weights = {family: weight for family, weight in base.families.items() if family != NO_LEARNER}
    best = sorted(weights, key=lambda family: (-weights[family], family))[:2]
    if len(best) < 2:
        only = ", ".join(best) or "none that learned anything"
        raise NotUsable(
            f"{base.name} has published a model of one family ({only}), so there are no two to agree: name a second "
            "experiment, or give this one an ensemble of several learners"
        )
    return [
        RoundModel(
            f"{base.name} ({family})", base.labeller, {family: 1.0}, base.folder, family, base.run, base.url, base.set,
            base.held_out, base.published,
        )
        for family in best
    ]  # fmt: skip


def _families(name: str, folder: Path) -> dict[str, float]:
    try:
        return families(folder)
    except (ValueError, OSError, KeyError) as error:
        raise NotUsable(f"{name}: {error}") from None


def _newest(
    store: ObjectStore, experiment: str, wanted: str | None, later: Collection[str]
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """The run whose model counts: its folder, and what its controller.json says of the experiment.

    One whose ``conclude`` made no model counts only where it is wanted by name, or no other is there: its caller says
    why that is not used.
    """
    best: tuple[bool, float, str, dict[str, Any]] | None = None
    seen = 0
    for prefix in _runs(store, experiment):
        seen += 1
        entry = _entry(store, prefix)
        if entry is None or entry.get("state") not in _ENDED_WELL or entry.get("best_trial") is None:
            continue
        if entry.get("run") in later or (wanted is not None and entry.get("run") != wanted):
            continue
        each = not unconcluded_of(entry), entry["_published"], prefix
        if best is None or each > best[:3]:
            best = *each, entry
    if best is None:
        which = f"the run {wanted} of {experiment}" if wanted is not None else f"{experiment}"
        raise NotUsable(
            f"{which} has no published model yet" + (f" ({seen} runs are there)" if seen and wanted is None else "")
        )
    return best[2], best[3]


def _runs(store: ObjectStore, experiment: str) -> Iterator[str]:
    """Folders of an experiment's runs, each ending with '/'; a request each."""
    top, after = f"{safe(experiment)}/", ""
    while keys := store.list(top, start_after=after, limit=1):
        name, slash, _ = keys[0].removeprefix(top).partition("/")
        if slash:
            yield f"{top}{name}/"
        after = f"{top}{name}0" if slash else keys[0]  # '0' follows '/': what lies below is passed over


def _entry(store: ObjectStore, prefix: str) -> dict[str, Any] | None:
    listed = next((each for each in store.entries(prefix + CONTROLLER, "", 1) if each.key == prefix + CONTROLLER), None)
    if listed is None:
        return None
    try:
        entry = dict(json.loads(store.get(prefix + CONTROLLER))["experiment"])
    except (NotFound, ValueError, KeyError, TypeError):
        return None
    return entry | {"_published": listed.modified}


def _set_of(entry: Mapping[str, Any], sets: Mapping[str, int]) -> int | None:
    """The data set version that a run learned from, by the fingerprints that it recorded."""
    data = entry.get("data")
    entries = data.values() if isinstance(data, dict) else ()
    digests = [str(each.get("digest")) for each in entries if isinstance(each, dict)]
    return next((sets[digest] for digest in digests if digest in sets), None)


def _bring(store: ObjectStore, prefix: str, folder: Path) -> None:
    """A folder of a store, on this machine; files that are there already are those of an earlier try, and replaced."""
    for key in store.list(prefix):
        store.download_file(key, folder / key.removeprefix(prefix))


def _held_out(store: ObjectStore, prefix: str, entry: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """Predictions of rows held out: by the best trial fold by fold, and by the published model of its test part."""
    found: list[Path] = []
    places = (
        prefix + trial_prefix(int(entry["best_trial"])) + MODEL_FOLDER + PREDICTIONS,
        prefix + MODEL + PREDICTIONS,
    )
    for number, key in enumerate(places):
        target = folder / f"held-out-{number}.parquet"
        try:
            store.download_file(key, target)
        except NotFound:
            continue
        found.append(target)
    return tuple(found)


def check_two(models: Sequence[RoundModel]) -> tuple[RoundModel, RoundModel]:
    """The two models that may label, where there are two that are known and unlike.

    Raises:
        NotUsable: there is one alone, one may have seen what it is asked, or both are of one family.
    """
    from automl_core.annotation.agreement.families import SameFamily, check_different

    known = [each for each in models if each.known]
    if len(known) < 2:
        there = ", ".join(each.name for each in known) or "none"
        raise NotUsable(f"two models are needed to agree, and of those that may there is {there}")
    first, second = known[:2]
    try:
        check_different(first.families, second.families, names=(first.name, second.name))
    except SameFamily as error:
        raise NotUsable(str(error)) from None
    return first, second
