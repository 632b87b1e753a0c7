"""The read model: kept up record by record, it is always what one made anew would be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.journal import JOURNAL, key_of
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.spec.models import Experiment
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.editing import edit
from automl_core.study.layout import experiment_prefix
from automl_core.views import ExperimentView, rows
from automl_core.views.curves import chosen, curves, read_series, thin, trial_curve
from automl_core.views.history import history, pareto
from automl_core.views.overview import overview
from automl_core.views.table import BadQuery, Query, trial_table
from automl_core.views.timeline import rungs, timeline
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore

SPEC: dict[str, Any] = {
    "name": "seen",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 3},
    "space": {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1},
        "solver": {"type": "choice", "values": ["adam", "sgd", True, 3]},
    },
    "trials": {"max": 9, "concurrency": 3, "retries": 1, "retry_delay": 0.5},
    "tasks": [{"name": "train", "command": ["true"], "cost_per_hour": 3600}],
}


def trainer(binding: Binding, params: Any) -> SimulatedTraining:
    if binding.trial % 4 == 2:
        return SimulatedTraining({}, ending="fails")
    value = 1 - params["lr"]
    budget = binding.budget or 3
    curve = {step: {"accuracy": value * step / budget, "size": 10 * value} for step in range(1, budget + 1)}
    return SimulatedTraining(curve)


def simulation(store: MemoryStore, **groups: Any) -> Simulation:
    spec = {**SPEC, **{name: {**SPEC.get(name, {}), **value} for name, value in groups.items()}}
    if "objectives" in spec["goal"]:
        spec["goal"] = groups["goal"]
    return Simulation(Experiment.model_validate(spec), trainer, store)


def opened(store: MemoryStore) -> Study:
    return Study.load(StudyJournal(store, experiment_prefix("seen", "simulated")))


def whole(view: ExperimentView) -> list[Any]:
    return [list(view.rows), history(view), timeline(view)["columns"], trial_table(view, Query())]


def test_kept_up_it_is_what_one_made_anew_is() -> None:
    store = MemoryStore()
    sim = simulation(store)
    view = ExperimentView(opened(store), clock=lambda: 0.0)
    seen: list[int] = []

    def look(study: Study) -> None:
        view.study.refresh()
        fresh = ExperimentView(opened(store), clock=lambda: 0.0)
        assert whole(view) == whole(fresh)
        seen.append(view.seq)

    for quarter in range(1, 60):
        sim.at(quarter / 4, look)
    sim.at(3.2, lambda study: study.cancel_trial(3, "ann"))
    sim.at(3.1, lambda study: edit(study, {"stop": {"target": 0.99999}}, "ann"))
    sim.run()
    look(sim.study)
    assert len(set(seen)) >= 10


def test_only_rows_that_changed_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    simulation(store, trials={"max": 60}).run()
    study = opened(store)
    study.journal.append("edited", {}, valid=lambda state: False)
    view = ExperimentView(study)
    assert len(view.rows) == 60
    made: list[int] = []
    row_of = rows.row_of
    monkeypatch.setattr("automl_core.views.view.row_of", lambda e, s, t: made.append(t.number) or row_of(e, s, t))
    opened(store).journal.append("cancel", {"trial": 7, "by": "ann"})
    study.refresh()
    assert view.rows[7].cancel == "ann"
    assert made == [7]
    assert view.changed_since(study.state.seq - 1) == [7]


def test_what_was_read_of_a_record_that_is_void_to_others_is_shown_no_more() -> None:
    """On a store that shows an object before its bytes: a trial that one viewer has seen, and that never was."""
    store = MemoryStore()
    run = simulation(store, trials={"max": 6, "concurrency": 2})
    view = ExperimentView(opened(store))
    run.study.ask(0)
    journal = run.study.journal
    key = journal.prefix + JOURNAL + key_of(journal.state.seq + 1)
    blind = Study.load(StudyJournal(store, journal.prefix, sleep=lambda _: None))
    opened(store).ask(1)
    view.study.refresh()
    assert len(view.rows) == 2
    seen = store.objects[key]
    store.objects[key] = b""
    blind.cancel_trial(0, "ada")
    store.objects[key] = seen
    view.study.refresh()
    assert [row.number for row in view.rows] == [0]
    assert view.rows == ExperimentView(opened(store)).rows


def test_what_is_too_long_ago_is_not_known() -> None:
    store = MemoryStore()
    simulation(store).run()
    view = ExperimentView(opened(store))
    assert view.changed_since(0) is None
    assert view.changed_since(view.seq) == []


def test_what_has_changed_is_known_by_what_was_seen_before() -> None:
    """Against a walk through the records: from each place that a viewer may have seen, until too much was forgotten."""
    store = MemoryStore()
    sim = simulation(store)
    view = ExperimentView(opened(store))
    first = view.seq
    sim.run()
    view.study.refresh()
    concerned: dict[int, int] = {}
    state = view.state
    for record in view.study.journal.records():
        number = record.data.get("trial", None)
        if number is None and "slot" in record.data:
            number = state.works[record.data["slot"]].trial
        if number is not None:
            concerned[record.seq] = number
    assert len(concerned) > 20
    for seen in range(first, view.seq + 2):
        assert view.changed_since(seen) == sorted({trial for seq, trial in concerned.items() if seq > seen}), seen
    assert view.changed_since(first - 1) is None


def test_changes_that_were_forgotten_are_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.views.view._REMEMBERED", 3)
    store = MemoryStore()
    simulation(store).run()
    study = opened(store)
    view = ExperimentView(study)
    first = view.seq
    for trial in (4, 5, 6):
        study.journal.append("cancel", {"trial": trial, "by": "ann"})
    assert view.changed_since(first) == [4, 5, 6]  # as many as are kept: none is forgotten yet
    study.journal.append("cancel", {"trial": 7, "by": "ann"})
    assert view.changed_since(first) is None
    assert view.changed_since(first + 1) == [5, 6, 7]
    assert view.changed_since(first + 3) == [7]


def test_a_summary_has_no_number_that_json_has_not() -> None:
    store = MemoryStore()
    sim = simulation(store)
    view = ExperimentView(sim.study, clock=lambda: sim.now)
    assert overview(view)["tao"]["seconds_left"] is None
    sim.run()
    found = overview(view)
    assert found["tao"]["eta"] is None
    assert found["fraction"] == 1.0
    assert found["best"]["trial"] == view.ranking[0][0].number


def test_budgets_show_rungs_and_who_went_on() -> None:
    store = MemoryStore()
    groups = {"search": {"algorithm": "hyperband"}, "trials": {"max": 30, "budget": {"max": 9}, "retries": 0}}
    study = simulation(store, **groups).run().study
    view = ExperimentView(study)
    found = rungs(view)
    assert found["units"] == "epochs"
    first = found["brackets"][0]["rungs"]
    assert [rung["budget"] for rung in first] == [1, 3, 9]
    went_on = {entry["trial"] for entry in first[0]["trials"] if entry["promoted"]}
    assert went_on == {entry["trial"] for entry in first[1]["trials"]}
    best = [value for value in history(view)["columns"]["best"] if value is not None]
    assert best


def test_several_goals_show_a_front_that_nothing_dominates() -> None:
    goal = {
        "objectives": [
            {"metric": "accuracy", "direction": "maximize"},
            {"metric": "size", "direction": "minimize"},
        ]
    }
    view = ExperimentView(simulation(MemoryStore(), goal=goal).run().study)
    found = pareto(view)
    points = list(zip(*found["columns"]["values"].values(), strict=True))
    front = [points[k] for k, member in enumerate(found["columns"]["front"]) if member]
    assert front
    assert found["knee"] in found["front"]
    for accuracy, size in front:
        assert not any(a >= accuracy and s <= size and (a, s) != (accuracy, size) for a, s in points)


def test_constraints_keep_what_breaks_them_from_being_best() -> None:
    goal = {"metric": "accuracy", "direction": "maximize", "constraints": [{"metric": "size", "max": 9.9}]}
    view = ExperimentView(simulation(MemoryStore(), goal=goal).run().study)
    feasible = {row.number: row.feasible for row in view.rows if row.value is not None}
    assert set(feasible.values()) == {True, False}
    best = [value for value in history(view)["columns"]["best"] if value is not None]
    assert best[-1] == max(row.value for row in view.rows if row.feasible)


def test_steps_may_be_fractions_wherever_they_are_shown() -> None:
    store = MemoryStore()
    steps = {0.25: {"accuracy": 0.7}, 0.5: {"accuracy": 0.9}, 1: {"accuracy": 0.8}}
    spec = Experiment.model_validate({**SPEC, "trials": {"max": 1}})
    Simulation(spec, lambda binding, params: SimulatedTraining(steps), store).run()
    view = ExperimentView(opened(store))
    (shown,) = curves(view, [0], 10, {})["curves"]
    assert (shown["steps"], shown["values"]) == ((0.25, 0.5, 1), (0.7, 0.9, 0.8))
    every = trial_curve(view, 0, read_series(store, experiment_prefix("seen", "simulated"), 0), 10)
    assert json.loads(json.dumps(every["series"]))["accuracy"]["steps"] == [0.25, 0.5, 1]
    assert (view.rows[0].step, view.rows[0].value) == (0.5, 0.9)


def test_running_trials_show_the_curves_of_their_files() -> None:
    sim = simulation(MemoryStore())
    view = ExperimentView(sim.study)
    found: list[dict[str, Any]] = []
    sim.at(1.5, lambda study: found.append(curves(view, chosen(view, 5), 10, {0: [(1, 0.25)], 1: [(1, 0.5)]})))
    sim.run()
    assert [(each["trial"], each["values"], each["live"]) for each in found[0]["curves"]] == [
        (0, (0.25,), True), (1, (0.5,), True),
    ]  # fmt: skip


@given(count=st.integers(0, 500), points=st.integers(2, 50))
def test_a_thinned_curve_keeps_its_ends(count: int, points: int) -> None:
    curve = [(step, float(step)) for step in range(count)]
    thinned = thin(curve, points)
    assert len(thinned) <= max(2, points)
    assert list(thinned) == sorted(set(thinned))
    if curve:
        assert (thinned[0], thinned[-1]) == (curve[0], curve[-1])


COLUMNS = st.sampled_from(
    ["number", "state", "value", "rank", "params.lr", "params.solver", "metrics.accuracy", "cost"]
)


@settings(max_examples=examples(60))
@given(
    column=COLUMNS, descending=st.booleans(), search=st.text(max_size=5),
    filters=st.lists(st.text(max_size=12), max_size=2), offset=st.integers(0, 20), limit=st.integers(1, 20),
)  # fmt: skip
def test_any_question_to_the_table_has_an_answer_or_a_reason(
    column: str, descending: bool, search: str, filters: list[str], offset: int, limit: int
) -> None:
    query = Query(("-" if descending else "") + column, (), search, tuple(filters), offset, limit)
    try:
        found = trial_table(VIEW, query)
    except BadQuery:
        assert filters
        return
    assert found["matched"] <= found["total"] == 9
    assert len(found["columns"]["number"]) == max(0, min(limit, found["matched"] - offset))


VIEW = ExperimentView(simulation(MemoryStore()).run().study)


@pytest.mark.parametrize("value", [1e-05, 0.1234567891, 3, True, "a..b", "x, y", "1e-5", "../data", "é"])
def test_every_option_can_be_filtered_by_as_pages_write_it(value: Any) -> None:
    """Numbers as JSON, text as it is: a page and this module need not write a number alike."""
    store = MemoryStore()
    options = {"type": "choice", "values": [value, "another"]}
    simulation(store, space={"solver": options}, trials={"max": 12}).run()
    view = ExperimentView(opened(store))
    for text in {value} if isinstance(value, str) else {json.dumps(value), f"{value:.12f}"}:
        found = trial_table(view, Query(filters=(f"params.solver:{text}",)))["columns"]["params"]["solver"]
        wanted = [row.params["solver"] for row in view.rows if row.params["solver"] == value]
        if not isinstance(value, bool) or text == "true":
            assert found == wanted
    assert any(row.params["solver"] == value for row in view.rows)


def test_a_range_of_a_number_is_two_numbers() -> None:
    store = MemoryStore()
    simulation(store).run()
    view = ExperimentView(opened(store))
    with pytest.raises(BadQuery, match="two numbers"):
        trial_table(view, Query(filters=("params.lr:a..b",)))
