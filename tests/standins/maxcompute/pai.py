"""PAI commands: a few of algo_public's algorithms, over the tables of the stand-in, with scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.standins.maxcompute.catalog import Table
from tests.standins.maxcompute.engine import Engine
from tests.standins.maxcompute.errors import SqlError, table_not_found
from tests.standins.maxcompute.models import Models, OfflineModel
from tests.standins.maxcompute.odps_types import Column

if TYPE_CHECKING:
    import numpy as np

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")


def run_command(engine: Engine, models: Models, project: str, name: str, parameters: dict[str, str]) -> str:
    """Runs a PAI command to its end.

    Args:
        name: The algorithm, in any case: ``logisticregression_binary``, ``ps_smart``, ``kmeans``, ``prediction``,
            ``evaluate``.
        parameters: What ``-D`` gave.

    Returns:
        The text of its result.

    Raises:
        SqlError: ``ODPS-1202005`` where a parameter or the data is wrong.
    """
    command = _COMMANDS.get(name.lower())
    if command is None:
        raise SqlError(
            "ODPS-0420061", "Invalid parameter in HTTP request", f"XFlow {name} not found in project algo_public"
        )
    return command(_Context(engine, models, project, dict(parameters)))


@dataclass
class _Context:
    engine: Engine
    models: Models
    project: str
    parameters: dict[str, str]

    def text(self, key: str, default: str | None = None) -> str:
        value = self.parameters.get(key, default)
        if value is None:
            raise _user_error(f"parameter {key} is required")
        return value

    def number(self, key: str, default: float) -> float:
        try:
            return float(self.parameters.get(key, default))
        except ValueError:
            raise _user_error(f"parameter {key} must be a number, not '{self.parameters[key]}'") from None

    def table(self, key: str) -> Table:
        owner, name = self._split(self.text(key))
        table = self.engine.catalog.get(owner, name)
        if table is None:
            raise table_not_found(owner, name, None)
        return table

    def _split(self, text: str) -> tuple[str, str]:
        owner, _, name = text.lower().rpartition(".")
        return owner or self.project, name

    def model_name(self) -> str:
        return self.text("modelName").rpartition("/")[2]

    def features(self, table: Table, key: str, without: str | None = None) -> list[str]:
        names = [name.strip().lower() for name in self.parameters.get(key, "").split(",") if name.strip()]
        if names:
            known = {column.name for column in table.all_columns}
            if missing := [name for name in names if name not in known]:
                raise _user_error(f"column {missing[0]} of {key} is not in table {table.project}.{table.name}")
            return names
        return [column.name for column in table.columns if column.type in _NUMBERS and column.name != without]

    def matrix(self, table: Table, names: list[str]) -> np.ndarray:
        import numpy as np

        rows = self.engine.read(table, None, [Column(name, "double") for name in names])
        try:
            values = np.array(rows, dtype=float).reshape(len(rows), len(names))
        except (TypeError, ValueError):
            raise _user_error(f"feature columns {', '.join(names)} must be numbers") from None
        if not len(values):
            raise _user_error(f"table {table.project}.{table.name} is empty")
        if np.isnan(values).any():
            raise _user_error("null feature column error")
        return values

    def column(self, table: Table, name: str) -> list[Any]:
        return [value for (value,) in self.engine.read(table, None, [self.known(table, name)])]

    def known(self, table: Table, name: str) -> Column:
        for column in table.all_columns:
            if column.name == name.lower():
                return column
        raise _user_error(f"column {name} is not in table {table.project}.{table.name}")

    def write(self, key: str, columns: list[Column], rows: list[list[Any]]) -> None:
        """Makes the table that a parameter names."""
        owner, name = self._split(self.text(key))
        lifecycle = int(self.number("lifecycle", -1))
        table = Table(owner, name, columns, lifecycle=lifecycle, owner="pai")
        with self.engine.write_lock, self.engine.using() as cursor:
            if self.engine.catalog.get(owner, name):
                raise _user_error(f"table {owner}.{name} already exists")
            self.engine.create(cursor, table)
            self.engine.catalog.put(table)
            self.engine.append(table, None, [rows])


def _user_error(detail: str) -> SqlError:
    return SqlError("ODPS-1202005", "Algo Job Failed-User Error", detail)


def _labels(context: _Context, table: Table) -> tuple[list[Any], list[Any], str]:
    """The label of each row, its two values (the positive one last), and its column."""
    name = context.text("labelColName").lower()
    values = context.column(table, name)
    kinds = sorted({value for value in values if value is not None}, key=str)
    if len(kinds) != 2:
        raise _user_error(f"label column {name} must have two values, it has {len(kinds)}")
    good = context.parameters.get("goodValue")
    if good is not None:
        if good not in map(str, kinds):
            raise _user_error(f"goodValue {good} is not a value of label column {name}")
        kinds.sort(key=lambda value: str(value) == good)
    return values, kinds, name


def _logistic_regression(context: _Context) -> str:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    table = context.table("inputTableName")
    values, kinds, label = _labels(context, table)
    features = context.features(table, "featureColNames", without=label)
    kind = context.text("regularizedType", "l1").lower()
    if kind not in ("l1", "l2", "none"):
        raise _user_error(f"regularizedType must be l1, l2 or None, not '{kind}'")
    level = context.number("regularizedLevel", 1.0)
    estimator = LogisticRegression(
        C=np.inf if kind == "none" or level <= 0 else 1.0 / level,
        l1_ratio=1.0 if kind == "l1" else 0.0,
        solver="liblinear" if kind == "l1" else "lbfgs",
        max_iter=int(context.number("maxIter", 100)),
        tol=context.number("epsilon", 1e-6),
        random_state=0,
    )
    estimator.fit(context.matrix(table, features), [kinds.index(value) for value in values])
    name = context.model_name()
    context.models.put(OfflineModel(context.project, name, "logisticregression_binary", estimator, features, kinds))
    return f"model {name}: {len(features)} features, {len(values)} rows, {int(max(estimator.n_iter_))} iterations"


def _ps_smart(context: _Context) -> str:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    table = context.table("inputTableName")
    objective = context.text("objective", "binary:logistic")
    options: dict[str, Any] = {
        "n_estimators": int(context.number("treeCount", 50)),
        "max_depth": int(context.number("maxDepth", 5)),
        "learning_rate": context.number("shrinkage", 0.3),
        "subsample": context.number("sampleRatio", 1.0),
        "random_state": int(context.number("seed", 0)),
    }
    kinds: list[Any] = []
    if objective == "binary:logistic":
        values, kinds, label = _labels(context, table)
        targets: list[Any] = [kinds.index(value) for value in values]
        estimator: Any = GradientBoostingClassifier(**options)
    elif objective.startswith("reg:"):
        label = context.text("labelColName").lower()
        targets = context.column(table, label)
        estimator = GradientBoostingRegressor(**options)
    else:
        raise _user_error(f"objective {objective} is not one of binary:logistic, reg:linear, reg:squarederror")
    features = context.features(table, "featureColNames", without=label)
    try:
        estimator.fit(context.matrix(table, features), targets)
    except ValueError as error:
        raise _user_error(str(error).splitlines()[0]) from None
    name = context.model_name()
    context.models.put(OfflineModel(context.project, name, "ps_smart", estimator, features, kinds))
    return f"model {name}: {options['n_estimators']} trees, {len(features)} features"


def _kmeans(context: _Context) -> str:
    from sklearn.cluster import KMeans

    table = context.table("inputTableName")
    features = context.features(table, "selectedColNames")
    values = context.matrix(table, features)
    count = int(context.number("centerCount", 10))
    if not 1 <= count <= len(values):
        raise _user_error(f"centerCount must lie between 1 and the number of rows {len(values)}, not {count}")
    estimator = KMeans(
        count,
        init="random" if context.text("initCentersMethod", "sample") in ("random", "sample") else "k-means++",
        n_init=1,
        max_iter=int(context.number("loop", 100)),
        tol=context.number("accuracy", 0.1),
        random_state=int(context.number("seed", 0)),
    ).fit(values)
    name = context.model_name()
    context.models.put(OfflineModel(context.project, name, "kmeans", estimator, features))
    if "idxTableName" in context.parameters:
        distances = estimator.transform(values).min(axis=1).tolist()
        rows = [[int(i), float(d)] for i, d in zip(estimator.labels_, distances, strict=True)]
        context.write("idxTableName", [Column("cluster_index", "bigint"), Column("distance", "double")], rows)
    return f"model {name}: {count} centers, objective {float(estimator.inertia_)!r}"


def _prediction(context: _Context) -> str:
    table = context.table("inputTableName")
    model = context.models.get(context.project, context.model_name())
    features = context.features(table, "featureColNames") if "featureColNames" in context.parameters else model.features
    if len(features) != len(model.features):
        raise _user_error(f"model {model.name} has {len(model.features)} features, the table gives {len(features)}")
    values = context.matrix(table, features)
    kept = [
        context.known(table, n.strip()) for n in context.parameters.get("appendColNames", "").split(",") if n.strip()
    ]
    rows = [list(row) for row in context.engine.read(table, None, kept)] if kept else [[] for _ in values]
    whole = bool(model.labels) and isinstance(model.labels[0], int)
    if model.labels:
        for row, chances in zip(rows, model.estimator.predict_proba(values).tolist(), strict=True):
            best = max(range(len(chances)), key=chances.__getitem__)
            detail = {str(label): chance for label, chance in zip(model.labels, chances, strict=True)}
            row += [model.labels[best], chances[best], json.dumps(detail)]
    else:
        for row, value in zip(rows, model.estimator.predict(values).tolist(), strict=True):
            row += [value, float(value), "{}"]
    result = "bigint" if whole or model.algorithm == "kmeans" else "string" if model.labels else "double"
    columns = [
        *kept,
        Column(context.text("resultColName", "prediction_result").lower(), result),
        Column(context.text("scoreColName", "prediction_score").lower(), "double"),
        Column(context.text("detailColName", "prediction_detail").lower(), "string"),
    ]
    context.write("outputTableName", columns, rows)
    return f"{len(rows)} rows predicted"


def _evaluate(context: _Context) -> str:
    """Of a binary classification: AUC, KS and the best F1; the score is the chance of the positive label."""
    import numpy as np
    from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

    table = context.table("inputTableName")
    labels = context.column(table, context.text("labelColName"))
    column = context.known(table, context.text("scoreColName"))
    positive = context.text("positiveLabel", "1")
    truth = [str(label) == positive for label in labels]
    if len(set(truth)) != 2:
        raise _user_error(f"label column must have positive ({positive}) and negative values")
    raw = context.column(table, column.name)
    # A column of details has the chance of each label as JSON.
    scores = [json.loads(value)[positive] for value in raw] if column.type == "string" else raw
    false, true, _ = roc_curve(truth, scores)
    precision, recall, _ = precision_recall_curve(truth, scores)
    sums = np.where(precision + recall > 0, precision + recall, 1.0)
    figures = {
        "AUC": float(roc_auc_score(truth, scores)),
        "KS": float(np.max(true - false)),
        "F1 Score": float(np.max(2 * precision * recall / sums)),
        "Total Samples": float(len(truth)),
        "Positive Samples": float(sum(truth)),
    }
    rows = [[name, value] for name, value in figures.items()]
    context.write("outputMetricTableName", [Column("metric", "string"), Column("value", "double")], rows)
    return json.dumps(figures)


_COMMANDS: dict[str, Callable[[_Context], str]] = {
    "logisticregression_binary": _logistic_regression,
    "ps_smart": _ps_smart,
    "kmeans": _kmeans,
    "prediction": _prediction,
    "evaluate": _evaluate,
}

ALGORITHMS = tuple(_COMMANDS)
"""The names of the commands that there are."""
