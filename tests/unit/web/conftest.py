"""Airflow's own API server with the plugin in it, on a metadata database of its own, and experiments to look at.

Nothing of Airflow is replaced: its auth manager, its routes, its database. Journals are made by the simulation.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from automl_core.running.simulation import SimulatedTraining, Simulation, Trainer
from automl_core.spec.loader import parse_experiment
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.templates import Places
from automl_core.templates import parse_experiment as parse_any
from tests.sources import ROOT
from tests.support.schemas import checked_once

USERS = {"ann": "ADMIN", "oli": "OP", "uma": "USER", "vic": "VIEWER"}

BUNDLE, LOCAL_BUNDLE = "testing", "airflow.dag_processing.bundles.local.LocalDagBundle"

SPEC = """\
name: {name}
description: "<script>alert(1)</script> & more"
output: {{storage: "file://{storage}"}}
goal: {{metric: accuracy, direction: maximize}}
search: {{algorithm: random, seed: 7}}
space:
  lr: {{type: loguniform, low: 1.0e-4, high: 0.1, default: 0.01}}
  units: {{type: int, low: 1, high: 64}}
  solver: {{type: choice, values: [adam, sgd, "<b>&\\"'"]}}
  momentum: {{type: uniform, low: 0.0, high: 0.99, when: {{solver: [sgd]}}}}
trials: {{max: {trials}, concurrency: 3, retries: 0}}
tasks:
  - {{name: train, command: ["true"], cost_per_hour: 3600}}
"""


@dataclass
class World:
    """The API server, who may ask it, and the experiments that it knows."""

    app: Any
    tokens: dict[str, str]
    storage: Path
    files: Path

    def client(self, user: str | None = "ann", **headers: str) -> Any:
        """A client that asks with a bearer token."""
        from fastapi.testclient import TestClient

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            named["Authorization"] = f"Bearer {self.tokens[user]}"
        return TestClient(self.app, headers={"X-AutoML-Request": "1", **named}, base_url="http://testserver")

    def browser(self, user: str, **headers: str) -> Any:
        """A client that has a session cookie, as a browser has."""
        from fastapi.testclient import TestClient

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(self.app, headers=named, cookies={"_token": self.tokens[user]}, base_url="http://testserver")

    def spec(self, name: str, trials: int = 12) -> str:
        """The text of an experiment file."""
        return SPEC.format(name=name, storage=self.storage, trials=trials)

    def know(self, text: str) -> str:
        """Have Airflow know an experiment as its DAG processor would; returns its name."""
        experiment = parse_any(text, "x.yaml", Places.of(bundle=self.files.parent))
        self.parse(f"{experiment.name}.yaml", text)
        return experiment.name

    def know_model(self, text: str) -> str:
        """Have Airflow know a model, whose file makes several DAGs; returns its name."""
        from automl_core.models.file import parse_model_document

        name = parse_model_document(text, "x.yaml")[0].name
        self.parse(f"{name}.model.yaml", text)
        return name

    def know_project(self, text: str) -> str:
        """Have Airflow know an annotation project; returns its name."""
        from automl_core.annotation.file import parse_annotation_document

        name = parse_annotation_document(text, "x.yaml")[0].name
        self.parse(f"{name}.annotation.yaml", text)
        return name

    def parse(self, file: str, text: str) -> None:
        """Write a file, and do what Airflow's DAG processor does with it."""
        from airflow.dag_processing.collection import update_dag_parsing_results_in_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.serialization.serialized_objects import LazyDeserializedDAG
        from airflow.utils.session import create_session

        from automl_airflow.importer import ExperimentImporter

        path = self.files / file
        path.write_text(text)
        result = ExperimentImporter().import_file(path, bundle_path=self.files.parent, bundle_name=BUNDLE)
        assert not result.errors, result.errors
        with create_session() as session:
            if session.get(DagBundleModel, BUNDLE) is None:
                session.add(DagBundleModel(name=BUNDLE))
                session.flush()
            dags = [LazyDeserializedDAG.from_dag(dag) for dag in result.dags]
            update_dag_parsing_results_in_db(
                bundle_name=BUNDLE, bundle_version=None, dags=dags,
                import_errors={}, parse_duration=None, warnings=set(), session=session,
            )  # fmt: skip

    def begin(self, name: str, run_id: str, state: str = "running") -> None:
        """Have Airflow have a run of an experiment, whose `propose` has ended and whose slots are mapped."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState, TaskInstanceState
        from sqlalchemy import select

        started = self.client().post(
            f"/api/v2/dags/{name}/dagRuns", json={"logical_date": None, "dag_run_id": run_id, "conf": {}}
        )
        assert started.status_code == 200, started.text
        with create_session() as session:
            run = session.scalar(select(DagRun).where(DagRun.dag_id == name, DagRun.run_id == run_id))
            assert run is not None
            run.state = DagRunState.RUNNING
            self.propose_ends(session, run, self.plan_slots(name, run_id))
            for ti in run.get_task_instances(session=session):
                if ti.task_id == "trial":
                    ti.state = TaskInstanceState.SUCCESS
                if state != "running" and ti.task_id == "reduce":
                    ti.state = TaskInstanceState.SUCCESS
            run.state = DagRunState(state)

    def plan_slots(self, name: str, run_id: str) -> int:
        """How many slots `propose` returns, by the journal where there is one."""
        state = StudyJournal(FolderStore(self.storage), experiment_prefix(name, run_id)).refresh()
        return int(state.plan["slots"]) if state.created else 12

    def propose_ends(self, session: Any, run: Any, slots: int) -> None:
        """Do what Airflow does when `propose` has ended: note how many slots there are, and map over them."""
        from airflow.models.dagbag import DBDagBag
        from airflow.models.taskmap import TaskMap
        from airflow.utils.state import TaskInstanceState

        run.dag = DBDagBag().get_dag_for_run(run, session=session)
        propose = run.get_task_instance("propose", session=session)
        propose.state = TaskInstanceState.SUCCESS
        propose.start_date = propose.end_date = run.queued_at
        session.merge(
            TaskMap(dag_id=run.dag_id, task_id="propose", run_id=run.run_id, map_index=-1, length=slots, keys=None)
        )
        session.flush()
        run.task_instance_scheduling_decisions(session=session)
        session.flush()

    def study(self, name: str, run_id: str) -> Study:
        """The journal of a run, as another process has it."""
        return Study.load(StudyJournal(FolderStore(self.storage), experiment_prefix(name, run_id)))

    def simulate(
        self, text: str, run_id: str, until: float | None = None, training: Trainer | None = None, **options: Any
    ) -> Study:
        """Make the journal of a run: to its end, or so many simulated seconds of it."""
        experiment = parse_experiment(text, "x.yaml")
        simulation = Simulation(experiment, training or trainer, FolderStore(self.storage), run=run_id, **options)
        if until is None:
            return simulation.run().study

        class Enough(Exception):
            pass

        def stop(study: Study) -> None:
            raise Enough

        simulation.at(until, stop)
        with pytest.raises(Enough):
            simulation.run()
        return simulation.study


def trainer(binding: Binding, params: Any) -> SimulatedTraining:
    """Trial 2 fails; the others are the better the nearer lr is to 0.01."""
    import math

    if binding.trial == 2:
        return SimulatedTraining({}, ending="fails")
    best = 1 - abs(math.log10(params["lr"]) + 2) / 4 + params["units"] / 1000
    curve = {step: {"accuracy": best * step / 3, "loss": 1 / step} for step in (1, 2, 3)}
    return SimulatedTraining(curve, seconds_per_step=1.0)


@contextmanager
def api_server(home: Path) -> Iterator[World]:
    """Airflow's API server in this process, over a folder of its own, for as long as the context lasts."""
    files = home / "dags" / "experiments"
    files.mkdir(parents=True)
    settings = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{u}:{r.lower()}" for u, r in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "tests-only-" + "x" * 64,
        "AIRFLOW__AUTOML__EXPERIMENTS_FOLDER": str(files),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [{"name": BUNDLE, "classpath": LOCAL_BUNDLE, "kwargs": {"path": str(home / "dags")}}]
        ),
    }
    with pytest.MonkeyPatch.context() as patch, checked_once():
        for name, value in settings.items():
            patch.setenv(name, value)
        from airflow import plugins_manager
        from airflow import settings as airflow_settings
        from airflow.utils import db

        # another test may have had Airflow read its settings and its plugins already
        patch.setattr(airflow_settings, "PLUGINS_FOLDER", str(ROOT / "plugins"))
        plugins_manager._get_plugins.cache_clear()
        plugins_manager.get_fastapi_plugins.cache_clear()
        if not os.path.exists(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"):
            db.initdb()
        from airflow.api_fastapi.app import create_app, get_auth_manager, purge_cached_app
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        purge_cached_app()
        app = create_app(apps="core")
        manager = get_auth_manager()
        tokens = {u: manager.generate_jwt(SimpleAuthManagerUser(username=u, role=r)) for u, r in USERS.items()}
        yield World(app, tokens, home / "runs", files)
        purge_cached_app()
        plugins_manager._get_plugins.cache_clear()
        plugins_manager.get_fastapi_plugins.cache_clear()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One API server for all tests of this folder."""
    with api_server(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="session")
def ended(world: World) -> tuple[str, str]:
    """An experiment whose only run has ended."""
    text, run = world.spec("ended-one"), "manual__2026-11-21T04:00:00+00:00"
    name = world.know(text)
    world.simulate(text, run)
    world.begin(name, run, "success")
    return name, run


@pytest.fixture(scope="session")
def going(world: World) -> tuple[str, str]:
    """An experiment that runs: seven of its trials have ended."""
    text, run = world.spec("going-on", trials=30), "manual__2026-11-21T05:00:00+00:00"
    name = world.know(text)
    world.simulate(text, run, until=8.5)
    world.begin(name, run)
    return name, run


@pytest.fixture(scope="session")
def churn(world: World, ended: tuple[str, str]) -> str:
    """A model with a life: versions in use, replaced, rejected, and one that people are asked about."""
    from tests.unit.web.lives import live, model_text

    name = world.know_model(model_text(world, "churn-model", ended[0]))
    live(world, name, ended[0])
    return name


@pytest.fixture(scope="session")
def messages(world: World) -> str:
    """An annotation project that people are asked about, some of whose items have labels."""
    from tests.unit.web.projects import DAG, Loop, project_text

    text = project_text(world, "messages")
    name = world.know_project(text)
    loop = Loop(world, name, text)
    ids = loop.add(12)
    loop.ask(ids[:2])
    for item in ids[:2]:
        loop.label(item, "order", "ben", seconds=4.0, where="file")
    loop.project.end_round(1, {"why": "enough"}, DAG)
    loop.ask(ids[2:8])
    loop.take({ids[8]: "refund"})
    loop.project.retire([ids[9]], "it is no message", DAG)
    return name


def own_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test has: two files may have a test of the same name, and one process runs both."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:40] + "-" + digest


@pytest.fixture
def fresh(world: World, request: pytest.FixtureRequest) -> Callable[..., tuple[str, str]]:
    """Makes an experiment of this test's own."""
    count = iter(range(100))

    def make(*, until: float | None = 4.5, trials: int = 12, state: str = "running") -> tuple[str, str]:
        name = f"fresh-{own_name(request)}-{next(count)}"
        text, run = world.spec(name, trials), "manual__2026-11-21T06:00:00+00:00"
        world.know(text)
        world.simulate(text, run, until)
        world.begin(name, run, state)
        return name, run

    return make


def path(name: str, run: str, rest: str = "") -> str:
    """Address of a run in the API."""
    from urllib.parse import quote

    return f"/automl/api/v1/experiments/{quote(name, safe='')}/runs/{quote(run, safe='')}{rest}"


def body_of(response: Any) -> Any:
    """The body of an answer that went well."""
    assert response.status_code in (200, 201), f"{response.status_code}: {response.text}"
    return json.loads(response.content)


@pytest.fixture
def teams(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for new files is team red's; there is a bundle of team blue beside it."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.team import Team
    from airflow.utils.session import create_session

    blue = world.files.parents[1] / "blue"
    (blue / "experiments").mkdir(parents=True, exist_ok=True)
    bundles = [
        {"name": BUNDLE, "classpath": LOCAL_BUNDLE, "kwargs": {"path": str(world.files.parent)}, "team_name": "red"},
        {"name": "blue-bundle", "classpath": LOCAL_BUNDLE, "kwargs": {"path": str(blue)}, "team_name": "blue"},
    ]
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    with create_session() as session:
        for name, team in ((BUNDLE, "red"), ("blue-bundle", "blue")):
            model = session.get(DagBundleModel, name) or DagBundleModel(name=name)
            model.teams = [session.get(Team, team) or Team(name=team)]
            session.merge(model)
    forget_teams()
    yield blue / "experiments"
    with create_session() as session:
        for name in (BUNDLE, "blue-bundle"):
            model = session.get(DagBundleModel, name)
            assert model is not None
            model.teams = []
    forget_teams()


def forget_teams() -> None:
    from airflow.models.dag import clear_team_name_cache

    clear_team_name_cache()


def of_team(world: World, role: str, *teams: str) -> Any:
    """A client of somebody with a role in teams."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=f"{role}-{'-'.join(teams)}", role=role, teams=list(teams))
    world.tokens[user.username] = get_auth_manager().generate_jwt(user)
    return world.client(user.username)
