"""The stage `prepare`: read the table once, look through it, split it; what it leaves is what all trials read."""

from __future__ import annotations

from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.program.said import read, without_others
from automl_core.training.problems import say


def main() -> None:
    """Make the table ready in AUTOML_MODEL_DIR.

    Raises:
        TrainingError: the file and the data don't fit together.
    """
    from automl_core.data.reading import read_table

    said = read("Make a table ready for trials.")
    config = said.config
    table = read_table(config.need("train"))
    options = without_others(said.options, config, table.column_names)
    others = {name: read_table(place) for name in ("valid", "test") if (place := config.place(name)) is not None}
    prepared = prepare(table, options, **others)
    prepared.save(config.model_dir)
    tell(prepared)


def tell(prepared: Prepared) -> None:
    """What was found and decided, for the log."""
    problem, split = prepared.problem, prepared.split
    rows, test, columns = len(prepared.rows), len(prepared.test), len(prepared.schema.fields)
    say(f"{rows:,} rows to search on and {test:,} to test on, {columns} columns")
    say(f"{problem.kind} of {problem.target}, judged by {problem.metric.name}")
    say(f"validation: {split.kind}, {len(split.folds)} folds. {split.why}")
    for note in prepared.notes:
        say(note)
    for finding in prepared.findings:
        named = ", ".join(map(str, finding.get("columns") or ()))
        parts = [finding.get("found"), finding.get("done"), finding.get("advice")]
        said = ". ".join(str(part).rstrip(".") for part in parts if part)
        say(f"{finding.get('certainty')}, {finding.get('kind')}{f' ({named})' if named else ''}: {said}")
