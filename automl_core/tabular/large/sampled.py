"""The sample of a table larger than memory, ready to be searched on; and what fits the winner on all rows.

Kept in a folder, so that another process can do the second: trials and conclude of a run under Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular import documents
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals
from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.large.curve import Curve, curve
from automl_core.tabular.large.excluding import excluded_by
from automl_core.tabular.large.pieces import Pieces
from automl_core.tabular.large.sampling import Counts, sample
from automl_core.tabular.large.size import FACTOR, Size
from automl_core.tabular.memory import SHARE, available
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.trial import TrialResult
from automl_core.training.problems import TrainingError

LEAST, MOST = 20_000, 500_000
"""Rows of a sample."""

FOR_SEARCH = 0.45
"""Of the deadline; a fit on all rows needs about as much."""

_FILE, _ARRAYS = "large.json", "large.npz"

FitAll = Callable[[Prepared, Sequence[tuple[TrialResult, float]], Path, Deadline, Pieces, Counts, Any], Finals]


@dataclass(frozen=True)
class Sampled:
    """A sample, prepared.

    Attributes:
        prepared: its rows, as those of any table.
        positions: (n,) where each of them stands among all rows; -1 of rows of another file.
        counts: of all rows.
        own_test: whether the user gave rows to test on, so that none are left out of the last fit.
    """

    prepared: Prepared
    positions: NDArray[np.int64]
    counts: Counts
    own_test: bool

    def save(self, folder: Path) -> None:
        """Keep it beside what `Prepared.save` writes."""
        self.prepared.save(folder)
        np.savez(folder / _ARRAYS, positions=self.positions)
        body = {"counts": asdict(self.counts), "own_test": self.own_test}
        (folder / _FILE).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, prepared: Prepared) -> Sampled | None:
        """What `save` left; None where the table that was prepared is a whole one.

        Raises:
            TrainingError: it can't be read.
        """
        if not (folder / _FILE).exists():
            return None
        try:
            body = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            positions = documents.arrays_of(folder / _ARRAYS)["positions"]
            return cls(prepared, positions, Counts(**body["counts"]), bool(body["own_test"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"the sample in {folder} can't be read: {error}") from None

    def members(self, pieces: Pieces, fit_all: FitAll) -> Any:
        """Makes the model's members in `conclude`: the winner, fitted on all rows.

        Args:
            pieces: all rows.
            fit_all: fits it.
        """

        def made(ready: Prepared, chosen: Sequence[tuple[TrialResult, float]], kept: Path, until: Deadline) -> Finals:
            skip = None if self.own_test else excluded_by(ready, self.positions)
            return fit_all(ready, chosen, kept, until, pieces, self.counts, skip)

        return made


def sampled(
    pieces: Pieces, size: Size, options: Options, *, validation_data: Any, test_data: Any, deadline: Deadline
) -> Sampled:
    """Draw a sample, as large as a learning curve says that it has to be, and prepare it.

    Args:
        pieces: all rows.
        size: what `estimate` said of them.
        options: of a search whose winner can be fitted in pieces (`running.allowed`).
        validation_data, test_data: as for `automl_core.tabular.fit`.
        deadline: of everything.

    Raises:
        NotInPieces: the rows can't be read in pieces.
        TrainingError: there is nothing to learn in the sample, or what the user said doesn't fit.
    """
    if test_data is not None:
        options = options.replaced(test_share=0.0)
    drawn = sample(pieces, rows_of_sample(size, options), options.seed, options.target)
    table, positions = drawn.table, drawn.positions
    prepared = prepare(table, options, valid=validation_data, test=test_data)
    found = curve(prepared, deadline, search=FOR_SEARCH)
    wanted = int(found.rows / max(1 - (options.test_share or 0), 0.5))
    if wanted < table.num_rows:
        rows = np.sort(np.random.default_rng(options.seed).choice(table.num_rows, wanted, replace=False))
        table, positions = table.take(rows), positions[rows]
        prepared = prepare(table, options, valid=validation_data, test=test_data)
    finding = _told(size, drawn.counts, table.num_rows, found, options).as_json()
    prepared = replace(prepared, findings=[*prepared.findings, finding])
    if not prepared.learnable or not prepared.split.folds:
        raise TrainingError("a sample of the rows has nothing to learn: no column, or a target that does not vary")
    return Sampled(prepared, positions, drawn.counts, test_data is not None)


def rows_of_sample(size: Size, options: Options) -> int:
    """Rows that are drawn: a quarter of the memory that may be used, within bounds."""
    limit = options.memory if options.memory is not None else int(available() * SHARE)
    each = FACTOR * max(size.bytes / max(size.rows, 1), 8.0)
    return int(min(max(0.25 * limit / each, LEAST), MOST))


def _told(size: Size, counts: Counts, rows: int, found: Curve, options: Options) -> Finding:
    """What was counted in all rows, and what was looked at."""
    gaps = sorted(((each, name) for name, each in counts.missing.items() if each), reverse=True)
    told = listed([f"{name} ({each:,}, {each / counts.rows:.1%})" for each, name in gaps]) if gaps else "in no column"
    words = f"missing values in all {counts.rows:,} rows: {told}"
    if counts.classes and len(counts.classes) <= 20:
        each_class = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.classes.items()))
        words += f"; rows of each {options.target}: {each_class}"
    return Finding(
        "large", "certain", (),
        f"the table ({size}) would take about {size.needed / 2**30:.1f} GiB of memory in a search; {words}",
        f"searched on a sample of {rows:,} rows, of which {options.test_share or 0:.0%} are seen by no search "
        f"({found.why});"
        " the winner is fitted on all rows, read in pieces",
        "for a search on more rows, or among more learners, give more memory (memory=…)",
        {"rows": counts.rows, "sample": rows, **{f"loss_{count}": loss for count, loss in found.points}},
    )  # fmt: skip
