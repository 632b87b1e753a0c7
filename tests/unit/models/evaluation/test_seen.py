"""What a model was trained from, beside what it is measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automl_core.models.evaluation import EvaluateOptions, evaluate, markdown_of
from automl_core.models.evaluation.options import Trained
from tests.unit.models.evaluation.small import model, rows


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("m")
    return model(home / "new", a=1.0, b=0.5), model(home / "old", a=0.2, b=-1.0)


def of(both: tuple[Path, Path], data: Any, **options: Any) -> dict[str, Any]:
    told = EvaluateOptions(latency=False, draws=200, metric="log_loss", **options)
    return evaluate(*both, data, told)[0]


def test_the_very_data_of_training_prove_nothing(both: tuple[Path, Path]) -> None:
    trained = {
        "challenger": Trained({"train": {"digest": "abc", "place": "s3://x"}}),
        "champion": Trained({"train": "old"}),
    }
    found = of(both, rows(), fingerprint={"digest": "abc"}, trained=trained)
    assert found["difference"]["gain_low"] > 0
    assert found["verdict"]["ok"] is None
    assert found["data"]["seen"]["challenger"]["share"] == 1.0
    assert found["data"]["seen"]["champion"]["share"] is None
    assert "other data" in found["data"]["seen"]["champion"]["note"]
    assert any("100% of the rows" in note for note in found["notes"])


def test_other_data_are_no_leak(both: tuple[Path, Path]) -> None:
    trained = {"challenger": Trained({"train": {"digest": "other"}})}
    found = of(both, rows(), fingerprint={"digest": "abc"}, trained=trained)
    assert found["verdict"]["ok"] is True
    assert found["data"]["seen"]["challenger"]["how"] == "unknown"


def test_data_without_a_digest_are_the_same_as_nothing(both: tuple[Path, Path]) -> None:
    found = of(both, rows(), trained={"challenger": Trained({"train": {"place": "x"}})})
    assert found["data"]["seen"]["challenger"]["share"] is None


def test_rows_that_were_seen_are_told_one_by_one_and_the_others_decide(both: tuple[Path, Path], tmp_path: Path) -> None:
    data = rows(600)
    half = {name: values[:300] for name, values in data.items()}
    pq.write_table(pa.table(half), tmp_path / "train.parquet")
    trained = {"challenger": Trained(rows=(str(tmp_path / "train.parquet"),))}
    found = of(both, data, trained=trained)
    assert found["data"]["seen"]["challenger"] == {"share": 0.5, "rows": 300, "how": "rows", "note": ""}
    assert found["difference"]["on"] == "unseen"
    assert found["verdict"]["ok"] is True
    rest = of(both, {name: values[300:] for name, values in data.items()})
    assert found["difference"]["value"] == pytest.approx(rest["difference"]["value"])
    assert any("300 rows that no model is known to have seen" in note for note in found["notes"])


def test_too_few_rows_that_were_not_seen_prove_nothing(both: tuple[Path, Path], tmp_path: Path) -> None:
    data = rows(300)
    pq.write_table(pa.table({name: values[:250] for name, values in data.items()}), tmp_path / "train.parquet")
    found = of(both, data, trained={"challenger": Trained(rows=(str(tmp_path / "train.parquet"),))})
    assert found["difference"]["on"] == "all"
    assert found["verdict"]["ok"] is None


def test_the_same_features_with_another_label_are_another_row(both: tuple[Path, Path], tmp_path: Path) -> None:
    data = rows(200)
    pq.write_table(pa.table(data | {"y": [1 - y for y in data["y"]]}), tmp_path / "train.parquet")
    found = of(both, data, trained={"challenger": Trained(rows=(str(tmp_path / "train.parquet"),))})
    assert found["data"]["seen"]["challenger"]["share"] == 0.0
    assert found["verdict"]["ok"] is True


def test_training_data_that_can_not_be_read_are_told(both: tuple[Path, Path], tmp_path: Path) -> None:
    found = of(both, rows(), trained={"challenger": Trained(rows=(str(tmp_path / "gone.parquet"),))})
    assert found["data"]["seen"]["challenger"]["how"] == "unknown"
    assert any("can't be read" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("trained", "latest", "said"),
    [
        ("s3://lake/rows.csv", "s3://lake/rows.csv", True),
        ("s3://lake/rows/ds=2026-11-01/", "s3://lake/rows/", True),
        ("s3://lake/rows/", "s3://lake/rows/ds=2026-11-02/", True),
        ("s3://lake/rows.csv", "s3://lake/rows.csv.gz", False),
        ("s3://lake/row", "s3://lake/rows/", False),
    ],
)
def test_what_is_not_known_is_said_and_a_place_that_has_grown_is_named(
    both: tuple[Path, Path], trained: str, latest: str, said: bool
) -> None:
    known = {"challenger": Trained({"train": {"digest": "then", "place": trained}})}
    found = of(both, rows(), fingerprint={"digest": "now", "place": latest}, trained=known)
    page = markdown_of(found)
    assert "whether the challenger was trained on some of these rows is not known" in page
    assert ("rows of then may be among these" in page) is said
    assert found["data"]["seen"]["challenger"]["how"] == "unknown"
    same = of(both, rows(), fingerprint={"digest": "then", "place": latest}, trained=known)
    assert "is not known" not in markdown_of(same)
