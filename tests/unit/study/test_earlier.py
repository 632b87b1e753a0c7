"""Earlier runs in the model storage path: which enter, which are left out and why, and that the journal keeps them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.journal import JOURNAL, SNAPSHOT, decode, key_of
from automl_core.running.simulation import SimulatedRun, SimulatedTraining, Simulation
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.storage.base import StorageError
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.earlier import MOST_OBSERVATIONS, find_earlier
from automl_core.study.layout import experiment_prefix
from automl_core.study.sources import EarlierRun, histories
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore
from tests.unit.running.promises import experiment, good, learns

OWN = experiment_prefix("e", "today")


def ran(store: Any, run: str, at: float = 0.0, **groups: Any) -> SimulatedRun:
    """An experiment of four trials that ran to its end, begun at so many seconds."""
    spec = experiment(**{"trials": {"max": 4, "concurrency": 2}, **groups})
    simulation = Simulation(spec, good, Shifted(store, at), run=run)
    return simulation.run()


class Shifted:
    """A store whose first records are written as if at another time: simulated time always begins alike."""

    def __init__(self, store: Any, at: float) -> None:
        self._store, self._at = store, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, key: str, data: bytes) -> bool:
        if key.endswith(key_of(1)):
            body = json.loads(data)
            body["time"] += self._at
            data = json.dumps(body).encode()
        return bool(self._store.create(key, data))


def wants(**transfer: Any) -> Experiment:
    return experiment(search={"algorithm": "random", "transfer": transfer})


def entered(found: list[EarlierRun]) -> list[str]:
    return [f"{run.experiment}@{run.run}" for run in found if not run.reason]


def left_out(found: list[EarlierRun]) -> dict[str, str]:
    return {f"{run.experiment}@{run.run}": run.reason for run in found if run.reason}


def test_nothing_is_looked_for_unless_the_file_asks() -> None:
    store = MemoryStore()
    ran(store, "a")

    assert find_earlier(store, experiment(), OWN) == []


def test_the_latest_ended_runs_enter_newest_first() -> None:
    store = MemoryStore()
    for at, run in enumerate(["c", "a", "d", "b"]):
        ran(store, run, at)
    Study.create(StudyJournal(store, experiment_prefix("e", "running")), experiment(), "running", [])

    found = find_earlier(store, wants(runs=3), OWN)

    assert entered(found) == ["e@b", "e@d", "e@a"]
    assert [(run.trials, len(run.params), len(run.losses)) for run in found] == [(4, 4, 4)] * 3
    assert all(run.losses == sorted(run.losses) for run in found)
    assert max(found[0].losses) < 0, "an accuracy that is maximized is a negative loss"


def test_the_run_itself_is_no_earlier_one() -> None:
    store = MemoryStore()
    ran(store, "today")

    assert find_earlier(store, wants(experiments=["e@today", "e"]), OWN)[0].reason == (
        "no run of it has ended in this model storage path"
    )
    assert find_earlier(store, wants(), OWN) == []


def test_other_experiments_by_name_and_by_run_each_once() -> None:
    store = MemoryStore()
    ran(store, "old", 0, name="other")
    ran(store, "manual__2026-11-21T04:10:00+00:00", 1, name="other")
    ran(store, "mine", 2)

    asked = ["other", "other@old", "other@manual__2026-11-21T04:10:00+00:00", "e@mine"]
    found = find_earlier(store, wants(experiments=asked), OWN)

    assert entered(found) == ["e@mine", "other@manual__2026-11-21T04:10:00+00:00", "other@old"]


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({"goal": {"metric": "loss"}}, "another goal: its metric is loss"),
        ({"goal": {"direction": "minimize"}}, "another goal: its metric goes in the other direction"),
        ({"goal": {"constraints": [{"metric": "accuracy", "max": 2}]}}, "another goal: its constraints differ"),
        ({"space": {"y": {"type": "uniform", "low": 0, "high": 1}, "x": {"type": "choice", "values": ["s"]}}}, "space"),
    ],
)
def test_what_can_not_be_compared_is_left_out_with_the_reason(groups: dict[str, Any], reason: str) -> None:
    store = MemoryStore()
    spec = experiment(trials={"max": 3}, name="other", **groups)

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining({0: {"accuracy": 0.5, "loss": 0.5}})

    Simulation(spec, train, store, run="r").run()

    found = find_earlier(store, wants(experiments=["other"]), OWN)

    assert reason in left_out(found)["other@r"]


def test_runs_that_can_not_be_read_are_left_out_and_cost_the_others_nothing() -> None:
    store = MemoryStore()
    ran(store, "good", 5)
    for at, run in enumerate(["torn", "later", "foreign", "damaged"], start=6):
        ran(store, run, at)
        store.delete(f"e/{run}/{SNAPSHOT}")
    store.objects["e/not-a-run"] = b""
    for key in [key for key in store.objects if key.startswith("e/torn/")]:
        store.objects[key] = b"{"
    for key in [key for key in store.objects if key.startswith("e/later/")]:
        store.objects[key] = store.objects[key].replace(b'"version":2', b'"version":99').replace(
            b'"version": 2', b'"version": 99'
        )  # fmt: skip
    store.objects["e/foreign/" + JOURNAL + key_of(1)] = json.dumps(
        {"version": 1, "seq": 1, "id": "x", "time": 2e6, "kind": "created", "data": {"experiment": {"name": 3}}}
    ).encode()
    damaged = json.loads(store.objects["e/damaged/" + JOURNAL + key_of(1)])
    damaged["data"]["experiment"]["goal"] = {"metric": ["hush"], "direction": "maximize"}
    assert decode(store.objects["e/damaged/" + JOURNAL + key_of(2)], 2).base == 1, "the first record is not repeated"
    store.objects["e/damaged/" + JOURNAL + key_of(1)] = json.dumps(damaged).encode()

    found = find_earlier(store, wants(runs=2, experiments=["e@torn", "e@later", "e@nowhere", "none"]), OWN)

    assert entered(found) == ["e@good"]
    reasons = left_out(found)
    assert reasons["e@damaged"].startswith("its file can't be read by this release: goal.metric")
    assert "hush" not in reasons["e@damaged"]
    for run in ("torn", "later", "nowhere"):
        assert "its journal can't be read" in reasons[f"e@{run}"]
    assert reasons["none@"] == "no run of it has ended in this model storage path"


def test_a_store_that_is_away_ends_nothing() -> None:
    class Away(MemoryStore):
        def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
            raise StorageError("the bucket is away")

    found = find_earlier(Away(), wants(), OWN)

    assert left_out(found) == {"e@": "its runs can't be listed: the bucket is away"}


def test_trials_without_a_value_are_left_out_and_counted() -> None:
    store = MemoryStore()

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining(learns(params), ending="fails" if binding.trial == 1 else "succeeds")

    Simulation(experiment(trials={"max": 4, "concurrency": 1}), train, store, run="r").run()

    (found,) = find_earlier(store, wants(), OWN)

    assert (found.trials, len(found.params), found.dropped) == (4, 3, {"no finite value": 1})
    assert str(found) == "e@r: 3 of 4 trials entered (1 left out: no finite value)"


def test_with_budgets_values_at_the_highest_telling_budget_are_compared() -> None:
    store = MemoryStore()
    budget = {"name": "epochs", "min": 1, "max": 9, "factor": 3}
    ran(store, "r", search={"algorithm": "hyperband"}, trials={"max": 12, "concurrency": 1, "budget": budget})
    journal = StudyJournal(store, experiment_prefix("e", "r"))
    works = journal.refresh().works.values()
    finished = {level: sum(1 for work in works if work.budget == level) for level in (1, 3, 9)}
    telling = max(level for level, count in finished.items() if count >= 5)

    (found,) = find_earlier(store, wants(), OWN)

    assert telling < 9
    expected = sorted(-work.counts for work in works if work.budget == telling and work.counts is not None)
    assert found.losses == expected


def test_so_many_trials_of_each_and_so_many_in_all() -> None:
    store = MemoryStore()
    ran(store, "r", trials={"max": 9, "concurrency": 3})

    assert len(find_earlier(store, wants(max_trials=5), OWN)[0].params) == 5
    many = wants(runs=0, experiments=[f"e@{n}" for n in range(19)] + ["e@r"], max_trials=1000)
    assert len(find_earlier(store, many, OWN)[-1].params) == 9
    assert MOST_OBSERVATIONS // 20 * 20 <= MOST_OBSERVATIONS


def test_a_second_run_learns_from_the_first_and_replays_without_it(tmp_path: Any) -> None:
    store = FolderStore(tmp_path)
    first = ran(store, "first", trials={"max": 20, "concurrency": 4})
    best = max(work.counts for work in first.study.state.works.values() if work.counts is not None)

    search = {"algorithm": "bayesian", "transfer": {"runs": 2, "experiments": ["elsewhere"]}}
    second = ran(store, "second", search=search, trials={"max": 7, "concurrency": 2})

    state = second.study.state
    assert entered(state.earlier) == ["e@first"]
    assert left_out(state.earlier) == {"elsewhere@": "no run of it has ended in this model storage path"}
    assert state.trials[0].params == first.study.state.trials[first.study.best()[0]].params  # type: ignore[index]
    assert state.value_of(state.trials[0]) == pytest.approx(best)
    assert any("by earlier experiments" in trial.note for trial in state.trials)

    store.delete_prefix("e/first/")
    (tmp_path / "e" / "second" / SNAPSHOT).unlink()
    prefix = second.study.journal.prefix
    for until in (0, 1, 3, 6):
        replayed = Study.load(StudyJournal(store, prefix))
        assert replayed.state.earlier == state.earlier
        suggestion = replayed.algorithm.suggest(_history(replayed, until))
        assert suggestion.params == state.trials[until].params  # type: ignore[union-attr]


def _history(study: Study, until: int) -> list[Any]:
    """What the algorithm saw when a trial was bound."""
    from automl_core.study.history import history_of

    records = StudyJournal(study.journal.store, study.journal.prefix).records()
    state, seen = State(), study.state.trials[until].seen
    for record in records:
        if record.seq <= seen:
            state.apply(record)
    if len(state.trials) < until:
        pytest.fail("a trial was bound on older state than the one before it")
    return history_of(state, study.experiment)


def test_the_record_holds_nothing_where_nothing_was_asked_for() -> None:
    store = MemoryStore()
    run = ran(store, "a")
    created = next(StudyJournal(store, run.study.journal.prefix).records())

    assert "earlier" not in created.data
    assert run.study.state.earlier == []


def test_a_snapshot_with_earlier_runs_is_read_back() -> None:
    run = EarlierRun("e", "r", trials=2, params=[{"x": 0.1, "kind": None}], losses=[0.5], dropped={"why": 1})
    state = State(earlier=[run, EarlierRun("f", reason="away")])

    assert State.decode(state.encode()) == state
    assert run.summary() == {
        "experiment": "e", "run": "r", "trials": 2, "entered": 1, "left_out": None, "dropped": {"why": 1},
    }  # fmt: skip
    assert str(state.earlier[1]) == "f: left out: away"


def test_after_an_edit_of_the_space_only_what_still_fits_is_used() -> None:
    from automl_core.space import Space

    runs = [EarlierRun("e", "r", params=[{"x": 0.1, "kind": "a"}, {"x": 0.9, "kind": "a"}], losses=[0.1, 0.2])]
    narrow = experiment(space={
        "x": {"type": "uniform", "low": 0.5, "high": 1.0}, "kind": {"type": "choice", "values": ["a", "b", "c"]}
    })  # fmt: skip
    elsewhere = experiment(space={"x": {"type": "uniform", "low": 2.0, "high": 3.0}})

    (history,) = histories(runs, Space.from_models(narrow.space))

    assert [trial.params for trial in history] == [{"x": 0.9, "kind": "a"}]
    assert histories(runs, Space.from_models(elsewhere.space)) == ()
