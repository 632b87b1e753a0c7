"""The data sets of one run: found when it begins, looked at again by each attempt, brought to where it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl_core.data.access import Access, DataError, FromEnvironment, absolute, connection_for
from automl_core.data.cache import Cache, Held
from automl_core.data.fingerprint import Fingerprint, difference, of_listing, same_as_recorded, take
from automl_core.data.listing import Listing, list_place
from automl_core.data.rows import rows_of
from automl_core.data.table_copies import address, hold
from automl_core.spec.counts import wanted_counts
from automl_core.spec.datasets import data_set_of, place_of
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import Experiment
from automl_core.spec.places import BadPlace, DataPlace
from automl_core.storage.base import StorageError, StorageUnavailable

MISSING = "missing"
"""Key of what stands in a fingerprint's place where there was nothing when the run began."""


class MissingData(DataError):
    """Data sets that are not there when a run begins.

    Attributes:
        problems: name of the data set → what is wrong.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"data.{name}: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


@dataclass(slots=True)
class Opened:
    """Data sets as one attempt finds them.

    Attributes:
        places: by name, as the training opens them.
        changed: what is otherwise than when the run began, in words.
        tables: address of a table → file of this machine that has its rows.
    """

    places: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    _held: list[Held] = field(default_factory=list)

    def release(self) -> None:
        """Say that the files are no longer in use."""
        for held in self._held:
            held.release()
        self._held.clear()


@dataclass(frozen=True, slots=True)
class DataOfRun:
    """The data sets of a run.

    Attributes:
        experiment: its file, or a stage of it.
        dates: of the run, by their names.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from, where it is in sight.
        access: opens what the data lie in.
        recorded: fingerprints that the run's first record has, by name.
    """

    experiment: Experiment
    dates: Mapping[str, str]
    home: Path
    bundle: Path | None = None
    access: Access = field(default_factory=FromEnvironment)
    recorded: Mapping[str, Any] = field(default_factory=dict)

    def place(self, name: str) -> DataPlace:
        """Where a data set lies in this run.

        Raises:
            DataError: the run's dates make no place of it.
        """
        try:
            return place_of(data_set_of(self.experiment.data[name]), self.dates, str(self.bundle or self.home))
        except BadPlace as error:
            raise DataError(f"data.{name}: {error}") from None

    def take(self) -> dict[str, Any]:
        """The fingerprints of all data sets as they are now, as plain JSON by name.

        Where the experiment has a ``prepare`` a place may be empty still: ``{"missing": true}`` stands there then.

        Raises:
            MissingData: there is nothing at a place, or it can't be read.
            StorageUnavailable: a place can't be asked now.
        """
        found, problems = dict[str, Any](), dict[str, str]()
        for name in self.experiment.data:
            try:
                found[name] = self.fingerprint(name).to_json()
            except StorageUnavailable:
                raise
            except StorageError as error:
                if self.experiment.prepare:
                    found[name] = {"place": self.place(name).text, MISSING: True, "why": str(error)}
                else:
                    problems[name] = str(error)
        if problems:
            raise MissingData(problems)
        return found

    def fingerprint(self, name: str) -> Fingerprint:
        """What a data set is now.

        Raises:
            DataError: there is nothing, or it can't be read.
            StorageError: where it lies can't be asked now.
        """
        place = self.place(name)
        given = data_set_of(self.experiment.data[name])
        found = take(place, self.home, self.access, self._connection(name, place), given.format)
        if found.rows is None and given.rows is None and (name, "rows") in wanted_counts(self.experiment):
            found = replace(found, rows=rows_of(place, self.home, self.access, given.format))
        return found

    def _connection(self, name: str, place: DataPlace) -> str | None:
        return connection_for(self.experiment, name, place)

    def open_here(
        self, *, say: Callable[[str], None] = lambda _: None, wanted: Callable[[], bool] = lambda: True,
        cache: Cache | None = None,
    ) -> Opened:  # fmt: skip
        """All data sets for a training on this machine; files of buckets are brought here.

        Args:
            say: is told of what takes time.
            wanted: whether the attempt still waits for it.
            cache: where files of buckets are kept; that of the machine when None.

        Raises:
            StorageError: something can't be found or fetched.
        """
        opened = Opened()
        try:
            for name in self.experiment.data:
                self._open_one(name, opened, say, wanted, cache)
        except BaseException:
            opened.release()
            raise
        return opened

    def _open_one(
        self, name: str, opened: Opened, say: Callable[[str], None], wanted: Callable[[], bool], cache: Cache | None
    ) -> None:
        place = self.place(name)
        if place.is_table:
            self._compare(name, self.fingerprint(name), opened)
            opened.places[name] = address(place)
            if not any(isinstance(task, MaxComputeTask) for task in self.experiment.tasks):
                self._read_table(name, place, opened, say, wanted, cache or Cache.of(self.home))
            return
        if place.in_bucket:
            self._bring(name, place, opened, say, wanted, cache or Cache.of(self.home))
            return
        listing = list_place(place, self.home, self.access)
        opened.places[name] = str(absolute(place, self.home))
        if not same_as_recorded(self.recorded.get(name, {}), listing):
            self._compare(name, self._of(name, place, listing), opened)

    def _read_table(
        self, name: str, place: DataPlace, opened: Opened, say: Callable[[str], None], wanted: Callable[[], bool],
        cache: Cache,
    ) -> None:  # fmt: skip
        """The rows of a table, on this machine: a training has no keys of its own."""
        held = hold(cache, place, self.access, self._connection(name, place), say=say, wanted=wanted)
        opened._held.append(held)
        opened.tables[address(place)] = str(held.path)

    def _bring(
        self, name: str, place: DataPlace, opened: Opened, say: Callable[[str], None], wanted: Callable[[], bool],
        cache: Cache,
    ) -> None:  # fmt: skip
        """The files of a bucket, on this machine."""
        connection, held = self._connection(name, place), None
        listing = cache.remembered(place)
        if listing is not None:
            held = cache.hold_known(place, listing, self._of(name, place, listing).digest)
        if listing is None or held is None:
            listed = listing = list_place(place, self.home, self.access, connection)
            cache.remember(place, listing)
            held = cache.hold(
                place, listing, self._of(name, place, listing).digest, say=say, wanted=wanted,
                unchanged=lambda: list_place(place, self.home, self.access, connection).files == listed.files,
            )  # fmt: skip
        opened._held.append(held)
        opened.places[name] = str(held.path)
        self._compare(name, self._of(name, place, listing), opened)

    def _of(self, name: str, place: DataPlace, listing: Listing) -> Fingerprint:
        return of_listing(place, listing, data_set_of(self.experiment.data[name]).format, details=False)

    def _compare(self, name: str, now: Fingerprint, opened: Opened) -> None:
        words = difference(self.recorded.get(name, {}), now)
        if words:
            opened.changed.append(f"data.{name} ({now.place}) has changed since the run began: {words}")

    def seen_elsewhere(self) -> dict[str, str]:
        """The places for a training that runs elsewhere: addresses, paths as they stand; nothing is asked."""
        return {name: self.text_elsewhere(name) for name in self.experiment.data}

    def text_elsewhere(self, name: str) -> str:
        """How a training that runs elsewhere is told of a data set."""
        place = self.place(name)
        if place.is_table:
            return address(place)
        return place.text if place.in_bucket else str(absolute(place, self.home))

    def seen_by_sql(self) -> dict[str, str]:
        """The places for statements of MaxCompute: ``project.table``, as SQL names it; addresses of anything else."""
        places = {name: self.place(name) for name in self.experiment.data}
        return {name: place.table if place.is_table else self.text_elsewhere(name) for name, place in places.items()}

    def changed(self) -> list[str]:
        """What is otherwise than when the run began, in words, for a training that runs elsewhere.

        What can't be looked at from here is passed over: the training says so itself.
        """
        opened = Opened()
        for name, recorded in self.recorded.items():
            if name not in self.experiment.data or not recorded.get("digest"):
                continue
            with suppress(StorageError):
                place = self.place(name)
                given = data_set_of(self.experiment.data[name])
                now = take(place, self.home, self.access, self._connection(name, place), given.format, details=False)
                self._compare(name, now, opened)
        return opened.changed
