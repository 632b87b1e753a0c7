"""Values that are lists, from the journal to tables, plots, CSV and what is published."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from automl_core.results.entries import controller
from automl_core.results.leaderboard import Leaderboard
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.spec.models import Experiment
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.views import ExperimentView
from automl_core.views.importance import contour_plot, fit, importance, observe, slice_plot
from automl_core.views.parallel import parallel
from automl_core.views.parameters import axes_of, parameters_of
from automl_core.views.sheets import scatter
from automl_core.views.table import BadQuery, Query, trial_table
from tests.support.memory_store import MemoryStore

SPEC: dict[str, Any] = {
    "name": "seen",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 3, "warm_start": [{"losses": ["focal", "l1"], "milestones": [10, 40]}]},
    "space": {
        "losses": {"type": "subset", "values": ["l1", "dice", "focal"], "min": 1},
        "milestones": {"type": "sorted_list", "low": 1, "high": 90, "min_length": 1, "max_length": 3, "whole": True},
        "train.size": {"type": "ordinal", "values": ["s", "m", "l"]},
        "gamma": {"type": "uniform", "low": 0, "high": 5, "when": {"losses": ["focal"]}},
    },
    "trials": {"max": 30, "concurrency": 3},
    "tasks": [{"name": "train", "command": ["train", "${milestones}", "${train.size}"]}],
}


@pytest.fixture(scope="module")
def view() -> ExperimentView:
    def trainer(_: Any, params: Any) -> SimulatedTraining:
        return SimulatedTraining({1: {"accuracy": 0.5 * ("dice" in params["losses"]) + params["milestones"][0] / 1000}})

    store = MemoryStore()
    Simulation(Experiment.model_validate(SPEC), trainer, store).run()
    return ExperimentView(Study.load(StudyJournal(store, experiment_prefix("seen", "simulated"))))  # read from JSON


def test_the_warm_start_is_in_the_order_of_the_options(view: ExperimentView) -> None:
    first = view.rows[0].params
    assert first["losses"] == ["l1", "focal"]
    assert first["milestones"] == [10, 40]


def test_a_list_is_one_parameter_with_its_parts_as_axes(view: ExperimentView) -> None:
    losses, milestones, size, _ = parameters_of(view.study)
    assert (losses["kind"], losses["values"]) == ("subset", ["l1", "dice", "focal"])
    assert (milestones["kind"], milestones["values"], milestones["low"], milestones["high"]) == (
        "sorted_list", None, 1, 90,
    )  # fmt: skip
    assert (size["kind"], size["values"], size["parts"]) == ("order", ["s", "m", "l"], None)
    assert [axis["name"] for axis in axes_of(view.study)] == [
        "losses[l1]", "losses[dice]", "losses[focal]", "milestones[]", "milestones[0]", "milestones[1]",
        "milestones[2]", "train.size", "gamma",
    ]  # fmt: skip
    assert [axis["kind"] for axis in losses["parts"]] == ["bool"] * 3


def test_a_filter_on_a_list_wants_one_of_its_members(view: ExperimentView) -> None:
    every = [row.params for row in view.rows]

    def found(text: str) -> list[Any]:
        table = trial_table(view, Query(filters=(text,)))["columns"]
        return list(zip(table["params"]["losses"], table["params"]["milestones"], strict=True))

    both = [(params["losses"], params["milestones"]) for params in every]
    assert found("params.losses:dice") == [each for each in both if "dice" in each[0]]
    assert found("params.milestones:20..40") == [each for each in both if any(20 <= n <= 40 for n in each[1])]
    assert found("params.losses[dice]:true") == [each for each in both if "dice" in each[0]]
    assert found('params.losses:["dice"]') == [each for each in both if each[0] == ["dice"]]
    assert 0 < len(found("params.losses:dice")) < len(both)


def test_a_table_is_sorted_by_a_list_number_by_number(view: ExperimentView) -> None:
    shown = trial_table(view, Query("params.milestones"))["columns"]["params"]["milestones"]
    assert shown == sorted(shown)
    assert trial_table(view, Query(search='"dice"'))["matched"] > 0


def test_plots_are_over_parts(view: ExperimentView) -> None:
    observations = observe(view)
    model = fit(observations)
    shares = {each["name"]: each["importance"] for each in importance(observations, model)["parameters"]}
    assert max(shares, key=lambda name: shares[name]) == "losses[dice]"
    sliced = slice_plot(view, "losses[dice]", model)
    assert set(sliced["columns"]["x"]) == {True, False}
    low, high = sliced["marginal"]["mean"]
    assert high - low == pytest.approx(0.5, abs=0.15)
    second = slice_plot(view, "milestones[1]", model)["columns"]
    assert second["x"] == [r.params["milestones"][1] for r in view.rows if len(r.params["milestones"]) > 1]  # type: ignore[arg-type,index]
    assert contour_plot(view, "losses[dice]", "milestones[0]", model)["grid"] is not None
    with pytest.raises(LookupError, match=r"'losses' is a list: name a part of it; the space has losses\[l1\]"):
        slice_plot(view, "losses", model)
    drawn = parallel(view, 100)
    assert set(drawn["columns"]["params"]) == {axis["name"] for axis in drawn["dimensions"]}
    assert scatter(view, Query(), "params.milestones[0]", "value")["columns"]["x"] == [
        row.params["milestones"][0]
        for row in view.rows  # type: ignore[index]
    ]
    with pytest.raises(BadQuery, match="there is no column"):
        scatter(view, Query(), "params.milestones[7]", "value")


def test_csv_and_tables_of_results_have_lists_as_json(view: ExperimentView) -> None:
    board = Leaderboard.from_controller(controller(view.experiment, view.state))
    rows = list(csv.DictReader(io.StringIO(board.to_csv())))
    by_number = {row.number: row.params for row in view.rows}
    for row in rows:
        assert json.loads(row["params.losses"]) == by_number[int(row["trial"])]["losses"]
        assert json.loads(row["params.milestones"]) == by_number[int(row["trial"])]["milestones"]
    assert "losses=[l1, focal]" in board.to_markdown().replace("\\", "")
