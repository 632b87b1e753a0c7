"""What the REST API says of experiments: lists, a run, its trials, its plots, all from the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.web.conftest import World, body_of, path

API = "/automl/api/v1"


def get(world: World, place: str, **query: Any) -> Any:
    return body_of(world.client("vic").get(place, params=query))


def test_the_list_has_every_experiment_with_its_latest_run(
    world: World, ended: tuple[str, str], going: tuple[str, str]
) -> None:
    found = {each["experiment"]: each for each in get(world, f"{API}/experiments", limit=1000)["experiments"]}
    one, other = found[ended[0]]["latest"], found[going[0]]["latest"]
    assert (one["state"], one["done"], one["airflow_state"]) == ("FINISHED", 12, "success")
    assert (other["state"], other["airflow_state"]) == ("RUNNING", "running")
    assert one["best"]["value"] == pytest.approx(max(v for v in values(world, ended) if v is not None))
    assert found[ended[0]]["description"] == "<script>alert(1)</script> & more"


def values(world: World, run: tuple[str, str]) -> list[float | None]:
    return list(get(world, path(*run, "/trials"))["columns"]["value"])


@pytest.mark.parametrize("sort", ["name", "-name", "state", "updated", "-best", "cost", "elapsed", "fraction", "runs"])
def test_the_list_can_be_sorted(world: World, ended: tuple[str, str], going: tuple[str, str], sort: str) -> None:
    listed = get(world, f"{API}/experiments", sort=sort, limit=1000)
    names = [each["experiment"] for each in listed["experiments"]]
    assert {ended[0], going[0]} <= set(names)
    if sort.endswith("name"):
        assert names == sorted(names, reverse=sort == "-name")


def test_the_list_can_be_searched_filtered_and_paged(
    world: World, ended: tuple[str, str], going: tuple[str, str]
) -> None:
    assert [e["experiment"] for e in get(world, f"{API}/experiments", search="going-")["experiments"]] == [going[0]]
    running = get(world, f"{API}/experiments", state="RUNNING", limit=1000)["experiments"]
    assert {each["latest"]["state"] for each in running} == {"RUNNING"}
    pages = [get(world, f"{API}/experiments", sort="name", offset=k, limit=1)["experiments"] for k in range(2)]
    assert pages[0] != pages[1]
    assert world.client().get(f"{API}/experiments", params={"sort": "colour"}).status_code == 422


def test_a_dag_that_is_no_experiment_is_none(world: World) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagModel(dag_id="other", bundle_name="testing", is_stale=False, fileloc="other.py"))
    for rest in ("", "/runs", "/runs/x", "/runs/x/trials"):
        answer = world.client().get(f"{API}/experiments/other{rest}")
        assert answer.status_code == 404
        assert "no AutoML experiment" in answer.json()["detail"]


def test_a_run_is_shown_with_what_tao_shows(world: World, going: tuple[str, str]) -> None:
    found = get(world, path(*going))
    assert found["state"] == "RUNNING"
    assert found["reason"] == ""
    assert found["counts"]["RUNNING"] == len(found["tao"]["running_trials"]) == 3
    assert found["tao"]["current_trial"] == max(found["tao"]["running_trials"])
    assert found["tao"]["seconds_left"] > 0
    assert found["tao"]["eta"] > 0
    assert found["tao"]["best_value"] == found["best"]["value"]
    assert found["forecast"]["trials_left"] == found["trials"] - found["done"]
    assert found["limits"]["max_trials"] == 30
    assert found["limits"]["concurrency_at_most"] == 3
    assert found["airflow"]["url"].endswith("runs/manual__2026-11-21T05%3A00%3A00%2B00%3A00")
    assert [parameter["kind"] for parameter in found["parameters"]] == ["float", "int", "category", "float"]


def test_what_can_be_done_depends_on_who_asks_and_on_the_state(
    world: World, going: tuple[str, str], ended: tuple[str, str]
) -> None:
    can = body_of(world.client("uma").get(path(*going)))["can"]
    written = {"label": True, "label_trial": True}
    assert can == {
        "stop": True, "stop_trial": True, "rerun": True, "edit": True, "extend": False, "clone": True, **written,
    }  # fmt: skip
    looker = get(world, path(*going))
    assert not any(looker["can"].values())
    assert "right" in looker["why_not"]["stop"]
    over = body_of(world.client("uma").get(path(*ended)))
    assert over["can"] == {
        "stop": False, "stop_trial": False, "rerun": True, "edit": False, "extend": True, "clone": True, **written,
    }  # fmt: skip


def test_a_run_before_its_first_task_is_queued(world: World) -> None:
    name = world.know(world.spec("not-begun"))
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"conf": {}, "run_id": "first"}))
    runs = get(world, f"{API}/experiments/{name}/runs")
    assert runs["total"] == 1
    assert runs["runs"][0]["state"] == "QUEUED"
    assert runs["runs"][0]["best"] is None
    assert world.client().get(path(name, "first")).status_code == 404


def test_an_unreadable_storage_takes_nothing_down_but_its_own(world: World, ended: tuple[str, str]) -> None:
    text = world.spec("away").replace(str(world.storage), "/proc/nowhere")
    name = world.know(text)
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"run_id": "r"}))
    listed = {each["experiment"]: each for each in get(world, f"{API}/experiments", limit=1000)["experiments"]}
    assert listed[name]["latest"]["state"] == "QUEUED"
    assert listed[ended[0]]["latest"]["state"] == "FINISHED"


def test_the_trial_table_is_sorted_filtered_searched_and_paged(world: World, ended: tuple[str, str]) -> None:
    place = path(*ended, "/trials")
    whole = get(world, place)
    assert whole["total"] == whole["matched"] == 12
    assert whole["columns"]["number"] == list(range(12))
    assert whole["metrics"][0] == "accuracy"
    by_value = get(world, place, sort="-value")["columns"]
    known = [value for value in by_value["value"] if value is not None]
    assert known == sorted(known, reverse=True)
    assert by_value["value"][-1] is None
    assert by_value["rank"][: len(known)] == list(range(1, len(known) + 1))
    assert get(world, place, state="FAILED")["columns"]["number"] == [2]
    page = get(world, place, offset=3, limit=2)
    assert page["columns"]["number"] == [3, 4]
    low = get(world, place, filter="params.lr:..0.005")["columns"]["params"]["lr"]
    assert low
    assert all(value <= 0.005 for value in low)
    some = get(world, place, filter=["params.solver:sgd", "params.momentum:0..1"])["columns"]["params"]
    assert set(some["solver"]) <= {"sgd"}
    assert None not in some["momentum"]
    odd = get(world, place, search="<b>&\"'")["columns"]["params"]["solver"]
    assert set(odd) <= {"<b>&\"'"}
    by_param = get(world, place, sort="params.momentum")["columns"]["params"]["momentum"]
    present = [value for value in by_param if value is not None]
    assert by_param == sorted(present) + [None] * (12 - len(present))


@pytest.mark.parametrize(
    "query", [{"sort": "nope"}, {"filter": "nope:1..2"}, {"filter": "value"}, {"filter": "value:a..b"}]
)
def test_a_table_asked_for_wrongly_says_what_is_allowed(world: World, ended: tuple[str, str], query: Any) -> None:
    answer = world.client().get(path(*ended, "/trials"), params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_trials_page(world: World, ended: tuple[str, str]) -> None:
    failed = get(world, path(*ended, "/trials/2"))
    assert failed["trial"]["state"] == "FAILED"
    assert failed["trial"]["value"] is None
    attempt = failed["works"][0]["attempts"][0]
    assert attempt["log"].endswith("/tasks/trial/mapped/2?try_number=1")
    best = get(world, path(*ended))["best"]
    other = next(n for n in range(12) if n not in (2, best["trial"]))
    page = get(world, path(*ended, f"/trials/{other}"))
    assert page["difference"]["best"] == best["trial"]
    assert page["difference"]["value"] <= 0
    assert world.client().get(path(*ended, "/trials/12")).status_code == 404


def test_a_trials_curve_has_every_metric(world: World, ended: tuple[str, str]) -> None:
    curve = get(world, path(*ended, "/trials/0/curve"))
    assert set(curve["series"]) == {"accuracy", "loss"}
    assert curve["series"]["accuracy"]["steps"] == [1, 2, 3]
    assert curve["live"] is False


def test_running_trials_are_drawn_as_they_go(world: World, going: tuple[str, str]) -> None:
    found = get(world, path(*going, "/curves"))["curves"]
    live = [each for each in found if each["live"]]
    assert live
    assert all(each["steps"] for each in live)


PLOTS = ("history", "curves", "parallel", "importance", "timeline", "rungs", "cost", "pareto", "acts")


def lengths(columns: dict[str, Any]) -> set[int]:
    return {
        size for values in columns.values() for size in (lengths(values) if isinstance(values, dict) else {len(values)})
    }


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_has_columns_of_one_length(world: World, ended: tuple[str, str], plot: str) -> None:
    body = get(world, path(*ended, f"/{plot}"))
    assert body["seq"] > 0
    if "columns" in body:
        assert len(lengths(body["columns"])) == 1


def test_best_so_far_never_gets_worse(world: World, ended: tuple[str, str]) -> None:
    body = get(world, path(*ended, "/history"))
    best = [value for value in body["columns"]["best"] if value is not None]
    assert best == sorted(best)
    assert best[-1] == get(world, path(*ended))["best"]["value"]
    assert [s for s in body["columns"]["state"] if s == "FAILED"] == ["FAILED"]


def test_what_matters_most_is_what_the_value_depends_on(world: World, ended: tuple[str, str]) -> None:
    body = get(world, path(*ended, "/importance"))
    assert body["parameters"][0]["name"] == "lr"
    assert 0 <= body["parameters"][0]["std"] <= 1
    assert sum(each["importance"] for each in body["parameters"]) <= 1 + 1e-9


def test_slice_and_contour_come_with_what_the_model_expects(world: World, ended: tuple[str, str]) -> None:
    cut = get(world, path(*ended, "/slice"), parameter="lr")
    assert len(cut["columns"]["x"]) == 11
    assert len(cut["marginal"]["x"]) == len(cut["marginal"]["mean"]) == 40
    chart = get(world, path(*ended, "/contour"), x="lr", y="solver")
    assert len(chart["grid"]["mean"]) == 3
    assert len(chart["grid"]["mean"][0]) == 40
    assert world.client().get(path(*ended, "/slice"), params={"parameter": "nope"}).status_code == 404


def test_places_of_the_timeline_never_overlap(world: World, ended: tuple[str, str]) -> None:
    columns = get(world, path(*ended, "/timeline"))["columns"]
    busy: dict[int, float] = {}
    for place, started, over in zip(columns["place"], columns["started"], columns["ended"], strict=True):
        assert busy.get(place, 0.0) <= started
        busy[place] = over
    assert len(busy) == 3


def test_cost_adds_up(world: World, ended: tuple[str, str]) -> None:
    body = get(world, path(*ended, "/cost"))
    assert body["columns"]["cost"][-1] == pytest.approx(get(world, path(*ended))["cost"])


def test_several_parts_come_in_one_answer(world: World, ended: tuple[str, str]) -> None:
    body = get(
        world, path(*ended, "/bundle"), parts="overview,history,trials,curves,parallel,timeline,rungs,cost,pareto"
    )
    assert body["history"] == get(world, path(*ended, "/history"))
    assert body["trials"] == get(world, path(*ended, "/trials"))
    assert world.client().get(path(*ended, "/bundle"), params={"parts": "x"}).status_code == 422


def test_a_part_that_is_named_often_is_made_once(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web.routes import runs

    made = []
    monkeypatch.setitem(runs.PARTS, "pareto", (lambda _: made.append(1) or {}, False))
    assert get(world, path(*ended, "/bundle"), parts=",".join(["pareto"] * 28))["pareto"] == {}
    assert made == [1]


def test_runs_can_be_compared(world: World, ended: tuple[str, str], going: tuple[str, str]) -> None:
    body = get(world, f"{API}/compare", run=["/".join(ended), "/".join(going)])
    assert body["comparable"]
    assert body["parameters"] == ["lr", "units", "solver", "momentum"]
    assert [each["summary"]["experiment"] for each in body["runs"]] == [ended[0], going[0]]
    assert all(len(lengths(each["history"]["columns"])) == 1 for each in body["runs"])
    assert world.client().get(f"{API}/compare", params={"run": ["/".join(ended)] * 6}).status_code == 422


def test_an_airflow_task_instance_leads_to_its_trial(world: World, ended: tuple[str, str]) -> None:
    assert get(world, path(*ended, "/task-instances/trial/5"))["trials"] == [5]
    assert get(world, path(*ended, "/task-instances/reduce/-1"))["trials"] == []
    assert world.client().get(path(*ended, "/task-instances/trial/99")).status_code == 404


def test_who_has_an_answer_already_is_told_so(world: World, ended: tuple[str, str]) -> None:
    first = world.client().get(path(*ended, "/history"))
    again = world.client().get(path(*ended, "/history"), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = world.client().get(path(*ended, "/history"), headers={"Accept-Encoding": "identity"})
    assert plain.json() == first.json()
    assert "content-encoding" not in plain.headers


def test_an_answer_is_made_once_however_many_ask(
    world: World, going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web import held

    made: list[Any] = []
    encode = held.encode
    monkeypatch.setattr(held, "encode", lambda body: made.append(body) or encode(body))
    for _ in range(5):
        get(world, path(*going, "/parallel"), limit=77)
    assert len(made) == 1


def test_a_journal_is_not_read_from_its_start_again(
    world: World, fresh: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_core.storage.folder import FolderStore

    run = fresh()
    before = get(world, path(*run))["seq"]
    study = world.study(*run)
    study.cancel_trial(3, "bob")
    reads: list[str] = []
    read = FolderStore.get
    monkeypatch.setattr(FolderStore, "get", lambda self, key: reads.append(key) or read(self, key))
    assert get(world, path(*run), seq=before + 1)["seq"] == before + 1
    assert len([key for key in reads if "journal" in key]) == 1
    row = get(world, path(*run, "/trials"))["columns"]
    assert row["cancel"][3] == "bob"


def test_the_schema_and_the_algorithms_are_there_for_the_editor(world: World) -> None:
    assert get(world, f"{API}/schema")["title"] == "AutoML experiment"
    assert get(world, f"{API}/schema", kind="model")["title"] == "AutoML model"
    assert "bayesian" in [each["name"] for each in get(world, f"{API}/algorithms")["algorithms"]]
    assert f"{API}/experiments".removeprefix("/automl") in get(world, f"{API}/openapi.json")["paths"]


def test_how_a_run_stands_is_worked_out_once_for_all_who_look(
    world: World, going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web import held

    made: list[Any] = []
    overview = held.overview
    monkeypatch.setattr(held, "overview", lambda view: made.append(view) or overview(view))
    monkeypatch.setattr(held.time, "monotonic", lambda: 1000.0)
    for user in ("vic", "uma", "ann"):
        body_of(world.client(user).get(path(*going)))
    assert len(made) <= 1
