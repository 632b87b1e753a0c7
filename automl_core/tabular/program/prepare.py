"""The stage `prepare`: read the table once, look through it, split it; what it leaves is what all trials read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.tabular import meaning
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.program.said import Said, read, without_others
from automl_core.training.problems import say

if TYPE_CHECKING:
    from automl_core.tabular.large import Size

FEWEST, MANY, MOST = 200, 5_000, 50_000
"""Rows below which none is kept for the test; from which on a tenth is kept, not a fifth; and how many at most."""

NOTHING = "there is nothing to learn (no column, fewer than four rows, or one target)"

NOTHING_TO_SEARCH = "nothing_to_search.json"
"""The platform's name for the word that one trial stands for all (docs/data.md)."""

USUAL = 1800.0
"""Seconds that a search on a large table is thought to have: the sample is as large as that allows."""


def main() -> None:
    """Make the table ready in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: the file and the data don't fit together.
    """
    from automl_core.data.reading import read_table
    from automl_core.tabular.large import estimate

    said = read("Make a table ready for trials.")
    said.agree()
    config = said.config
    place = config.need("train")
    others = {name: read_table(one) for name in ("valid", "test") if (one := config.place(name)) is not None}
    size = estimate(place)
    if size is not None and not size.fits(said.options.memory):
        prepared = in_pieces(said, place, size, others)
    else:
        table = read_table(place)
        options = without_others(said.options, config, table.column_names)
        prepared = said.with_learners(prepare(table, options, usual_share=usual_share, **others))
        prepared.save(config.model_dir)
    if not prepared.learnable:
        (config.model_dir / NOTHING_TO_SEARCH).write_text(json.dumps({"reason": NOTHING}), encoding="utf-8")
    tell(prepared)


def usual_share(rows: int) -> float:
    """The share of a table's rows that is kept for the one look at the end, where the file says none.

    Args:
        rows: with a target.

    Of few rows none: what is left would teach too little, and what is kept would say too little.
    """
    if rows < FEWEST:
        return 0.0
    return 0.2 if rows < MANY else min(0.1, MOST / rows)


def in_pieces(said: Said, place: str, size: Size, others: Mapping[str, Any]) -> Prepared:
    """Make a sample ready of a table larger than memory; `conclude` fits the winner on all rows.

    Raises:
        TrainingError: the rows can't be read in pieces, no learner that can be fitted so is searched, or what is
            said of drawn sets has no meaning beside those of the user's own.
    """
    from automl_core.tabular.large.pieces import NotInPieces, Pieces
    from automl_core.tabular.large.running import allowed, refused
    from automl_core.tabular.large.sampled import sampled

    meaning.own_sets(said.options, others.get("valid"), others.get("test"))
    try:
        pieces = Pieces.of(place)
        options = without_others(said.options, said.config, pieces.schema().names)
        drawn = sampled(
            pieces, size, allowed(options, size), validation_data=others.get("valid"), test_data=others.get("test"),
            deadline=Deadline.of(USUAL, from_start=False),
        )  # fmt: skip
    except NotInPieces as error:
        raise refused(error, size) from None
    drawn.save(said.config.model_dir)
    named = ", ".join(drawn.prepared.options.allowed or ())
    say(
        f"the table ({size}) does not fit into memory: trials learn from a sample, and of their pipelines the best of "
        f"{named} is fitted on all rows. space: {{learner: {{values: [{named}]}}}} tries no others"
    )
    return drawn.prepared


def tell(prepared: Prepared) -> None:
    """What was found and decided, for the log."""
    problem, split = prepared.problem, prepared.split
    rows, test, columns = len(prepared.rows), len(prepared.test), len(prepared.schema.fields)
    say(f"{rows:,} rows to search on and {test:,} to test on, {columns} columns")
    say(f"{problem.kind} of {problem.target}, judged by {problem.metric.name}")
    say(f"validation: {split.kind}, {len(split.folds)} folds. {split.why}")
    for note in prepared.notes:
        say(note)
    if not prepared.learnable:
        say(f"{NOTHING}: a model is a constant")
    for finding in prepared.findings:
        named = ", ".join(map(str, finding.get("columns") or ()))
        parts = [finding.get("found"), finding.get("done"), finding.get("advice")]
        said = ". ".join(str(part).rstrip(".") for part in parts if part)
        say(f"{finding.get('certainty')}, {finding.get('kind')}{f' ({named})' if named else ''}: {said}")
