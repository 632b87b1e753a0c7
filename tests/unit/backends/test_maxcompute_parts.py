"""Parts of the MaxCompute backend: the task's model, plans, error classes, metric rows, access, the shared listing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from automl_core.backends.base import BackendError
from automl_core.backends.contract import TrialContext
from automl_core.backends.maxcompute import client as client_module
from automl_core.backends.maxcompute.access import Access, access_from_environment
from automl_core.backends.maxcompute.client import Answer, Busy, Client, Refused
from automl_core.backends.maxcompute.errors import Kind, classify
from automl_core.backends.maxcompute.hub import FEW, Hub
from automl_core.backends.maxcompute.job import SqlJob
from automl_core.backends.maxcompute.ledger import Ledger
from automl_core.backends.maxcompute.plan import JobNames, check_task, plan
from automl_core.backends.maxcompute.rows import BadRows, metric_lines, printed
from automl_core.backends.remote import Report
from automl_core.backends.substitution import PlaceholderError
from automl_core.metrics.rows import RowSource
from automl_core.spec.maxcompute import MaxComputeTask, SelectMetrics
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.backends.maxcompute_trials import Trial, access, task_of

CONTEXT = TrialContext("exp", "run", 3, 1, {"x": 0.5}, "/c", "/m")


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        yield standin


# --- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sql": ""}, "an empty statement can't be run"),
        ({"sql": []}, "an empty statement can't be run"),
        ({"sql": [{"sql": "SELECT ${x}", "once": True}]}, r"once: .* can't name \${x}; allowed: exp_id, experiment_id"),
        ({"env": {"A": "b"}}, "env: statements have no environment"),
        ({"tables": {"temporary": {"prefix": "tmp_"}}}, r"temporary.prefix: 'tmp_' doesn't name \${trial_id}"),
        ({"model": {}}, "exactly one of table, offline_model and export; found none"),
        ({"model": {"table": "a", "offline_model": "b"}}, "found table and offline_model"),
        ({"model": {"export": "/tmp/x"}}, "a place in OSS is wanted"),
        ({"export": {"t": "../x.csv"}}, "export.t: a file below the model folder"),
        ({"metrics": {"source": "select", "sql": "SELECT 1", "weight": "w"}}, "weight: rows are weighted in a mean"),
        ({"metrics": {"source": "select", "sql": "SELECT 1", "step": "a b"}}, "the name of a column"),
        ({"priority": 10}, "less than or equal to 9"),
    ],
)
def test_a_wrong_task_is_explained(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        MaxComputeTask.model_validate({"backend": "maxcompute", "sql": "SELECT 1", **fields})


def test_a_plan_names_the_statement_that_is_wrong() -> None:
    with pytest.raises(PlaceholderError, match=r"sql, second: \${x}: it stands where a name does"):
        plan(task_of("SELECT 1", {"sql": "SELECT * FROM t_${x}", "name": "second"}), CONTEXT)
    with pytest.raises(PlaceholderError, match=r"metrics\.sql: one query is wanted here, found 2"):
        plan(task_of("SELECT 1", metrics={"source": "select", "sql": "SELECT 1; SELECT 2"}), CONTEXT)
    with pytest.raises(PlaceholderError, match=r"sql\[1\]: nothing but comments"):
        plan(task_of("SELECT 1", "-- no"), CONTEXT)


def test_names_differ_by_all_that_makes_an_instance_another() -> None:
    steps = plan(task_of("SELECT ${x}", "SELECT ${x}", {"sql": "SELECT 2", "once": True}), CONTEXT)
    places = [
        JobNames(*key) for key in (("a", 0, 0, 1), ("b", 0, 0, 1), ("a", 1, 0, 1), ("a", 0, 1, 1), ("a", 0, 0, 2))
    ]
    names = [names.of(step, index) for names in places for index, step in enumerate(steps[:2])]
    assert len(set(names)) == len(names)
    assert {JobNames("a", slot, 0, slot + 1).of(steps[2], 2) for slot in range(5)} == {places[0].of(steps[2], 2)}
    assert all(len(name) < 60 and name.isidentifier() for name in names)


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "status", "kind"),
    [
        ("ODPS-0130161:[1,8] Parse exception - invalid token", None, None, Kind.SYNTAX),
        ("ODPS-0130071:[1,15] Semantic analysis exception - column x", None, None, Kind.SYNTAX),
        ("ODPS-0130131:[1,15] Table not found - table p.x", None, None, Kind.MISSING),
        ("ODPS-0130013:[1,1] Authorization exception - Authorization Failed", None, None, Kind.PERMISSION),
        ("ODPS-0121095:Invalid arguments - cast", None, None, Kind.DATA),
        ("ODPS-0123144: Fuxi job failed - kInstanceMonitorTimeout", None, None, Kind.TRANSIENT),
        ("ODPS-0010000:System internal error - fuxi job failed", None, None, Kind.TRANSIENT),
        ("ODPS-0110999:Critical! Internal error happened in commit operation", None, None, Kind.TRANSIENT),
        ("Request throttled", "RequestThrottled", 429, Kind.THROTTLED),
        ("slow down", "ODPS-0420095", 429, Kind.THROTTLED),
        ("Access Denied - The number of running instances exceeds the limit of the quota", "ODPS-0420095", 403,
         Kind.QUOTA),
        ("Access Denied - Authorization Failed", "ODPS-0420095", 403, Kind.PERMISSION),
        ("boom", "InternalServerError", 500, Kind.TRANSIENT),
        ("bad gateway", None, 502, Kind.TRANSIENT),
        ("wrong key", "SignatureNotMatch", 401, Kind.PERMISSION),
        ("no", "NoSuchObject", 404, Kind.MISSING),
        ("what is this", None, None, Kind.UNKNOWN),
    ],
)  # fmt: skip
def test_errors_are_classed_by_code(message: str, code: str | None, status: int | None, kind: Kind) -> None:
    failure = classify(message, code, status)
    assert failure.kind is kind
    assert failure.blameless is (kind in (Kind.THROTTLED, Kind.QUOTA, Kind.TRANSIENT))
    assert failure.final is (kind in (Kind.SYNTAX, Kind.MISSING, Kind.PERMISSION, Kind.DATA))


def test_a_digest_sees_the_error_and_not_its_place() -> None:
    one = classify("ODPS-0130131:[1,15] Table not found - table p.t_1 cannot be resolved")
    other = classify("ODPS-0130131:[7,2] Table not found - table p.t_22 cannot be resolved")
    another = classify("ODPS-0130131:[1,15] Table not found - table p.u_1 cannot be resolved")
    assert one.digest == other.digest != another.digest


# --- rows ---------------------------------------------------------------------------------------------------------


def lines(
    columns: str, rows: Sequence[Sequence[Any]], step: int | None = None, **fields: Any
) -> list[dict[str, float]]:
    model = SelectMetrics(source="select", sql="SELECT 1", **fields)
    found = metric_lines(Answer(tuple(columns.split()), tuple(tuple(row) for row in rows)), model, step)
    return [json.loads(line.removeprefix("metrics: ")) for line in found]


def test_one_row_gives_its_columns() -> None:
    assert lines("auc n d", [[0.5, 3, Decimal("0.25")]]) == [{"step": 0, "auc": 0.5, "n": 3.0, "d": 0.25}]
    assert lines("auc", [["0.5"]], step=4) == [{"step": 4, "auc": 0.5}]


def test_rows_with_a_step_are_periodical() -> None:
    model = SelectMetrics(source="select", sql="SELECT 1", step="epoch")
    found = metric_lines(Answer(("epoch", "loss"), ((2, 0.1), (0, 0.3))), model, None)
    assert found == ['metrics: {"step": 0, "loss": 0.3}', 'metrics: {"step": 2, "loss": 0.1}']
    points = [
        point
        for line in [*found, 'metrics: {"step": 2.5, "loss": 0.05}', "metrics: nonsense", "loss=1", "metrics: {}"]
        for point in RowSource().feed(line)
    ]
    assert [(point.step, dict(point.values)) for point in points] == [
        (0, {"loss": 0.3}),
        (2, {"loss": 0.1}),
        (2.5, {"loss": 0.05}),
    ]


def test_a_step_may_be_a_fraction() -> None:
    rows = [[0.5, 0.1], [Decimal("1.0"), 0.2], ["1.5", 0.3]]
    model = SelectMetrics(source="select", sql="SELECT 1", step="e")
    found = metric_lines(Answer(("e", "auc"), tuple(map(tuple, rows))), model, None)
    assert [json.loads(line.removeprefix("metrics: "))["step"] for line in found] == [0.5, 1, 1.5]


@pytest.mark.parametrize(
    ("aggregate", "value"), [("mean", 4.0), ("median", 3.0), ("min", 1.0), ("max", 8.0), ("sum", 12.0)]
)
def test_folds_and_days_are_aggregated(aggregate: str, value: float) -> None:
    rows = [["a", 1.0], ["b", 3.0], ["c", 8.0]]
    assert lines("fold auc", rows, ignore=["fold"], aggregate=aggregate) == [{"step": 0, "auc": value}]


def test_a_mean_is_weighted() -> None:
    assert lines("auc n", [[1.0, 1], [0.5, 3]], aggregate="mean", weight="n") == [{"step": 0, "auc": 0.625}]


@pytest.mark.parametrize(
    ("columns", "rows", "fields", "problem"),
    [
        ("auc", [], {}, "gives no row"),
        ("auc", [[None]], {}, "row 1: auc is NULL"),
        ("auc", [["good"]], {}, r"row 1: auc is 'good' \(str\), which is no number; cast it, or name it under"),
        ("auc", [[0.1], [0.2]], {}, "gives 2 rows and metrics.step names no column; set metrics.aggregate"),
        ("e auc", [[1, 0.1], [1, 0.2]], {"model_step": "e"}, "gives 2 rows for step 1; set metrics.aggregate"),
        ("auc", [[0.1]], {"model_step": "epoch"}, "metrics.step: there is no column 'epoch'; there are auc"),
        ("e auc", [[-1.5, 0.1]], {"model_step": "e"}, "row 1: e is -1.5; a number of at least 0"),
        ("fold", [["a"]], {"ignore": ["fold"]}, r"none of its columns \(fold\) is a metric"),
        ("auc n", [[1, 0], [1, 0]], {"aggregate": "mean", "weight": "n"}, "the weights in n are not positive"),
        ("auc AUC", [[1, 1]], {}, "two columns are called"),
        ("", [], {}, "it is no query"),
    ],
)
def test_what_is_no_metric_is_refused_with_the_reason(
    columns: str, rows: list[list[Any]], fields: dict[str, Any], problem: str
) -> None:
    given = {("step" if key == "model_step" else key): value for key, value in fields.items()}
    model = SelectMetrics(source="select", sql="SELECT 1", **given)
    with pytest.raises(BadRows, match=problem):
        metric_lines(Answer(tuple(columns.split()), tuple(map(tuple, rows))), model, None)


def test_answers_are_printed_within_bounds() -> None:
    many = list(printed(Answer(("a", "b"), tuple((n, None) for n in range(150)))))
    assert many[0] == "a=0 b=null"
    assert many[-1] == "[50 more rows]"
    assert list(printed(Answer(text="one\ntwo"))) == ["one", "two"]


# --- the way in ---------------------------------------------------------------------------------------------------


def test_an_access_names_what_is_missing_and_never_shows_its_keys() -> None:
    given = {"ODPS_ACCESS_ID": "id", "ODPS_ACCESS_KEY": "hush", "ODPS_PROJECT": "p", "ODPS_ENDPOINT": "http://h/api"}
    found = access_from_environment(given | {"ODPS_STS_TOKEN": "hushhush"})
    assert found.project == "p"
    assert "hush" not in repr(found)
    with pytest.raises(BackendError, match="environment: ODPS_ACCESS_KEY and ODPS_PROJECT are missing"):
        access_from_environment({"ODPS_ACCESS_ID": "id", "ODPS_ENDPOINT": "http://h"})
    with pytest.raises(BackendError, match="ODPS_ENDPOINT is 'h/api'; a URL"):
        access_from_environment(given | {"ODPS_ENDPOINT": "h/api"})


def test_a_wrong_key_is_refused_for_good(standin: MaxComputeStandIn) -> None:
    good = access(standin)
    client = Client(Access(good.access_id, "wrong", good.project, good.endpoint))
    with pytest.raises(Refused) as caught:
        client.running()
    assert caught.value.failure.kind is Kind.PERMISSION
    assert "wrong" not in str(caught.value)


def test_keys_that_expire_are_read_anew(standin: MaxComputeStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    good = access(standin)
    old = Access(good.access_id, "expired", good.project, good.endpoint)
    answers = iter([OSError("the API server is away"), good])

    def renew() -> Access:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = Client(old, renew)
    for _ in range(3):  # refused; the connection can't be read, and is not asked for again at once
        with pytest.raises(Refused):
            client.running()
    monkeypatch.setattr(client_module, "REFUSED_EVERY", 0.0)
    client.running()


def test_a_statement_that_was_refused_with_the_old_key_is_submitted_with_the_new_one(
    standin: MaxComputeStandIn,
) -> None:
    good = access(standin)
    client = Client(Access(good.access_id, "rotated", good.project, good.endpoint), lambda: good)
    instance = client.submit_sql("automl_rotated", "SELECT 1 AS a", {}, None)
    assert client.find("automl_rotated", 0, command=False) == instance


def test_keys_are_read_anew_now_and_then_before_they_expire(
    standin: MaxComputeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "RENEW_EVERY", 0.0)
    good = access(standin)
    readings = []

    def renew() -> Access:
        readings.append(1)
        return good

    client = Client(Access(good.access_id, "about to expire", good.project, good.endpoint), renew)
    client.running()
    assert readings


def test_a_service_that_does_not_answer_is_busy() -> None:
    from odps import options

    times, options.retry_times = options.retry_times, 0
    try:
        with pytest.raises(Busy, match="Connect"):
            Client(Access("id", "key", "p", "http://127.0.0.1:9/api")).running()
    finally:
        options.retry_times = times


def test_temporary_keys_are_sent_along() -> None:
    from tests.standins.maxcompute.auth import Account

    account = Account("sts-id", "sts-secret", sts_token="token")
    with MaxComputeStandIn(accounts=(account,)) as standin:
        way = access(standin)
        with pytest.raises(Refused):
            Client(way).running()
        found = Client(Access(way.access_id, way.secret, way.project, way.endpoint, sts_token="token"))
        assert found.running() == set()


def test_a_table_becomes_a_file_and_temporary_tables_go(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    odps, client = standin.odps(), Client(access(standin))
    for name in ("tmp_1_a", "tmp_10_a", "tmp_1_b"):
        odps.execute_sql(f"CREATE TABLE {name} AS SELECT 1 AS n, 'a,\"b' AS t UNION ALL SELECT null AS n, 'c' AS t")
    assert client.export_table("tmp_1_a", tmp_path / "a.csv") == 2
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "n,t"
    assert '1,"a,""b"' in (tmp_path / "a.csv").read_text()
    from automl_core.backends.maxcompute.ddl import is_own

    assert sorted(client.drop_tables("tmp_1", lambda name: is_own(name, "tmp_1"))) == ["tmp_1_a", "tmp_1_b"]
    assert odps.exist_table("tmp_10_a")


def test_the_cost_of_a_query_is_estimated(standin: MaxComputeStandIn) -> None:
    standin.odps().execute_sql("CREATE TABLE costly AS SELECT 1 AS a")
    size, complexity = Client(access(standin)).estimate("SELECT a FROM costly", {})
    assert size > 0
    assert complexity > 0


def test_a_link_has_a_token_only_where_asked(standin: MaxComputeStandIn) -> None:
    client = Client(access(standin))
    instance = client.submit_sql("named", "SELECT 1", {}, None)
    assert "token" not in client.logview(instance, token=False)
    assert "token=" in client.logview(instance, token=True)


# --- many at once -------------------------------------------------------------------------------------------------


def test_many_trials_are_watched_by_one_listing() -> None:
    async def watch(standin: MaxComputeStandIn, count: int) -> None:
        hub = Hub(Client(access(standin)))
        trials = [Trial(standin, task_of("SELECT ${x} AS x"), number=n, client=hub.client, x=n) for n in range(count)]
        jobs = [SqlJob(hub, trial.run, 0.5) for trial in trials]
        hub.users = count
        for job in jobs:
            await job.poll()
        standin.service.requests.clear()
        for _ in range(3):
            await asyncio.gather(*(job.poll() for job in jobs))
        counts = standin.service.requests.snapshot()
        assert counts.get("GET /projects/{project}/instances", 0) <= 2
        assert counts["total"] <= 3, "no instance is asked for by itself while it runs"
        ended: set[int] = set()
        while len(ended) < count:
            reports = await asyncio.gather(*(job.poll() for job in jobs))
            ended |= {n for n, report in enumerate(reports) if report.exit is not None and report.exit.ok}
            await asyncio.sleep(0.2)
        hub.close()

    with MaxComputeStandIn(run_seconds=2.5) as standin:
        asyncio.run(watch(standin, FEW + 20))


def test_a_ledger_is_plain_json_and_foreign_text_is_none() -> None:
    ledger = Ledger("c", "p", 12.5)
    assert Ledger.from_text(json.dumps(ledger.to_json())) == ledger
    assert Ledger.from_text("a pod's name") is None
    assert Ledger.from_text('{"kind": "pod"}') is None


@pytest.mark.parametrize(
    "above", ["-- trains\n", "/* trains\n over two lines */ ", "\n  -- one\n\n  -- two; with a semicolon\n"]
)
def test_a_comment_above_a_pai_command_is_no_sql(above: str) -> None:
    (step,) = plan(task_of(f"{above}PAI -name ps_smart -project algo_public -DtreeCount=${{x}};"), CONTEXT)
    assert step.command is not None
    assert (step.command.name, step.command.project) == ("ps_smart", "algo_public")
    assert list(check_task(task_of(f"{above}PAI -name a -Dx=1"), ["x"])) == []


@pytest.mark.parametrize(
    ("statements", "place", "says"),
    [
        (["SET odps.x=1;"], ("sql",), "nothing but settings"),
        (["SET odps.x; SELECT 1"], ("sql", 0), "'SET odps.x' is no setting; SET key=value is one"),
        (["SELECT 1", "SET odps.x=${nothing}; SELECT 2"], ("sql", 1), "SET odps.x: ${nothing}: there is no such name"),
    ],
)
def test_what_is_wrong_with_a_setting_is_told(statements: list[str], place: tuple[Any, ...], says: str) -> None:
    task = MaxComputeTask.model_validate({"name": "t", "backend": "maxcompute", "sql": statements})
    found = list(check_task(task, ["x"]))
    assert any(at[: len(place)] == place and says in message for at, message in found), found
    with pytest.raises(PlaceholderError):
        plan(task, CONTEXT)


def test_what_writes_into_the_store_is_called_where_the_caller_says() -> None:
    """A store that hangs must not take the hub's threads, which all trials of a process share."""
    called: list[str] = []

    async def call(function: Any, *args: Any) -> Any:
        called.append(function.__name__)
        return function(*args)

    class Run:
        current, settled, seen, step = None, True, 0.0, None

        def advance(self) -> Report:
            return Report()

        def notes(self) -> list[str]:
            return []

        def order_end(self) -> None:
            pass

    def clean(run: Any) -> None:
        pass

    job = SqlJob(Hub(None), Run(), 0.5, cleanup=clean, call=call)  # type: ignore[arg-type]

    async def everything() -> None:
        await job.poll()
        await job.end(0.0)
        await job.remove()

    asyncio.run(everything())
    assert called == ["advance", "order_end", "clean"]
