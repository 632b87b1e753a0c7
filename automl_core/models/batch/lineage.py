"""What is said of each scored row, and of each interval to whoever draws lineage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION, INTERVAL, GENERATION = "model_version", "model_interval", "model_generation"
"""Columns behind the predictions of each row: the version that scored it (a whole number), the interval's key (a text)
and its generation (a whole number: 1, more where it was asked for again). Key and generation name the journal's record;
there is no time of a clock among them, so a retry writes the same bytes."""

COLUMNS = (VERSION, INTERVAL, GENERATION)


@dataclass(frozen=True, slots=True)
class Scored:
    """One interval that was scored, for those who keep lineage.

    Attributes:
        model: its name.
        version: that scored it.
        interval: key.
        generation: 1 at first, more where it was asked for again.
        data: place that was read.
        fingerprint: what lay there, as `automl_core.data.fingerprint` has it.
        out: place that was written.
        rows: written.
        digest: of what was written.
        more: what a backend adds, such as instances of MaxCompute.
    """

    model: str
    version: int
    interval: str
    generation: int
    data: str
    fingerprint: Mapping[str, Any]
    out: str
    rows: int
    digest: str
    more: Mapping[str, Any] = field(default_factory=dict)


Observer = Callable[[Scored], None]

observers: list[Observer] = []
"""Told each interval that was scored, once its record stands: the one place for OpenLineage and its like. What an
observer raises is logged, and harms nothing."""


def columns(version: int, interval: str, generation: int) -> dict[str, Any]:
    """The lineage columns of an interval, name → the value of all its rows."""
    return {VERSION: version, INTERVAL: interval, GENERATION: generation}


def tell(scored: Scored, log: Callable[[str], None]) -> None:
    """Tell all observers.

    Args:
        scored: what has been scored.
        log: takes a line for people, where one of them fails.
    """
    for observer in (*observers,):
        try:
            observer(scored)
        except Exception as error:  # lineage is worth no interval
            log(f"lineage was not told of {scored.interval}: {error}")
