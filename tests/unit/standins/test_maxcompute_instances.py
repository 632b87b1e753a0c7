"""Instances: accepted, queued, watched, stopped, listed; faults on demand."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from odps import ODPS, errors
from odps.models import Instance

from tests.standins.maxcompute import MaxComputeStandIn

LONG = 600.0  # an instance that would run on beyond any test


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn(quota=600) as standin:
        yield standin


@pytest.fixture
def odps(standin: MaxComputeStandIn) -> Iterator[ODPS]:
    odps = standin.odps()
    yield odps
    standin.faults.clear()
    for instance in odps.list_instances(status="Running"):
        with contextlib.suppress(errors.InvalidStateSetting):  # it may have ended by itself meanwhile
            instance.stop()


def until_running(*instances: Instance) -> None:
    for instance in instances:
        while state(instance) == "WAITING":
            time.sleep(0.01)


def state(instance: Instance) -> str:
    (task,) = instance.get_task_statuses().values()
    return str(task.status.value)


def test_an_instance_runs_and_tells_what_it_cost(odps: ODPS) -> None:
    odps.execute_sql("create table costly lifecycle 1 as select 1 as a, 'abcd' as b")
    instance = odps.run_sql("select * from costly", name="my_task", priority=3, hints={"k": "v"})
    instance.wait_for_success()
    assert instance.status == Instance.Status.TERMINATED
    assert state(instance) == "SUCCESS"
    assert instance.get_task_names() == ["my_task"]
    assert instance.get_task_cost().input_size == 12
    assert instance.get_task_cost().cpu_cost >= 1
    assert instance.get_task_cost().memory_cost >= 1
    assert [stage.finished_percentage for stage in instance.get_task_progress("my_task").stages] == [100, 100]
    assert instance.priority == 3
    assert instance.get_sql_query() == "select * from costly;"
    assert json.loads(instance.tasks[0].properties["settings"])["k"] == "v"
    assert instance.end_time >= instance.start_time


def test_a_failed_instance_keeps_the_reason(odps: ODPS) -> None:
    instance = odps.run_sql("select * from missing")
    instance.wait_for_completion()
    assert state(instance) == "FAILED"
    assert instance.get_task_result() == (
        "ODPS-0130131:[1,15] Table not found - table standin.missing cannot be resolved"
    )


def test_progress_grows_while_an_instance_runs(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(run_seconds=LONG)
    instance = odps.run_sql("select 1")
    found = standin.service.instance("standin", instance.id)
    until_running(instance)
    assert instance.status == Instance.Status.RUNNING
    assert found.started is not None
    found.started -= LONG * 0.75
    first, second = instance.get_task_progress().stages
    assert (first.finished_percentage, second.finished_percentage) == (100, 50)
    assert (first.terminated_workers, second.running_workers) == (1, 1)
    assert instance.get_queueing_info().progress == 75


def test_a_stopped_instance_leaves_nothing_behind(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(run_seconds=LONG)
    instance = odps.run_sql("create table never (a bigint)")
    instance.stop()
    assert instance.status == Instance.Status.TERMINATED
    assert state(instance) == "CANCELLED"
    with pytest.raises(errors.ODPSError, match="CANCELLED"):
        instance.wait_for_success()
    with pytest.raises(errors.InvalidStateSetting):
        instance.stop()
    assert not odps.exist_table("never")


def test_a_statement_at_work_can_be_stopped(odps: ODPS) -> None:
    endless = "select sum(a.x * b.x) from t a join t b on true join t c on true join t d on true"
    numbers = "select posexplode(split(repeat(',', 3000), ',')) as (x, y)"
    odps.execute_sql(f"create table t lifecycle 1 as select x from ({numbers}) n")
    # As many as there are threads: were one not ended, the last line would wait for ever.
    instances = [odps.run_sql(endless) for _ in range(2)]
    until_running(*instances)
    for instance in instances:
        instance.stop()
        assert state(instance) == "CANCELLED"
    assert odps.execute_sql("select 1").is_successful()


def test_the_quota_lets_so_many_run_and_the_urgent_first(standin: MaxComputeStandIn) -> None:
    with MaxComputeStandIn(quota=1, run_seconds=LONG) as small:
        odps = small.odps()
        first = odps.run_sql("select 1")
        until_running(first)
        later, urgent = odps.run_sql("select 2", priority=9), odps.run_sql("select 3", priority=1)
        assert [state(instance) for instance in (first, later, urgent)] == ["RUNNING", "WAITING", "WAITING"]
        first.stop()
        until_running(urgent)
        assert state(later) == "WAITING"


def test_instances_are_listed_by_status_name_time_and_owner(standin: MaxComputeStandIn, odps: ODPS) -> None:
    done = odps.execute_sql("select 1", name="listed_done")
    standin.faults.set(run_seconds=LONG)
    running = odps.run_sql("select 1", name="listed_running")

    def ids(**filters: object) -> set[str]:
        return {instance.id for instance in odps.get_project().instances.iterate(**filters)}

    assert {done.id, running.id} <= ids()
    assert ids(status="Running") == {running.id}
    assert ids(job_name="listed_done") == {done.id}
    assert done.id not in ids(start_time=datetime.now() + timedelta(hours=1))
    assert done.id in ids(start_time=datetime.now() - timedelta(hours=1), only_owner=True)
    assert odps.exist_instance(done.id)
    assert not odps.exist_instance("20260101000000000gnever")


def test_a_list_goes_on_over_its_pages(standin: MaxComputeStandIn, odps: ODPS) -> None:
    instances = [odps.run_sql(f"select {number}", name="paged") for number in range(7)]
    found = odps.get_project().instances.iterate(job_name="paged", max_items=3)
    assert [instance.id for instance in found] == [instance.id for instance in instances][::-1]


def test_a_job_posted_twice_under_one_guid_runs_once(odps: ODPS) -> None:
    odps.execute_sql("create table once (a bigint)")
    both = [odps.run_sql("insert into once values (1)", unique_identifier_id="guid-1") for _ in range(2)]
    assert both[0].id == both[1].id
    both[0].wait_for_success()
    assert both[0].get_unique_identifier_id() == "guid-1"
    assert odps.get_table("once").record_num == 1


def test_five_hundred_instances_are_in_flight_at_once(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(run_seconds=LONG)
    for number in range(500):
        odps.run_sql(f"select {number}", name="crowd")
    assert len(list(odps.get_project().instances.iterate(status="Running", job_name="crowd"))) == 500
    while standin.service.scheduler.running < 500:
        time.sleep(0.01)


def test_the_log_view_opens_with_its_token_only(odps: ODPS) -> None:
    instance = odps.execute_sql("select '<b>' as x")
    address = instance.get_logview_address()
    page = httpx.get(address)
    assert page.status_code == 200
    assert instance.id in page.text
    assert "&lt;b&gt;" in page.text
    assert httpx.get(address.partition("&token=")[0]).status_code == 403


# --- faults


def test_throttled_requests_are_refused_until_the_count_is_used_up(standin: MaxComputeStandIn, odps: ODPS) -> None:
    faults = httpx.post(f"{standin.address}/_standin/faults", json={"throttle": 2, "only": "POST .*/instances"}).json()
    assert faults["throttle"] == 2
    for _ in range(2):
        with pytest.raises(errors.ODPSError) as caught:
            odps.run_sql("select 1")
        assert (caught.value.code, caught.value.status_code) == ("RequestThrottled", 429)
    assert odps.execute_sql("select 1").is_successful()


def test_an_unknown_fault_is_named(standin: MaxComputeStandIn) -> None:
    answer = httpx.post(f"{standin.address}/_standin/faults", json={"thunder": 1})
    assert answer.status_code == 400
    assert "thunder" in answer.text


def test_the_client_gets_over_a_service_that_was_away(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(away=0.2, only="GET .*/instances")
    assert odps.execute_sql("select 1").is_successful()


def test_server_errors(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(server_errors=1, only="POST .*/instances")
    with pytest.raises(errors.InternalServerError):
        odps.run_sql("select 1")
    assert odps.execute_sql("select 1").is_successful()


def test_a_full_quota_refuses_new_instances(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(quota_full=1)
    with pytest.raises(errors.ODPSError, match="exceeds the limit of the quota") as caught:
        odps.run_sql("select 1")
    assert caught.value.code == "ODPS-0420095"
    assert odps.execute_sql("select 1").is_successful()


def test_the_next_instance_fails_as_told(standin: MaxComputeStandIn, odps: ODPS) -> None:
    standin.faults.set(fail=1, fail_code="ODPS-0123144", fail_message="Fuxi job failed - kInstanceMonitorTimeout")
    with pytest.raises(errors.ODPSError, match="kInstanceMonitorTimeout") as caught:
        odps.execute_sql("select 1")
    assert caught.value.code == "ODPS-0123144"
    assert odps.execute_sql("select 1").is_successful()


def test_a_denied_table_can_not_be_read(standin: MaxComputeStandIn, odps: ODPS) -> None:
    odps.execute_sql("create table secret_one lifecycle 1 as select 1 as a")
    standin.faults.set(denied=["standin.secret_one"])
    with pytest.raises(errors.NoPermission, match=r"ODPS-0130013:.*Authorization exception"):
        odps.execute_sql("select * from secret_one")


def test_requests_are_counted(standin: MaxComputeStandIn, odps: ODPS) -> None:
    httpx.delete(f"{standin.address}/_standin/requests")
    odps.run_sql("select 1")
    odps.run_sql("select 1")
    counts = httpx.get(f"{standin.address}/_standin/requests").json()
    assert counts["POST /projects/{project}/instances"] == 2
