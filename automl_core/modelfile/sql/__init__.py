"""A model's folder as SQL: rows are scored where they are.

`scoring.to_sql` is the one way in. A model becomes named expressions (`program`): the table's columns as the scorer
reads them (`columns`, `calendar`), features (`features`, `curves`), models (`models`; trees have two forms, `cases` and
`lists`), links, calibration and threshold (`links`). sqlglot writes each in a dialect (`dialects`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_core.modelfile.sql.script import NotInSql, Output, Script, Step

__all__ = ["NotInSql", "Output", "Script", "Step", "to_sql"]


def to_sql(model: str | Path | Mapping[str, Any], *, table: str, **options: Any) -> Script:
    """A model as SQL that scores a table: see `scoring.to_sql`, which has all options.

    Raises:
        NotInSql: a part of the model has no SQL.
        ModuleNotFoundError: sqlglot is not there (the extra ``sql``).
    """
    from automl_core.modelfile.sql.scoring import to_sql as written

    return written(model, table=table, **options)
