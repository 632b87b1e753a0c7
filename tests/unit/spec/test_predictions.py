"""``predict:`` of an experiment file."""

from __future__ import annotations

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.predictions import predict_places

FILE = """
name: scored
goal: {{metric: loss, direction: minimize}}
space: {{x: {{type: uniform, low: 0, high: 1}}}}
tasks: [{{command: "true"}}]
predict: {{rows: "{rows}", out: "{out}"}}
"""


def test_places_have_the_dates_of_the_run() -> None:
    text = FILE.format(rows="odps://a/b/ds=${ds_nodash}", out="odps://a/c/ds=${ds_nodash}")
    predict = parse_experiment(text, "scored.yaml").predict
    assert predict is not None
    rows, out = predict_places(predict, {"ds_nodash": "20261101"})
    assert (rows.text, out.table, out.partition) == ("odps://a/b/ds=20261101", "a.c", "ds=20261101")


@pytest.mark.parametrize(
    ("rows", "out", "words"),
    [
        ("s3://lake/b.csv", "odps://a/c", "predict.rows: .*no table of MaxCompute"),
        ("odps://a/b", "rows.csv", "predict.out: .*no table of MaxCompute"),
        ("odps://a/b/ds=${x}", "odps://a/c", r"predict.rows: .*\$\{x\} has no meaning in a place of data"),
        ("odps://a/b/ds=${ds}", "odps://A/tables/B/ds=1", "predict.out: .*it is the table that is scored"),
        ("odps://key@a/b", "odps://a/c", "predict.rows: .*holds credentials"),
    ],
)
def test_what_is_no_table_is_refused_with_its_field(rows: str, out: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        parse_experiment(FILE.format(rows=rows, out=out), "scored.yaml")
    assert "key@" not in str(caught.value)
