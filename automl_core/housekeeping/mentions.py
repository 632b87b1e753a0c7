"""Who names a run: models and annotations in the same storage path, experiment files that learn from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from automl_core.spec.kinds import ANNOTATION, MODEL, kind_in
from automl_core.storage.base import Entry, NotFound, ObjectStore, StorageError
from automl_core.study.layout import folders_of
from automl_core.templates.places import Places

RESERVED = "_"
"""How the names of folders begin that are no experiments: ``_models/``, ``_annotation/``. Nothing below is touched."""

MOST_BYTES = 16 << 20
"""Objects below those folders that are larger hold data or weights, not names; but for those that are text."""

_TEXTS = (".json", ".jsonl", ".yaml", ".yml", ".md", ".txt")
_THREADS = 8
_MOST_RUNS = 20
"""Runs of an experiment that a file can learn from without naming them (`spec.transfer.Transfer.runs`)."""


@dataclass(frozen=True, slots=True)
class ExperimentFile:
    """An experiment file that may learn from runs.

    Attributes:
        place: where it is, for people.
        text: all of it.
        templates: where templates lie for it; those that a text sees which lies nowhere, when None.
    """

    place: str
    text: str
    templates: Places | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Something that may name runs.

    Attributes:
        place: where it is, for people.
        text: all of it.
        as_reference: whether it names runs as ``name@run`` and no other way.
    """

    place: str
    text: str
    as_reference: bool = False

    def names(self, experiment: str, run: str) -> bool:
        """Whether both names stand in it, as they are or as they are written in keys, JSON or URLs.

        It errs on the side of keeping: a text that speaks of an experiment and of a run's id is taken to name it.
        """
        if self.as_reference:
            return f"{experiment}@{run}" in self.text
        return self._has(experiment) and self._has(run)

    def _has(self, name: str) -> bool:
        forms = {
            name,
            *folders_of(name),
            json.dumps(name)[1:-1],
            json.dumps(name, ensure_ascii=False)[1:-1],
            quote(name, ""),
        }
        return any(form in self.text for form in forms)


@dataclass(frozen=True, slots=True)
class Latest:
    """An experiment file that learns from whatever runs of an experiment have ended last."""

    place: str
    experiment: str
    count: int


@dataclass(frozen=True, slots=True)
class Mentions:
    """All that names runs from outside of them.

    Attributes:
        texts: what may name runs by their ids.
        latest: what learns from the newest runs without naming them.
        unread: objects that could not be read, and why: what they name nobody knows.
    """

    texts: Sequence[Text] = ()
    latest: Sequence[Latest] = ()
    unread: Sequence[str] = ()

    def of(self, experiment: str, run: str) -> str:
        """Where a run is named, empty where it isn't."""
        return next((text.place for text in self.texts if text.names(experiment, run)), "")


def mentions_in(
    store: ObjectStore, reserved: Iterable[Entry], files: Iterable[ExperimentFile], experiments: Iterable[str]
) -> Mentions:
    """Read what may name runs.

    Args:
        store: the model storage path.
        reserved: the objects of its reserved folders.
        files: experiment files of the deployment.
        experiments: names of the experiments that have runs there.
    """
    known = sorted(set(experiments))
    wanted = [each for each in reserved if each.size <= MOST_BYTES or each.key.endswith(_TEXTS)]
    with ThreadPoolExecutor(_THREADS) as pool:
        read = list(pool.map(lambda entry: _read(store, entry), wanted))
    texts = [text for text in read if isinstance(text, Text)]
    latest: list[Latest] = []
    for file in files:
        kind = kind_in(file.text)
        place = f"the {kind} file {file.place}"
        texts.append(Text(place, file.text, as_reference=True))
        for found in _learns_from(file, place, known) if kind not in (MODEL, ANNOTATION) else ():
            if isinstance(found, Text):
                texts.append(found)
            else:
                latest.append(found)
    return Mentions(texts, latest, [problem for problem in read if isinstance(problem, str)])


def _read(store: ObjectStore, entry: Entry) -> Text | str | None:
    try:
        data = store.get(entry.key)
    except NotFound:
        return None
    except StorageError as error:
        return str(error)
    return Text(entry.key, f"{entry.key}\n{data.decode('utf-8', 'replace')}")


def _learns_from(file: ExperimentFile, place: str, known: Sequence[str]) -> Iterator[Latest | Text]:
    """What a file learns from: as its template has it too, where the file itself says nothing of it."""
    from automl_core.spec.errors import SpecError
    from automl_core.templates.loading import parse_experiment

    try:
        experiment = parse_experiment(file.text, file.place, file.templates)
    except SpecError:  # it may be mended tomorrow, and learn then from what it speaks of, or what its template does
        if "transfer" in file.text or "template" in file.text:
            yield from (Latest(place, name, _MOST_RUNS) for name in known if name in file.text)
        return
    transfer = experiment.search.transfer
    if transfer is None:
        return
    if transfer.runs:
        yield Latest(place, experiment.name, transfer.runs)
    yield from (Latest(place, text, 1) for text in transfer.experiments if "@" not in text)
    yield from (Text(place, text, as_reference=True) for text in transfer.experiments if "@" in text)
