"""What lies in a model storage path: every run with its sizes and how it stands, and what broke off beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from automl_core.audit import FOLDER as AUDIT
from automl_core.code import FOLDER as CODE
from automl_core.housekeeping.annotations import annotations_in
from automl_core.housekeeping.mark import ACT, MARK, Mark, first_record, read_mark
from automl_core.housekeeping.mentions import RESERVED, ExperimentFile, Mentions, mentions_in
from automl_core.housekeeping.models import ModelFolder, models_in, named_by
from automl_core.journal import JOURNAL, SNAPSHOTS, BadRecord, Record, key_of, seq_of
from automl_core.results.entries import has_ended
from automl_core.results.names import CONTROLLER
from automl_core.spec.models import Experiment
from automl_core.spec.stages import STAGES
from automl_core.states import ExperimentState
from automl_core.storage.base import Entry, NotFound, ObjectStore, StorageError, StorageUnavailable, Unfinished
from automl_core.study.history import ranking
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import SCRATCH, folders_of, safe
from automl_core.study.prepared import PREPARE, TAKEN
from automl_core.study.state import State
from automl_core.templates.published import FOLDER as TEMPLATES

PAGE = 10_000
"""Objects of one listing."""

CHECK = ".automl-check-"
"""How the objects begin that `automl_core.storage.check_store` leaves where it is killed."""

_THREADS = 8
_STAGE = rf"(?:(?:{'|'.join(STAGES)})/)?"
_CHECKPOINTS = re.compile(rf"{_STAGE}experiment_\d+/checkpoints/")
_SCRAPS = re.compile(rf"{_STAGE}(?:{SCRATCH}|experiment_\d+/model\.old/)")
"""Below the folder of a run, and of each of its stages."""

InAirflow: TypeAlias = Literal["not asked", "there", "goes on", "gone"]
"""How a run stands in Airflow, where Airflow was asked."""


@dataclass(slots=True)
class Size:
    """Objects, their bytes, and when the newest was written (seconds since 1970)."""

    objects: int = 0
    bytes: int = 0
    newest: float = 0.0

    def add(self, entry: Entry) -> None:
        """Count one more."""
        self.objects += 1
        self.bytes += entry.size
        self.newest = max(self.newest, entry.modified)


@dataclass(slots=True)
class Folder:
    """The folder of a run as listings have it; ``checkpoints`` and ``scraps`` by the prefixes that hold them."""

    prefix: str
    whole: Size = field(default_factory=Size)
    checkpoints: dict[str, Size] = field(default_factory=dict)
    scraps: dict[str, Size] = field(default_factory=dict)
    journal: bool = False
    marked: bool = False

    def add(self, entry: Entry) -> None:
        """Count one of its objects."""
        name = entry.key.removeprefix(self.prefix)
        self.whole.add(entry)
        if name == MARK:
            self.marked = True
        elif name in SNAPSHOTS or (name.startswith(JOURNAL) and seq_of(name.removeprefix(JOURNAL)) is not None):
            self.journal = True
        elif found := _CHECKPOINTS.match(name):
            self.checkpoints.setdefault(self.prefix + found[0], Size()).add(entry)
        elif found := _SCRAPS.match(name):
            self.scraps.setdefault(self.prefix + found[0], Size()).add(entry)


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as far as its end of days is concerned.

    Attributes:
        folder: its objects.
        experiment, run: by its journal, else by its folder's names.
        identity: of its journal's first record.
        seq: its journal's last place.
        created, last: times of the first record, and of the last thing that was written there by anybody.
        stopped: whether there is a record that it is to end.
        finished: whether it has ended, with nothing of it running, and its result was published since.
        goal, loss: what its best trial is judged by, and that trial's loss (lower is better); None without one.
        learned_from: (experiment, run) of the earlier runs that its first record names.
        prepared_by: folder of the earlier run whose ``prepare`` it uses; empty where it has its own.
        problem: why nobody can tell how it stands; empty where that is known.
        mark: that of somebody who began to delete it and did not come to the end.
        in_airflow: how its DAG run stands.
        code: digest of the code that went along, empty where none did.
    """

    folder: Folder
    experiment: str
    run: str
    identity: str = ""
    seq: int = 0
    created: float = 0.0
    last: float = 0.0
    stopped: bool = False
    finished: bool = False
    goal: str = ""
    loss: float | None = None
    learned_from: frozenset[tuple[str, str]] = frozenset()
    prepared_by: str = ""
    problem: str = ""
    mark: Mark | None = None
    in_airflow: InAirflow = "not asked"
    code: str = ""

    @property
    def prefix(self) -> str:
        """Its folder, ending with '/'."""
        return self.folder.prefix


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a plan is made from.

    Attributes:
        url: the model storage path.
        runs: by their folders.
        mentions: what names runs from outside of them.
        parts: what writes that broke off have left.
        checks: objects that were only to try the store out.
        code: archives of code that go along with runs.
        models: those whose journal could be read.
        problems: what could not be looked at, in words.
    """

    url: str
    runs: tuple[Run, ...]
    mentions: Mentions = field(default_factory=Mentions)
    parts: tuple[Unfinished, ...] = ()
    checks: tuple[Entry, ...] = ()
    code: tuple[Entry, ...] = ()
    models: tuple[ModelFolder, ...] = ()
    problems: tuple[str, ...] = ()


def look(store: ObjectStore, files: Iterable[ExperimentFile] = ()) -> Inventory:
    """Look at everything: one listing, some four requests for each run, three for each model or project.

    Args:
        store: the model storage path.
        files: experiment files whose runs learn from earlier ones.

    Raises:
        StorageError: the store refuses or is away.
    """
    folders: dict[str, Folder] = {}
    reserved: list[Entry] = []
    checks: list[Entry] = []
    code: list[Entry] = []
    misplaced = ""
    for entry in _entries(store):
        top, _, rest = entry.key.partition("/")
        run, slash, _ = rest.partition("/")
        if entry.key.startswith((AUDIT, TEMPLATES)):  # neither who looked at a run keeps it, nor of which version it is
            continue
        if entry.key.startswith(CODE):
            code.append(entry)
        elif top.startswith(RESERVED):
            reserved.append(entry)
        elif top.startswith(CHECK) and not rest:
            checks.append(entry)
        elif slash and run == JOURNAL.rstrip("/") and seq_of(rest.partition("/")[2]) is not None:
            misplaced = top
        elif slash:
            prefix = f"{top}/{run}/"
            folders.setdefault(prefix, Folder(prefix)).add(entry)
    ours = [folder for folder in folders.values() if folder.journal or folder.marked]
    with ThreadPoolExecutor(_THREADS) as pool:
        runs = tuple(pool.map(lambda folder: read_run(store, folder), ours))
    models, others = models_in(store, reserved)
    annotations, others = annotations_in(store, others)
    mentions = mentions_in(store, others, files, {run.experiment for run in runs})
    mentions = replace(mentions, texts=(*mentions.texts, *named_by(models), *annotations))
    parts: list[Unfinished] = []
    problems = []
    if misplaced:
        problems.append(f"{misplaced} is a run: {store.url} is the folder of an experiment; name the folder above it")
    try:
        parts = store.unfinished()
    except StorageUnavailable:
        raise
    except StorageError as error:  # not every server that speaks S3 lists uploads
        problems.append(f"what broke off is not looked for: {error}")
    return Inventory(
        store.url, runs, mentions, tuple(parts), tuple(checks), tuple(code), tuple(models), tuple(problems)
    )


def _entries(store: ObjectStore) -> Iterator[Entry]:
    after = ""
    while page := store.entries("", after, PAGE):
        yield from page
        after = page[-1].key


def read_run(store: ObjectStore, folder: Folder) -> Run:
    """How one run stands. What can't be read is no error, but a `Run.problem`.

    Raises:
        StorageUnavailable: the store is away.
    """
    top, name, _ = folder.prefix.split("/")
    run = Run(folder, top, name, last=folder.whole.newest)
    mark = read_mark(store, folder.prefix) if folder.marked else None
    told = _told_at_first(store, folder.prefix)
    run = replace(run, learned_from=_named_in(told), prepared_by=_prepared_by(told), code=_code_in(told))
    try:
        first = first_record(store, folder.prefix)
        journal = StudyJournal(store, folder.prefix, sleep=lambda _: None)
        state = journal.refresh()
    except StorageUnavailable:
        raise
    except (StorageError, BadRecord, ValueError, TypeError, LookupError) as error:
        return replace(run, problem=f"its journal can't be read: {error}")
    known = _known(run, state, first)
    if mark is not None and mark.covers(first, state.seq, _claimed(state)):
        return replace(known, mark=mark)
    problem = _problem(journal, first, top, name)
    if problem:
        return replace(known, problem=problem)
    try:
        experiment = Experiment.model_validate(state.experiment)
    except ValidationError as error:
        why = f"its file can't be read by this release ({error.error_count()} problems)"
        return replace(known, problem=why)
    ranked = ranking(state, experiment)
    value = ranked[0][1].value if ranked else None
    goal = experiment.goal.first
    return replace(
        known,
        stopped=state.stop is not None,
        finished=has_ended(state) and _is_published(store, folder.prefix),
        goal=f"{goal.direction} {goal.label}",
        loss=goal.sign * value if value is not None else None,
    )


def _claimed(state: State) -> bool:
    return bool(state.acts) and state.acts[-1].act == ACT


def _known(run: Run, state: State, first: Record | None) -> Run:
    named = {(earlier.experiment, earlier.run) for earlier in state.earlier if earlier.run}
    return replace(
        run,
        experiment=state.name or run.experiment,
        run=state.run or run.run,
        identity=first.id if first is not None else "",
        seq=state.seq,
        created=state.created,
        last=max(run.last, state.updated),
        learned_from=run.learned_from | named,
    )


def _told_at_first(store: ObjectStore, prefix: str) -> Any:
    """What a first record tells, of whatever format it is; None where that can't be read."""
    try:
        line = store.get(prefix + JOURNAL + key_of(1)).partition(b"\n")[0]  # of every format, as far as one can know
        return json.loads(line)["data"]
    except (NotFound, ValueError, KeyError, TypeError):
        return None


