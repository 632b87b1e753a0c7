"""The faults, the moments at which they strike, and a case: one fault at one moment of one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.site import PLACES, TRIALS, Running, Site
from tests.faults.sound import check

Moment = Callable[[Running], bool]
Case = Callable[[dict[str, "Fault"], str, str], None]
"""Runs a case of some faults: which fault, at which moment."""


def _early(running: Running) -> bool:
    """The first trial is bound."""
    return bool(running.state.works)


def _middle(running: Running) -> bool:
    """Two trials have ended, another runs."""
    state = running.state
    return len(state.order) >= 2 and bool(state.running)


def _late(running: Running) -> bool:
    """The last trial's end is recorded: the run is concluded and its result published."""
    return len(running.state.order) == TRIALS


def _last_runs(running: Running) -> bool:
    """The last trial is bound."""
    return len(running.state.works) == TRIALS


def _last_waits(running: Running) -> bool:
    """All trials but the last are bound: its slot waits."""
    return len(running.state.works) == TRIALS - 1


def _in_triggerer(moment: Moment) -> Moment:
    """A moment at which something of the run waits in the triggerer."""
    return lambda running: moment(running) and running.waiting() > 0


MOMENTS: dict[str, Moment] = {"early": _early, "middle": _middle, "late": _late}

HELD = {"early": 0, "middle": 2, "late": TRIALS - 1 - PLACES}
"""The first trial that trains no further until what waits in the triggerer is struck. On a busy machine a worker takes
longer to come up than a training, so that no slot has to wait, and none is in the triggerer."""


@dataclass(frozen=True)
class Fault:
    """What is done.

    Attributes:
        strike: does it, and puts right what an operator would; False where there was nothing to strike just now.
        late: the late moment, where the reducer is no business of what is struck.
        waits: whether it strikes what waits in the triggerer.
    """

    strike: Callable[[Site, Running], bool | None]
    late: Moment = _late
    waits: bool = False

    def moment(self, name: str) -> Moment:
        """When it strikes."""
        moment = self.late if name == "late" else MOMENTS[name]
        return _in_triggerer(moment) if self.waits else moment


FAULTS: dict[str, Fault] = {
    "worker": Fault(lambda site, running: running.kill_worker()),
    "scheduler": Fault(lambda site, running: site.restart("scheduler")),
    "scheduler-alone": Fault(lambda site, running: site.orphan_scheduler()),
    "scheduler-starved": Fault(lambda site, running: site.starve("scheduler")),
    "triggerer": Fault(lambda site, running: site.restart("triggerer"), late=_last_waits, waits=True),
    "api-server": Fault(lambda site, running: site.restart("api-server")),
    "store": Fault(lambda site, running: site.kill_bucket()),
    "hung-store": Fault(lambda site, running: site.hang_bucket()),
    "keys": Fault(lambda site, running: site.rotate_keys()),
}

POD_FAULTS: dict[str, Fault] = {
    "worker": FAULTS["worker"],
    "scheduler": FAULTS["scheduler"],
    "triggerer": Fault(FAULTS["triggerer"].strike, late=_last_runs, waits=True),
}


@dataclass(frozen=True)
class Row:
    """What a case showed; all times in seconds.

    Attributes:
        struck: after the start of the run.
        next_record: from the strike to the journal's next record.
        end: from the strike to the run's end.
        longer: than a run without a fault.
        attempts: made again, of all trials.
        tries: that Airflow made again, of all tasks.
        idle: for which a session of the database was seen idle in a transaction, at most.
    """

    place: str
    fault: str
    moment: str
    struck: float
    next_record: float
    end: float
    longer: float
    attempts: int
    tries: int
    idle: float


def run_case(site: Site, faults: dict[str, Fault], fault: str, moment: str) -> Row:
    """Run an experiment, strike it, and check that nothing shows.

    Raises:
        AssertionError: something does.
    """
    held = HELD[moment] if faults[fault].waits else TRIALS
    running = site.start(f"{fault}_{moment}".replace("-", "_"), held)
    reached, doing = faults[fault].moment(moment), faults[fault].strike
    struck = 0.0

    def strike(running: Running) -> bool:
        nonlocal struck
        if not reached(running):
            return False
        struck = time.time()
        return doing(site, running) is not False

    running.wait_for(strike, f"struck by {fault}, {moment}")
    running.let_go()
    running.finish()
    ended = time.time()
    check(running)
    state = running.state
    after = [record.time for record in site.world.study(running.name, running.run).journal.records()]
    rows = site.world.instances(running.name, running.run).values()
    return Row(
        "pods" if site.cluster is not None else "local", fault, moment, struck - running.began,
        min((at - struck for at in after if at > struck), default=float("nan")), ended - struck,
        ended - running.began - site.undisturbed,
        sum(len(work.attempts) - 1 for work in state.works.values()),
        sum(row["try_number"] - 1 for row in rows), running.idle,
    )  # fmt: skip
