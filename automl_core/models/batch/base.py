"""What all acts of batch scoring stand on: the model, its file, the places of its data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.data.access import Access
from automl_core.models.batch.intervals import Interval, Timetable, has_dates, names_days
from automl_core.models.batch.order import Place
from automl_core.models.batch.owed import OwedList
from automl_core.models.batch.partitions import found_partitions
from automl_core.models.batch.places import place_in
from automl_core.models.batch.scoring import fingerprint_of
from automl_core.models.life import ModelLife
from automl_core.spec.bundles import BUNDLE_DIR

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.spec.datasets import DataSet


@dataclass
class BatchBase:
    """One model and its file, for the acts of `Batch`.

    Attributes:
        life: the model.
        file: its file, with ``deploy: {to: batch}``.
        access: opens stores, buckets and tables.
        home: AUTOML_HOME.
        timetable: when intervals are due.
        bundle: folder of the DAG bundle.
        clock: seconds since 1970.
        sleep: how to wait between two tries.
        say: takes lines for people.
    """

    life: ModelLife
    file: ModelFile
    access: Access
    home: Path
    timetable: Timetable = field(default_factory=Timetable)
    bundle: str = ""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        if self.file.batch is None:
            raise ValueError(f"{self.file.name} has no `deploy: {{to: batch}}`: there is nothing to score")
        self.deploy: Any = self.file.batch
        self.owed = OwedList(self.life.store, self.life.prefix, clock=self.clock, sleep=self.sleep)
        self.data: DataSet = self._in_full(self.deploy.data)
        self.out: DataSet = self._in_full(self.deploy.out)

    def _in_full(self, given: Any) -> DataSet:
        found = self.file.data_set(given)
        changed: dict[str, Any] = {"place": found.place.replace("${" + BUNDLE_DIR + "}", self.bundle or ".")}
        if found.connection is None and found.place.startswith("odps://") and self.deploy.backend == "maxcompute":
            changed["connection"] = self.deploy.connection
        return found.model_copy(update=changed)

    def own(self, at: datetime, start: datetime | None = None, end: datetime | None = None) -> Interval | None:
        """The interval of a run with a logical date (`Timetable.own`).

        Returns:
            None where nothing is due at a time, and the place of the data names none: its state is the interval then.
        """
        if self.timetable.cron is None:
            if not has_dates(self.data.place):
                return None
            if names_days(self.data.place):
                at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
                start = end = at
        return self.timetable.own(at, start, end)

    def data_of(self, interval: Interval) -> Place:
        """Where the data of an interval lie.

        Raises:
            BadPlace: the place names a date that the interval hasn't.
        """
        place = place_in(self.data.place, interval, self.bundle)
        return Place(place.text, self.data.connection, self.data.format)

    def fingerprint(self, interval: Interval, version: int | None) -> tuple[Any, tuple[Place, ...]]:
        """What is to be read: its fingerprint, and earlier places that a model of series runs on by."""
        data = self.data_of(interval)
        earlier: tuple[Place, ...] = ()
        if version is not None and self.life.state.version(version).model.problem == "forecasting":
            earlier = self._earlier(interval)
        return fingerprint_of(data, earlier, self.home, self.access), earlier

    def _earlier(self, interval: Interval) -> tuple[Place, ...]:
        """Places of the same data before an interval: newer rows of series may lie in any of them."""
        if not has_dates(self.data.place) or interval.at is None:
            return ()
        known = found_partitions(self.data.place, self.home, self.access, self.data.connection)
        return tuple(self.data_of(each) for each in known if (each.at or 0.0) < interval.at)
