"""PAI commands through pyodps: training, models, prediction, evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from odps import ODPS, errors

from tests.standins.maxcompute import MaxComputeStandIn

ROWS = 400


@pytest.fixture(scope="module")
def odps() -> Iterator[ODPS]:
    with MaxComputeStandIn() as standin:
        odps = standin.odps()
        random = np.random.default_rng(5)
        x = random.normal(size=(ROWS, 2))
        chance = 1 / (1 + np.exp(-(2 * x[:, 0] - 3 * x[:, 1] + 0.5)))
        label = (random.random(ROWS) < chance).astype(int)
        table = odps.create_table("train", "id bigint, x1 double, x2 double, label bigint")
        with table.open_writer() as writer:
            writer.write([[i, float(a), float(b), int(y)] for i, ((a, b), y) in enumerate(zip(x, label, strict=True))])
        yield odps


def train(odps: ODPS, name: str, model: str, **parameters: Any) -> Any:
    return odps.execute_xflow(
        name,
        "algo_public",
        parameters={"inputTableName": "train", "modelName": model, **{k: str(v) for k, v in parameters.items()}},
    )


def figures(odps: ODPS, model: str) -> dict[str, float]:
    for table in (f"{model}_out", f"{model}_figures"):
        odps.delete_table(table, if_exists=True)
    odps.execute_xflow(
        "prediction",
        "algo_public",
        parameters={
            "inputTableName": "train",
            "modelName": model,
            "outputTableName": f"{model}_out",
            "appendColNames": "id,label",
        },
    )
    odps.execute_xflow(
        "evaluate",
        "algo_public",
        parameters={
            "inputTableName": f"{model}_out",
            "labelColName": "label",
            "scoreColName": "prediction_detail",
            "positiveLabel": "1",
            "outputMetricTableName": f"{model}_figures",
        },
    )
    with odps.execute_sql(f"select metric, value from {model}_figures").open_reader(tunnel=True) as reader:
        return {record["metric"]: record["value"] for record in reader}


def test_a_logistic_regression_finds_what_the_data_was_made_of(odps: ODPS) -> None:
    train(
        odps,
        "LogisticRegression_Binary",
        "logit",
        featureColNames="x1,x2",
        labelColName="label",
        goodValue=1,
        regularizedType="l2",
        regularizedLevel=0.01,
    )
    assert odps.exist_offline_model("logit")
    pmml = odps.get_offline_model("logit").get_model()
    assert 'name="x1" coefficient="1.' in pmml or 'name="x1" coefficient="2.' in pmml
    assert 0.85 < figures(odps, "logit")["AUC"] < 1


def test_hyperparameters_count(odps: ODPS) -> None:
    common = {"featureColNames": "x1,x2", "labelColName": "label", "goodValue": 1}
    train(odps, "logisticregression_binary", "weak", **common, regularizedType="l1", regularizedLevel=100)
    train(odps, "logisticregression_binary", "free", **common, regularizedType="None")
    assert figures(odps, "weak")["AUC"] < figures(odps, "free")["AUC"]
    tree = {**common, "objective": "binary:logistic", "maxDepth": 1, "shrinkage": 0.1}
    train(odps, "ps_smart", "shallow", **tree, treeCount=1)
    train(odps, "ps_smart", "deep", **{**tree, "maxDepth": 6}, treeCount=40)
    assert figures(odps, "shallow")["F1 Score"] < figures(odps, "deep")["F1 Score"]


def test_clusters(odps: ODPS) -> None:
    train(odps, "kmeans", "clusters", selectedColNames="x1,x2", centerCount=3, idxTableName="clustered")
    with odps.execute_sql("select cluster_index, count(*) from clustered group by cluster_index").open_reader(
        tunnel=True
    ) as reader:
        counts = {record[0]: record[1] for record in reader}
    assert sorted(counts) == [0, 1, 2]
    assert sum(counts.values()) == ROWS


def test_a_regression_of_trees_predicts_numbers(odps: ODPS) -> None:
    train(odps, "ps_smart", "numbers", featureColNames="x1", labelColName="x2", objective="reg:squarederror")
    odps.execute_xflow(
        "prediction",
        "algo_public",
        parameters={"inputTableName": "train", "modelName": "numbers", "outputTableName": "numbers_out"},
    )
    with odps.execute_sql("select avg(prediction_result) from numbers_out").open_reader(tunnel=True) as reader:
        assert abs(reader[0][0]) < 0.5


def test_models_are_listed_and_deleted(odps: ODPS) -> None:
    train(odps, "kmeans", "doomed", selectedColNames="x1", centerCount=2)
    assert [model.name for model in odps.list_offline_models(prefix="doo")] == ["doomed"]
    odps.delete_offline_model("doomed")
    assert not odps.exist_offline_model("doomed")
    with pytest.raises(errors.NoSuchObject):
        odps.delete_offline_model("doomed")


def test_a_command_is_an_instance_with_another_inside(odps: ODPS) -> None:
    instance = train(odps, "kmeans", "watched", selectedColNames="x1", centerCount=2)
    assert b"<Xflow>kmeans</Xflow>" in odps.get_project().xflows.get_xflow_source(instance)
    (inner,) = odps.get_xflow_sub_instances(instance).values()
    assert inner.is_successful()
    assert "2 centers" in inner.get_task_result("kmeans")
    assert "2 centers" in instance.get_task_results()["kmeans"]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("wombat", {}, "ODPS-0420061:.*XFlow wombat not found"),
        ("kmeans", {"selectedColNames": "x1", "centerCount": "many"}, "centerCount must be a number, not 'many'"),
        ("kmeans", {"selectedColNames": "nope"}, "column nope of selectedColNames is not in table standin.train"),
        ("kmeans", {"selectedColNames": "x1", "centerCount": "9999"}, "centerCount must lie between 1 and"),
        ("ps_smart", {}, "ODPS-1202005:.*parameter labelColName is required"),
        ("ps_smart", {"labelColName": "x1"}, "label column x1 must have two values"),
        ("logisticregression_binary", {"labelColName": "label", "goodValue": "7"}, "goodValue 7 is not a value"),
        ("prediction", {"modelName": "never", "outputTableName": "o"}, "Offline model not found"),
        ("prediction", {"inputTableName": "nowhere"}, "ODPS-0130131:Table not found"),
    ],
)
def test_wrong_commands_say_what_is_wrong(odps: ODPS, name: str, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(errors.ODPSError, match=message):
        train(odps, name, parameters.pop("modelName", "m"), **parameters)


def test_a_null_among_the_features_fails_the_command(odps: ODPS) -> None:
    odps.execute_sql("create table holes lifecycle 1 as select cast(null as double) as x1, 1 as label")
    with pytest.raises(errors.ODPSError, match="null feature column error"):
        train(odps, "kmeans", "m", inputTableName="holes", selectedColNames="x1", centerCount=1)
