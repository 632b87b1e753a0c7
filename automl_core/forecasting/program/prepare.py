"""The stage `prepare`: read the table once, look through it, plan the origins; what it leaves is what trials read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from automl_core.forecasting.prepared import Prepared, prepare
from automl_core.forecasting.program.horizons import usual
from automl_core.forecasting.program.said import Said, read, unread
from automl_core.training.problems import say

if TYPE_CHECKING:
    import pyarrow as pa


def main() -> None:
    """Make the series ready in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: the file and the data don't fit together.
    """
    from automl_core.data.reading import read_table

    said = read("Make series ready for trials.")
    config = said.config
    table = read_table(config.need("train"))
    left = unread(said, table.column_names)
    if left:
        say(
            f"not read, since they have no role: {_some(left)}; what is known ahead of a forecast goes to columns.known"
        )
    horizon = said.given.get("horizon")
    if horizon is None:
        horizon = _horizon(said, table)
        say(f"horizon: {horizon} steps, as is usual for series of this frequency; say how far with set: {{horizon: …}}")
    prepared = prepare(table, said.options(horizon))
    prepared.save(config.model_dir)
    tell(prepared)


def _horizon(said: Said, table: pa.Table) -> int:
    from automl_core.forecasting.reading import read_panel

    options = said.options(1)
    panel, _ = read_panel(
        table, target=options.target, time=options.time, series=options.series or None, known=options.known,
        frequency=options.frequency, zone=options.zone, duplicates=options.duplicates, unusable=options.unusable,
    )  # fmt: skip
    return usual(panel)


def tell(prepared: Prepared) -> None:
    """What was found and decided, for the log."""
    panel, options, origins = prepared.panel, prepared.options, prepared.origins
    seasons = f"seasons of {', '.join(map(str, prepared.seasons))} steps" if prepared.seasons else "no season"
    values, frequency = int(panel.observed.sum()), panel.grid.frequency.words
    say(f"{len(panel):,} series with {values:,} values, {frequency}, {seasons}")
    say(
        f"{options.horizon} steps of {options.target} ahead, judged by {prepared.metric.name} from {len(origins)} "
        f"origins, {origins.step} steps apart"
    )
    for note in prepared.notes:
        say(note)
    for finding in prepared.findings:
        named = _some([str(each) for each in finding.get("series") or ()])
        parts = [finding.get("found"), finding.get("done"), finding.get("advice")]
        told = ". ".join(str(part).rstrip(".") for part in parts if part)
        told = re.sub(r": (?=\d)", " ", told)  # "Ulm: 13" would be a metric of that name
        say(f"{finding.get('certainty')}, {finding.get('kind')}{f' ({named})' if named else ''} – {told}")


def _some(names: list[str], most: int = 10) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
