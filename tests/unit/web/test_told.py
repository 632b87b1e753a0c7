"""What a model's file will do, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from automl_airflow.web.deploying import told
from tests.unit.models.file.files import BATCH, file_of


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        (None, "It is not used for anything by itself: the file has no deploy."),
        (BATCH, "The version in use scores s3://lake/in/ds=${ds}/ by @daily, and writes s3://lake/out/ds=${ds}/."),
        ({"to": "servers", "key": "customer"}, "The version in use answers requests by `automl serve`, split by "
         "customer; a new version in steps of 5%, 25%, 100%, 30m 00s each."),
    ],
)  # fmt: skip
def test_what_the_version_in_use_does(deploy: dict[str, Any] | None, said: str) -> None:
    assert told(file_of(deploy=deploy))[2:] == [said]
