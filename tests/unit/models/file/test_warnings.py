"""What in a valid file of a model may be a slip, or is worth knowing."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.models.file.warnings import warnings_of
from tests.unit.models.file.files import BATCH, FEEDBACK, WHOLE, body, file_of

NAMED = {"by": ["anna"]}


def told(**groups: Any) -> list[tuple[str, str]]:
    return [(each.severity, str(each)) for each in warnings_of(file_of(**{"accept": NAMED, **groups}))]


@pytest.mark.parametrize(
    ("groups", "severity", "said"),
    [
        ({"evaluate": {"data": "s3://lake/latest.parquet"}}, "note", "evaluate.data: one file, without a date"),
        ({"evaluate": {"data": {"place": "x.csv"}}}, "note", "evaluate.data.place: one file, without a date"),
        ({"evaluate": {"data": "feedbak"}}, "warning", "Did you mean 'feedback'?"),
        ({"deploy": BATCH, "feedback": FEEDBACK}, "note", "versions are evaluated on other data"),
        ({"accept": {}}, "note", "whoever may answer in Airflow may accept a version"),
        ({"accept": {**NAMED, "within": "60d"}}, "warning", "accept.within: a version waits 60d 00h"),
        ({"accept": {"by": "nobody", "when": "better", "within": "1d"}}, "warning", "there is nothing to wait for"),
        ({"deploy": {**BATCH, "data": "in/", "schedule": None}}, "warning", "`out` names ${ds}, `data` no date"),
        ({"deploy": {**BATCH, "data": "in/", "schedule": "@once"}}, "warning", "deploy.schedule: `out` names ${ds}"),
        ({"deploy": {**BATCH, "data": "in/", "schedule": {"assets": ["a"]}}}, "warning", "runs that assets start have"),
        ({"deploy": {**BATCH, "schedule": None}}, "note", "nothing starts it by itself"),
        ({"evaluate": {"data": "x/", "program": {"command": "x"}}, "deploy": {**BATCH, "backend": "kubernetes",
          "image": "x"}}, "warning", "deploy.backend: a program scores models that this product has not written"),
        ({"deploy": {**BATCH, "data": "in/", "out": "out/", "schedule": None}}, "note", "nothing starts it by itself"),
        ({"evaluate": {"data": "x/", "program": {"command": "x", "env": {"LAKE_TOKEN": "abc"}}}}, "warning",
         "evaluate.program.env.LAKE_TOKEN: the journal has this file as it stands"),
        ({"watch": {"retrain": {"every": "1d"}}}, "warning", "every 1d 00h is more often than the 2 times in 7d 00h"),
    ],
)  # fmt: skip
def test_what_may_be_a_slip(groups: dict[str, Any], severity: str, said: str) -> None:
    assert any(each[0] == severity and said in each[1] for each in told(**groups)), told(**groups)


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"evaluate": {"data": "s3://lake/latest/${ds}.parquet"}},
        {"evaluate": {"data": "s3://lake/latest/*.parquet"}},
        {"evaluate": {"data": "odps://project/table"}},
        {"accept": {"by": "nobody", "when": "better"}},
        {"deploy": BATCH},
        {"deploy": BATCH, "evaluate": {"data": "x/", "program": {"command": "x"}}},
        {
            "evaluate": {
                "data": "x/",
                "program": {"command": "x", "env": {"LAKE_TOKEN_FILE": "/run/token", "A": "b", "MAX_TOKENS": "4096"}},
            }
        },
        {"deploy": {**BATCH, "schedule": {"assets": ["a"]}}},
        {"deploy": {**BATCH, "data": "in/", "out": "out/", "schedule": {"assets": ["a"]}}},
        {"watch": {"retrain": {"every": "4d"}}},
    ],
)
def test_what_is_none(groups: dict[str, Any]) -> None:
    assert told(**groups) == []


def test_a_whole_file_is_as_it_was_meant() -> None:
    assert warnings_of(file_of(**WHOLE)) == []
    assert body()["name"] == "churn"
