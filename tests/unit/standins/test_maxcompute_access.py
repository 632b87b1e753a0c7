"""Who may ask: signatures, tokens, projects; and the stand-in as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from odps import ODPS, errors

from tests.standins.maxcompute import Account, MaxComputeStandIn
from tests.support.patience import stretched

ME = Account("me", "my secret")
TEMPORARY = Account("temporary", "its secret", sts_token="a token")
STRANGER = Account("stranger", "a secret", projects=frozenset({"other"}))


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn(accounts=(ME, TEMPORARY, STRANGER), other_projects=("other",)) as standin:
        yield standin


def test_a_signed_request_is_let_in(standin: MaxComputeStandIn) -> None:
    odps = standin.odps()
    assert odps.execute_sql("select 'ü & = + %'").is_successful()
    assert [table.name for table in odps.list_tables(prefix="a b&c=d+e%f")] == []
    assert {project.name for project in odps.list_projects()} == {"standin", "other"}
    assert odps.get_project().owner == "ALIYUN$me"


def test_a_signature_of_the_fourth_version_is_let_in(standin: MaxComputeStandIn) -> None:
    odps = standin.odps(region_name="cn-shanghai")
    sent = odps.rest.get(f"{standin.endpoint}/projects").request
    assert "/cn-shanghai/odps/aliyun_v4_request:" in sent.headers["Authorization"]
    with pytest.raises(errors.ODPSError, match="ODPS-0410042"):
        standin.odps(Account("me", "wrong"), region_name="cn-shanghai").run_sql("select 1")


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (Account("me", "wrong"), "ODPS-0410042"),
        (Account("nobody", "my secret"), "ODPS-0410051"),
        (Account("temporary", "its secret"), "ODPS-0410061"),
        (Account("temporary", "its secret", sts_token="stale"), "ODPS-0410061"),
    ],
)
def test_others_are_not(standin: MaxComputeStandIn, account: Account, code: str) -> None:
    with pytest.raises(errors.ODPSError) as caught:
        standin.odps(account).run_sql("select 1")
    assert caught.value.code == code
    assert caught.value.status_code == 401


def test_a_token_is_let_in(standin: MaxComputeStandIn) -> None:
    assert standin.odps(TEMPORARY).execute_sql("select 1").is_successful()


def test_without_a_signature_there_is_no_answer(standin: MaxComputeStandIn) -> None:
    answer = httpx.get(f"{standin.endpoint}/projects/standin/tables")
    assert answer.status_code == 401
    assert "<Code>Unauthorized</Code>" in answer.text


def test_a_changed_request_has_a_wrong_signature(standin: MaxComputeStandIn) -> None:
    odps = standin.odps()
    seen = odps.rest.get(f"{standin.endpoint}/projects/standin/tables", params={"name": "a"}).request
    answer = httpx.get(seen.url.replace("name=a", "name=b"), headers=dict(seen.headers))
    assert "ODPS-0410042" in answer.text


def test_an_old_request_is_refused(standin: MaxComputeStandIn) -> None:
    odps = standin.odps()
    with pytest.raises(errors.RequestTimeTooSkewed):
        odps.rest.get(f"{standin.endpoint}/projects", headers={"Date": "Mon, 06 Jan 2020 10:00:00 GMT"})


def test_a_project_is_its_members(standin: MaxComputeStandIn) -> None:
    with pytest.raises(errors.NoPermission, match="You don't exist in project standin"):
        standin.odps(STRANGER).run_sql("select 1")
    assert standin.odps(STRANGER, project="other").execute_sql("select 1").is_successful()
    with pytest.raises(errors.NoSuchProject):
        standin.odps(project="nowhere").run_sql("select 1")


def test_it_runs_as_a_process_and_keeps_its_tables(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.standins.maxcompute", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            keys = where.pop("access_id"), where.pop("secret_access_key")
            odps = ODPS(*keys, overwrite_global=False, **where)
            odps.execute_sql("create table kept (a bigint) partitioned by (ds string) lifecycle 5")
            odps.execute_sql("insert into kept partition (ds='1') values (7)")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=stretched(20)) == 0
    with MaxComputeStandIn(folder=tmp_path / "data") as again:
        odps = again.odps()
        assert odps.get_table("kept").lifecycle == 5
        with odps.execute_sql("select * from kept").open_reader(tunnel=True) as reader:
            assert [list(record.values) for record in reader] == [[7, "1"]]
