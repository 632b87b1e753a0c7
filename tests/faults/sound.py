"""What must be true of every run, whatever was done to it: nothing lost, nothing twice, nothing left."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from automl_airflow.processes import alive
from automl_core.states import ExperimentState, TrialState
from automl_core.study.state import State
from tests.faults.site import TRIALS, Running, Site
from tests.support.patience import stretched


def check(running: Running) -> None:
    """Check everything.

    Raises:
        AssertionError: something is not as it must be.
    """
    assert running.site.world.state(running.name, running.run) == "success", "the DAG run ended well"
    state = check_journal(running)
    check_published(running, state)
    check_instances(running)
    check_trainings(running, state)
    check_database(running)
    check_processes(running.site)


def check_journal(running: Running) -> State:
    """Each trial bound once and ended once, each attempt's end told once; returns what the records make."""
    study = running.site.world.study(running.name, running.run)
    records = list(study.journal.records())
    state = State()
    refused = {record.seq: problem for record in records if (problem := state.apply(record))}
    assert not refused, f"records that contradict those before them: {refused}"
    assert not study.journal.unreadable, study.journal.unreadable
    told = Counter(
        (record.data["slot"], record.data["task"], record.data["attempt"])
        for record in records
        if record.kind == "ended"
    )
    assert not {key: count for key, count in told.items() if count > 1}, f"an end that was told twice: {told}"
    bound = Counter(record.data["trial"] for record in records if record.kind == "bound")
    assert bound == Counter(range(TRIALS)), f"trials bound: {bound}"
    assert len({str(trial.params) for trial in state.trials}) == TRIALS, "no combination twice"
    assert sorted(state.order) == sorted(state.works), "every slot's work has ended, once"
    for work in state.works.values():
        assert work.state is TrialState.SUCCEEDED, (work.slot, work.state, work.reason)
        assert [attempt.number for attempt in work.attempts] == list(range(1, len(work.attempts) + 1))
        ends = [attempt.state for attempt in work.attempts]
        assert ends.count(TrialState.SUCCEEDED) == 1, f"slot {work.slot}: trained well more than once: {ends}"
        assert ends[-1] is TrialState.SUCCEEDED
        steps = 8 if running.site.cluster is not None else 4
        x = state.trials[work.trial].params["x"]
        assert work.value is not None
        assert abs(work.value - float(x) * (1 - 0.5**steps)) < 1e-5, "the value is that of the whole training"
    assert state.stop is not None
    return state


def check_published(running: Running, state: State) -> None:
    """What is published is what the journal says, with the right best, its model there to be read."""
    result = running.site.world.controller(running.name, running.run)
    assert result["experiment"]["state"] in (ExperimentState.FINISHED, ExperimentState.NO_MORE_TRIAL)
    trials = {trial["number"]: trial for trial in result["trials"]}
    assert len(result["trials"]) == len(trials) == TRIALS
    assert {trial["state"] for trial in trials.values()} == {"SUCCEEDED"}
    assert {number: trial["value"] for number, trial in trials.items()} == {
        trial.number: state.value_of(trial) for trial in state.trials
    }
    best = max(trials, key=lambda number: float(trials[number]["value"]))
    assert result["experiment"]["best_trial"] == best
    model = running.site.world.folder(running.name, running.run) / "best_model" / "model" / "model.json"
    assert json.loads(model.read_text()) == {"x": trials[best]["params"]["x"]}


def check_instances(running: Running) -> None:
    """In Airflow too every task has ended well, and there is one of each."""
    rows = running.site.world.instances(running.name, running.run)
    assert Counter(task for task, _ in rows) == {"propose": 1, "trial": TRIALS, "reduce": 1}
    assert {row["state"] for row in rows.values()} == {"success"}, {key: row["state"] for key, row in rows.items()}


def check_trainings(running: Running, state: State) -> None:
    """No attempt was trained twice, none beside the journal, and nothing of them runs on, here or in the cluster."""
    if running.site.cluster is not None:
        assert running.site.cluster.pods(running.name) == [], "pods are left"
        return
    home = running.site.world.root / "cases" / running.name
    starts = [json.loads(line) for line in (home / "starts.jsonl").read_text().splitlines()]
    trained = Counter((int(row["trial"]), int(row["attempt"])) for row in starts)
    assert not {key: count for key, count in trained.items() if count > 1}, f"trained twice: {trained}"
    known = {(work.trial, attempt.number) for work in state.works.values() for attempt in work.attempts}
    assert set(trained) <= known
    assert {trial for trial, _ in trained} == set(range(TRIALS))
    assert not processes_with(f"home={home}"), "a training runs on"


def check_database(running: Running) -> None:
    """No session stands idle in a transaction, and every row can be locked."""
    running.site.database.longest_idle()
    held = running.site.database.locked_rows(running.name, seconds=stretched(15))
    assert not held, f"rows that nobody can lock: {held}"


def check_processes(site: Site) -> None:
    """Of what was killed with its process group nothing lives."""
    assert not [group for group in site.killed if alive(group)]


def processes_with(argument: str) -> list[int]:
    """Processes that have this argument."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and argument.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found
