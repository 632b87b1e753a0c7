"""Files of predictions."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from automl_core.details.make import details_of


def written(columns: Mapping[str, Any], folder: Path, kind: str = "parquet") -> Path:
    path = folder / f"predictions.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(dict(columns)), path, row_group_size=7_000)
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return path


def parquet(columns: Mapping[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both objects of a Parquet file with these columns."""
    with tempfile.TemporaryDirectory() as folder:
        return details_of(written(columns, Path(folder)), **options)
