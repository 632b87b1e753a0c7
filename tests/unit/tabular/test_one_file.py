"""One file, read by a training, by `automl predict` and by a server: the same numbers and levels, missing ones too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.data import read_table
from automl_core.modelfile import rows as of_predict
from automl_core.modelfile.scoring.cells import CellReader, Unlike
from automl_core.modelfile.scoring.values import Coded, Frame, Schema
from automl_core.tabular.columns import learn_schema
from tests.support.examples import examples

pytest.importorskip("pyarrow")

WORDS = ("NA", "N/A", "NaN", "null", "None", "#N/A", "", "<NA>", "\\N")
"""What R, pandas, Excel, DuckDB and Hive write for a missing value."""


def plain(frame: Frame) -> dict[str, list[Any]]:
    """Values of a frame, NaN as None."""
    found: dict[str, list[Any]] = {}
    for name, column in frame.columns.items():
        values = column.texts() if isinstance(column, Coded) else column.tolist()
        found[name] = [None if value != value else value for value in values]
    return found


def predicted(schema: Schema, path: Path) -> dict[str, list[Any]]:
    """The frame of `automl predict`."""
    frames = [plain(schema.read(piece)) for piece in of_predict.pieces(path, schema.names)]
    return {name: [value for frame in frames for value in frame[name]] for name in schema.names}


def column(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values | st.sampled_from(WORDS), min_size=3, max_size=12)


COLUMNS = st.one_of(
    column(st.integers(-5, 300).map(str)), column(st.sampled_from(["TRUE", "FALSE"])),
    column(st.sampled_from(["true", "false"])), column(st.sampled_from(["1.5", "2", "-3e4"])),
    column(st.sampled_from(["2026-11-29", "2026-11-30"])), column(st.sampled_from(["Bonn", "Ulm", "1", "TRUE"])),
    column(st.sampled_from(["2026-11-29T10:00:00Z", "2026-11-29 11:00:00+02:00"])),
)  # fmt: skip


@given(COLUMNS, st.sampled_from([None, "category"]))
@settings(max_examples=examples(150), deadline=None)
def test_a_csv_means_in_predictions_what_it_meant_in_training(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], kind: str | None
) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_text("id,c\n" + "".join(f"{place},{value}\n" for place, value in enumerate(values)))
    table = read_table(path)
    forced = {"c": kind} if kind and str(table.schema.field("c").type) in ("int64", "bool", "string") else None
    schema = learn_schema(table, kinds=forced)
    trained = plain(schema.read(table))
    assert predicted(schema, path) == trained
    read = CellReader(schema)
    for place, value in enumerate(values):
        try:
            cells = read({"id": place, "c": "" if value == "\\N" else value})
        except Unlike:
            continue
        one = cells["c"]
        assert (None if one != one else one) == trained["c"][place]
