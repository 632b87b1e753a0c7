"""Tables of trials: whose columns are whose, what a cell means, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.importing.table import read_table
from automl_core.importing.trials import CannotImport
from automl_core.spec.models import Experiment

SPACE: dict[str, Any] = {
    "lr": {"type": "loguniform", "low": 0.001, "high": 1.0},
    "units": {"type": "int", "low": 1, "high": 512},
    "act": {"type": "choice", "values": ["relu", "None", None, True, 3, 2.5]},
}


def experiment(**groups: Any) -> Experiment:
    return Experiment.model_validate({
        "name": "e", "goal": {"metric": "accuracy", "direction": "maximize"}, "space": SPACE,
        "tasks": [{"command": ["true"]}], **groups,
    })  # fmt: skip


def table(tmp_path: Path, text: str, columns: dict[str, str] | None = None, **groups: Any) -> list[Any]:
    path = tmp_path / "trials.csv"
    path.write_bytes(text.encode())
    return read_table(path, experiment(**groups), columns).trials


MLFLOW = """run_id,status,artifact_uri,start_time,metrics.loss,metrics.accuracy,params.lr,params.units,params.act,tags.x
a1,FINISHED,s3://x,2026-11-02,0.3,0.9,0.01,32,relu,me
a2,FAILED,s3://x,2026-11-02,,,0.02,64,relu,me
"""

WANDB = """"Name","State","Notes","User","Tags","Created","Runtime","Sweep","act","lr","units","accuracy","loss"
"fancy-sun-1","finished","-","me","","2026-11-02T10:00:00.000Z","35","s1","relu","0.01","32","0.9","0.3"
"odd-moon-2","crashed","-","me","","2026-11-02T10:00:00.000Z","3","s1","relu","0.02","64","",""
"""

OPTUNA = """,number,value,datetime_start,duration,params_act,params_lr,params_units,user_attrs_seconds,state
0,0,0.9,2026-11-02 10:00:00,0 days 00:01:00,relu,0.01,32.0,3.0,COMPLETE
1,1,0.8,2026-11-02 10:00:00,0 days 00:01:00,relu,0.02,64.0,3.0,PRUNED
"""


@pytest.mark.parametrize(
    ("text", "columns", "second"),
    [
        (MLFLOW, {}, "its state is FAILED"),
        (WANDB, {}, "its state is crashed"),
        (OPTUNA, {"accuracy": "value"}, "pruned"),
    ],
    ids=["mlflow", "wandb", "optuna"],
)
def test_exports_of_others_are_read_as_they_are(
    text: str, columns: dict[str, str], second: str, tmp_path: Path
) -> None:
    first, other = table(tmp_path, text, columns)
    assert (first.state, first.params, first.values) == ("complete", {"act": "relu", "lr": 0.01, "units": 32}, (0.9,))
    assert type(first.params["units"]) is int
    assert other.state == second


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("relu", "relu"),
        ("None", "None"),
        ("null", None),
        ("true", True),
        ("True", True),
        ("3", 3),
        ("3.0", 3),
        ("2.5", 2.5),
    ],
)
def test_an_option_is_told_by_every_way_to_write_it(cell: str, value: Any, tmp_path: Path) -> None:
    (trial,) = table(tmp_path, f"lr,units,act,accuracy\n0.1,2,{cell},0.5\n")
    assert (trial.params["act"], type(trial.params["act"])) == (value, type(value))


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ("fast,2,relu,0.5", "lr is no number"),
        ("inf,2,relu,0.5", "lr is no number"),
        ("1_0,2,relu,0.5", "lr is no number"),
        ("0.1,2,gelu,0.5", "act lies outside the experiment's values"),
    ],
)
def test_a_cell_that_is_none_of_the_values_leaves_its_row_out(row: str, state: str, tmp_path: Path) -> None:
    assert table(tmp_path, f"lr,units,act,accuracy\n{row}\n")[0].state == state


LISTS: dict[str, Any] = {
    "features": {"type": "subset", "values": ["age", "sex", 3], "min": 1},
    "size": {"type": "ordinal", "values": ["s", "m", "l"]},
}


@pytest.mark.parametrize("cell", ['"[""age"", 3]"', "\"['age', 3]\"", "\"('age', 3)\""])
def test_a_list_is_json_or_as_python_prints_it(cell: str, tmp_path: Path) -> None:
    space = {"features": LISTS["features"], "size": LISTS["size"]}
    header = "features,size,accuracy\n"
    first, other = table(tmp_path, f"{header}{cell},m,0.5\nage,xl,0.5\n", space=space)
    assert first.params == {"features": ["age", 3], "size": "m"}
    assert other.state == "features is no list"


@pytest.mark.parametrize("empty", ["", " ", "NaN", "nan", "NA", "N/A", "-"])
def test_an_empty_cell_is_no_value(empty: str, tmp_path: Path) -> None:
    first, second = table(tmp_path, f"lr,units,act,accuracy\n{empty},2,relu,0.5\n0.1,2,relu,{empty}\n")
    assert first.params == {"units": 2, "act": "relu"}
    assert second.values == ()


@pytest.mark.parametrize("comma", ['"0,5"', '"1,000"', '"-3,25e-4"'])
@pytest.mark.parametrize("column", ["lr", "accuracy"])
def test_a_decimal_comma_is_refused_with_its_line(comma: str, column: str, tmp_path: Path) -> None:
    row = f"{comma},2,relu,0.5" if column == "lr" else f"0.5,2,relu,{comma}"
    with pytest.raises(CannotImport, match=rf"trials\.csv, line 3: {column}: .* has a comma in it"):
        table(tmp_path, f"lr,units,act,accuracy\n0.1,2,relu,0.5\n{row}\n")


def test_cells_may_stand_between_semicolons_or_tabs_and_in_quotes(tmp_path: Path) -> None:
    for delimiter in ";\t":
        text = '\ufefflr,units,act,accuracy,note\n0.1,2,relu,0.5,"one\ntwo"\n\n0.2,3,relu,0.6,\n'.replace(
            ",", delimiter
        )
        trials = table(tmp_path, text)
        assert [(each.place, each.params["lr"]) for each in trials] == [("line 3", 0.1), ("line 5", 0.2)]


def test_several_objectives_and_weights_come_from_their_metrics(tmp_path: Path) -> None:
    text = "lr,units,act,auc,loss,ms\n0.1,2,relu,0.5,2.0,7\n0.1,2,relu,0.5,,7\n"
    goal: dict[str, Any] = {"metric": {"auc": 1.0, "loss": -0.25}, "direction": "maximize",
                            "constraints": [{"metric": "ms", "max": 20}]}  # fmt: skip
    first, second = table(tmp_path, text, goal=goal)
    assert (first.values, first.metrics) == ((0.0,), {"auc": 0.5, "loss": 2.0, "ms": 7.0})
    assert second.values == ()
    several = {"objectives": [{"metric": "loss", "direction": "minimize"}, {"metric": "auc", "direction": "maximize"}]}
    assert table(tmp_path, text, goal=several)[0].values == (2.0, 0.5)


def test_a_parameter_that_is_called_state_is_no_state(tmp_path: Path) -> None:
    space = {"state": {"type": "choice", "values": ["failed", "fine"]}}
    assert table(tmp_path, "state,accuracy\nfailed,0.5\n", space=space)[0].state == "complete"


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("", {}, "is empty"),
        (
            "lr,units\n1,2\n",
            {},
            "has no column for the metric 'accuracy': name it with --map accuracy=COLUMN. There are: lr",
        ),
        ("lr,lr,accuracy\n1,2,3\n", {}, "has 2 columns 'lr'"),
        ("lr,accuracy\n0.1\n", {}, "line 2: 1 cells, and the header has 2"),
        ("lr,accuracy\n0.1,0,5\n", {}, "line 2: 3 cells, and the header has 2"),
        ("lr,acc\n0.1,1\n", {"accuracy": "ac"}, "has no column 'ac'. Did you mean 'acc'? There are: lr, acc"),
        (
            "lr,acc\n0.1,1\n",
            {"acuracy": "acc"},
            "'acuracy' is neither a parameter nor a metric of the goal. Did you mean ",
        ),
        ('lr,accuracy\n0.1,"1\n', {}, "unexpected end of data"),
    ],
)
def test_what_is_wrong_is_said(text: str, columns: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(CannotImport) as error:
        table(tmp_path, text, columns)
    assert message in str(error.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_bytes("lr,accuracy,note\n0.1,0.5,größer\n".encode("latin-1"))
    with pytest.raises(CannotImport, match="is not in UTF-8"):
        read_table(path, experiment())
    with pytest.raises(CannotImport, match="No such file"):
        read_table(tmp_path / "none.csv", experiment())


@given(lr=st.floats(0.001, 1.0), units=st.integers(1, 512), value=st.floats(-1e300, 1e300))
def test_numbers_come_back_to_their_last_digit(
    tmp_path_factory: pytest.TempPathFactory, lr: float, units: int, value: float
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (trial,) = table(folder, f"lr,units,act,accuracy\n{lr!r},{units},relu,{value!r}\n")
    assert (trial.params["lr"], trial.params["units"], trial.values) == (lr, units, (value,))
