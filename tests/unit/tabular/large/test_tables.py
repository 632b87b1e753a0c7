"""Tables of MaxCompute in pieces: every pass sees the same rows, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automl_core.tabular.large import estimate
from automl_core.tabular.large.pieces import _COPIES, Pieces
from automl_core.tabular.large.sampling import sample
from automl_core.training.problems import TrainingError
from tests.standins.maxcompute import MaxComputeStandIn

PLACE = "odps://standin/many/ds=20261101"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        monkeypatch.setenv("ODPS_ACCESS_ID", standin.account.access_id)
        monkeypatch.setenv("ODPS_ACCESS_KEY", standin.account.secret)
        monkeypatch.setenv("ODPS_ENDPOINT", standin.endpoint)
        monkeypatch.setenv("ODPS_TUNNEL_ENDPOINT", standin.address)
        odps = standin.odps()
        odps.execute_sql("CREATE TABLE many (x BIGINT, y STRING) PARTITIONED BY (ds STRING)").wait_for_success()
        rows = ", ".join(f"({n}, '{'no' if n % 3 else 'yes'}')" for n in range(200))
        odps.execute_sql(f"INSERT INTO many PARTITION (ds='20261101') VALUES {rows}").wait_for_success()
        yield standin
        _COPIES.clear()


def test_a_table_is_sampled_in_pieces_and_every_pass_sees_the_same_rows(service: MaxComputeStandIn) -> None:
    size = estimate(PLACE)
    assert size is not None
    assert (size.rows, size.columns, size.exact) == (200, 3, True)
    pieces = Pieces.of(PLACE)
    assert pieces.names() == ["x", "y", "ds"]
    drawn = sample(pieces, 50, 1, "y")
    assert (drawn.counts.rows, drawn.counts.classes) == (200, {"yes": 67, "no": 133})
    service.odps().execute_sql(
        "INSERT OVERWRITE TABLE many PARTITION (ds='20261101') SELECT 1, 'no'"
    ).wait_for_success()
    again = [value for batch in pieces.read(["x"], rows=64) for value in batch.column(0).to_pylist()]
    assert sorted(again) == list(range(200)), "as when the sample was drawn"
    assert [batch.num_rows for batch in pieces.read(rows=64)] == [64, 64, 64, 8]


def test_what_can_not_be_read_is_told(service: MaxComputeStandIn) -> None:
    with pytest.raises(TrainingError, match="odps://standin/many has partitions: name one"):
        list(Pieces.of("odps://standin/many").read())
    assert not _COPIES