def _named_in(told: Any) -> frozenset[tuple[str, str]]:
    """The earlier runs that a first record names."""
    try:
        return frozenset((str(each["experiment"]), str(each["run"])) for each in told["earlier"] if each.get("run"))
    except (KeyError, TypeError, AttributeError):
        return frozenset()


def _prepared_by(told: Any) -> str:
    """The folder of the run whose ``prepare`` a first record uses, empty for none."""
    try:
        return str(told["inputs"][PREPARE][TAKEN]["prefix"])
    except (KeyError, TypeError):
        return ""


def _code_in(told: Any) -> str:
    """The digest of the code that a first record names."""
    try:
        return str(told["experiment"]["code"]["digest"] or "")
    except (KeyError, TypeError):
        return ""


def _problem(journal: StudyJournal, first: Record | None, top: str, name: str) -> str:
    """Why nobody can tell how a run stands, empty where one can."""
    state = journal.state
    if journal.later:
        return f"it is of a later release: {journal.later}"
    unsettled = [(seq, why) for seq, why in journal.unreadable.items() if seq > state.seq]  # earlier ones are void
    if unsettled:
        seq, why = min(unsettled)
        return f"record {seq} of its journal can't be read: {why}"
    if first is None or not state.created:
        return "its journal has no first record"
    if safe(state.name) != top or name not in folders_of(state.run):
        return f"its journal is that of {state.name}@{state.run}: it is a copy"
    return ""


def _is_published(store: ObjectStore, prefix: str) -> bool:
    """Whether the end of an experiment was published."""
    try:
        body = json.loads(store.get(prefix + CONTROLLER))
        return ExperimentState(body["experiment"]["state"]).ended
    except (NotFound, ValueError, KeyError, TypeError):
        return False
