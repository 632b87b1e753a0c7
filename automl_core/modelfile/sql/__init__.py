"""A model's folder as SQL: rows are scored where they are.

The one way in, `to_sql`, comes with the next commit::

    to_sql(
        model: str | Path | Mapping,      # a model's folder, or its scorer's document
        *,
        table: str,                       # "orders", "project.orders"; quoted as the dialect quotes
        dialect: "maxcompute" | "ansi" | "duckdb" = "maxcompute",
        keep: Sequence[str] = (),         # columns of the table that are given along
        output: "prediction" | "probabilities" = "prediction",
        into: str | None = None,          # CREATE TABLE into AS …; None: the last step is a SELECT
        replace: bool = False,            # DROP TABLE IF EXISTS into first
        types: Mapping[str, str] = {},    # the table's own column types ("bigint", "decimal(10,2)", "string", …);
                                          # what is not named is taken to be as in training
        where: str | None = None,         # a condition in the dialect's SQL, such as a partition: "ds = '20261129'"
        run: str = "",                    # what tells runs at the same time apart, in temporary tables' names
        lifecycle: int = 1,               # days, of temporary tables (MaxCompute)
        most_bytes: int | None = None,    # of a statement; None: what the dialect allows
    ) -> Script

Raises `NotInSql` for what has no SQL.
"""

from automl_core.modelfile.sql.script import NotInSql, Output, Script, Step

__all__ = ["NotInSql", "Output", "Script", "Step"]
