"""Rollouts over a real server while that, the triggerer or the scheduler is killed (SIGKILL) at each point of one.

Whatever is killed: each step once, one end, the same as without the fault, told once in Airflow; and nobody who asks is
left without an answer while a server is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from automl_airflow.standalone import running_airflow
from automl_core.models.life import Rollout
from automl_core.models.rollout import read_view
from automl_core.storage import open_store
from tests.e2e.models import Models
from tests.e2e.serving import AutomlServer, Load, serving
from tests.e2e.world import wait_until
from tests.faults.site import PATIENCE, RESTART, FaultWorld
from tests.support.patience import stretched
from tests.support.postgres import binaries, postgres

DEPLOY = {"to": "servers", "steps": ["20%", "60%", "100%"], "bake": "3s", "least": 20}
MODEL_PATIENCE = PATIENCE + 120
"""Seconds: a triggerer that died is missed after half a minute, a task whose worker died after as long."""

Moment = Callable[["Site", str, Rollout], bool]

MOMENTS: dict[str, Moment] = {
    "begun": lambda site, name, found: True,
    "mid-step": lambda site, name, found: found.step == 1 and site.answered(name, found) > 0,
    "moving": lambda site, name, found: found.step == 1,
    "promoted": lambda site, name, found: found.outcome == "promoted",
    "taken-back": lambda site, name, found: found.outcome == "taken_back",
}
"""The point of the rollout at which it is struck, as the journal and the newest look have it."""


@dataclass
class Site:
    """An Airflow on PostgreSQL, and a server of its models."""

    models: Models
    server: AutomlServer

    def rollout(self, name: str) -> Rollout | None:
        """The rollout of a model; None before it begins."""
        return self.models.life(name).state.rollouts.get(1)

    def answered(self, name: str, found: Rollout) -> int:
        """What the version has answered in the step that it is in, as the newest look has it."""
        view = read_view(open_store(str(self.models.world.root / "runs")), name, found.id)
        return int(view["answers"]["here"]) if view is not None and view["step"] == found.step else 0

    def strike(self, fault: str) -> None:
        """Kill a part, and start it again as a service manager would."""
        part = fault.removeprefix("rollout-")
        if part == "server":
            self.server.kill()
            time.sleep(RESTART)
            self.server.start()
            return
        self.models.world.airflow.kill_component(part)
        time.sleep(RESTART)
        self.models.world.airflow.start_component(part)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The Airflow and the server of this module."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        world = FaultWorld.make(tmp_path_factory.mktemp("rollouts"), database=url)
        models = Models(world)
        server = stack.enter_context(serving(world.root / "runs", world.root / "server"))
        stack.enter_context(running_airflow(world.airflow))
        yield Site(models, server)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["rollout-server", "rollout-triggerer", "rollout-scheduler"])
def test_a_rollout_ends_as_it_would_have_ended(site: Site, fault: str, moment: str) -> None:
    name, bad = f"{fault}_{moment}".replace("-", "_"), moment == "taken-back"
    models = site.models
    models.use(name, 0.5)
    models.publish(f"{name}_search", "run_2", 1.0, needs="id" if bad else None)
    models.file(name, accept={"by": "nobody", "when": "not_worse", "margin": 0.5}, deploy=DEPLOY)
    with Load(site.server, [name], pause=0.02) as load:
        wait_for(site, name, moment)
        site.strike(fault)
        struck = time.time()
        expected = "TAKEN_BACK" if bad else "IN_USE"
        version = models.until(name, 2, expected, MODEL_PATIENCE)
        state = models.world.finish(f"{name}.rollout", version.run, MODEL_PATIENCE)
        answering = 1 if bad else 2
        wait_until(lambda: set(load.of[name].last) == {answering}, 60, f"version {answering} to answer all")
    found = site.rollout(name)
    assert found is not None
    assert found.ended is not None
    print(f"\n{fault} at {moment}: ended {max(0.0, found.ended - struck):.1f} s after the strike")
    check(site, name, found, bad=bad)
    assert state == ("failed" if bad else "success")
    tasks = models.tasks(f"{name}.rollout")[version.run]
    assert tasks.pop("roll") == ("failed" if bad else "success")
    assert set(tasks.values()) <= {"success", "skipped"}, tasks
    failed = load.of[name].failed
    if fault == "rollout-server":  # nobody was there for a moment
        assert not {status for status in failed if status.isdigit()} - {"503"}, failed
    else:
        assert not failed, "an answer was missing while the server was there"


def wait_for(site: Site, name: str, moment: str) -> None:
    """Wait for a point of a rollout, looking all the time: it may be short."""
    deadline = time.monotonic() + stretched(MODEL_PATIENCE)
    while True:
        found = site.rollout(name)
        if found is not None and MOMENTS[moment](site, name, found):
            return
        assert time.monotonic() < deadline, f"{name}: never {moment}; {site.models.tasks(f'{name}.rollout')}"
        assert found is None or found.open, f"{name}: it has ended ({found.outcome}: {found.why}) before {moment}"
        time.sleep(0.02)


def check(site: Site, name: str, found: Rollout, *, bad: bool) -> None:
    """Each step once and in order, by the guard; one end; and who answers is what the journal says."""
    acts = [(each.what, each.step, each.by.how) for each in found.acts]
    steps = [("begun", 0, "dag"), ("step", 1, "dag"), ("step", 2, "dag"), ("promoted", 2, "dag")]
    if bad:
        assert acts[0] == steps[0]
        assert acts[-1][0] == "taken_back"
        assert acts[1:-1] == steps[1 : len(acts) - 1], "where it was taken back depends on when it was struck"
    else:
        assert acts == steps
    state = site.models.life(name).state
    assert list(state.rollouts) == [1]
    assert state.skipped == {}
    assert state.shares_now() == ({1: 1.0} if bad else {2: 1.0})
    assert sum(each.cause == "in_use" for each in state.shares) == (1 if bad else 2), "in use once"
