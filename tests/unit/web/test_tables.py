"""A table's model on the run's page: what conclude has told, and its report, which can do nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from automl_core.study.stages import made_by
from automl_core.tabular.report import render
from automl_core.views import tabular
from tests.support.table_reports import BINARY
from tests.unit.web.conftest import World, body_of, path


@pytest.fixture
def run(world: World, fresh: Callable[..., tuple[str, str]]) -> tuple[str, str]:
    """A run whose conclude has left a report."""
    name, run_id = fresh(until=None, state="success")
    leave(world, (name, run_id), "report.json", json.dumps(BINARY).encode())
    leave(world, (name, run_id), "report.html", render(BINARY).encode())
    return name, run_id


def leave(world: World, run: tuple[str, str], name: str, data: bytes) -> None:
    study = world.study(*run)
    study.journal.store.put(made_by(study.journal.prefix, "conclude") + name, data)


def test_what_was_found_is_there_for_who_may_read(world: World, run: tuple[str, str]) -> None:
    found = body_of(world.client("vic").get(path(*run, "/table")))
    assert found == tabular.table_of(json.dumps(BINARY).encode())
    assert world.client(None).get(path(*run, "/table")).status_code == 401


def test_who_has_an_answer_already_is_told_so(world: World, run: tuple[str, str]) -> None:
    first = world.client().get(path(*run, "/table"))
    again = world.client().get(path(*run, "/table"), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_without_a_model_there_is_none(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    run = fresh(until=None, state="success")
    assert body_of(world.client().get(path(*run, "/table"))) == {"kind": None}
    answer = world.client().get(path(*run, "/table/report"))
    assert answer.status_code == 404
    assert "conclude makes it" in answer.json()["detail"]


def test_the_report_can_do_nothing(world: World, run: tuple[str, str]) -> None:
    leave(world, run, "report.html", b"<script>fetch('/api/v2/connections')</script>")
    answer = world.client("vic").get(path(*run, "/table/report"))
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'"), "no script, and an origin of its own"
    assert "allow-" not in policy
    assert "script-src" not in policy
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(("name", "part"), [("report.json", "/table"), ("report.html", "/table/report")])
def test_what_is_too_large_is_not_read(
    world: World, run: tuple[str, str], monkeypatch: pytest.MonkeyPatch, name: str, part: str
) -> None:
    monkeypatch.setattr("automl_airflow.web.routes.tables.MOST_BYTES", 1 << 20)
    leave(world, run, name, b" " * ((1 << 20) + 1))
    answer = world.client().get(path(*run, part))
    assert answer.status_code == 413
    assert "download it instead" in answer.json()["detail"]


def test_what_is_no_report_is_said(world: World, run: tuple[str, str]) -> None:
    leave(world, run, "report.json", b"{")
    assert body_of(world.client().get(path(*run, "/table")))["problem"] == "report.json is no JSON"
