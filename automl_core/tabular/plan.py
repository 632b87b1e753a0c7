"""Which features a pipeline makes: by the schema, what its learner wants, and its parameters under ``features.``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl_core.modelfile.scoring.features import State
from automl_core.modelfile.scoring.values import Schema, nearest
from automl_core.tabular.features.arithmetic import Arithmetic
from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.cross import Cross
from automl_core.tabular.features.dates import Dates
from automl_core.tabular.features.fill import Fill
from automl_core.tabular.features.frequency import Frequency
from automl_core.tabular.features.group import Group
from automl_core.tabular.features.hashing import Hashing
from automl_core.tabular.features.numbers import Numbers
from automl_core.tabular.features.onehot import OneHot
from automl_core.tabular.features.ordinal import Ordinal
from automl_core.tabular.features.project import Project
from automl_core.tabular.features.scale import Scale
from automl_core.tabular.features.select import Select
from automl_core.tabular.features.target import Target
from automl_core.tabular.features.text import Text
from automl_core.training.problems import TrainingError

if TYPE_CHECKING:
    from automl_core.tabular.learners.base import Wants

DEFAULTS: Mapping[str, Any] = {
    "mode": "auto",
    "encoding": "auto",
    "many": 32,
    "smoothing": 10.0,
    "rare": 1,
    "interactions": False,
    "impute": "median",
    "indicators": True,
    "scaler": "standard",
    "reduce": "none",
    "variance": 0.99,
    "keep": 1.0,
    "topics": 24,
    "target": "auto",
}
"""Parameters of features, without their prefix. ``many``: levels beyond which a category has too many for codes of its
own. ``target``: numbers are learned as they are, or as log(1 + y); ``auto``: the latter for metrics of ratios."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("auto", "off"),
    "encoding": ("auto", "native", "codes", "onehot", "target", "hash"),
    "impute": ("median", "mean", "mode"),
    "scaler": ("standard", "minmax", "maxabs", "robust", "quantile", "none"),
    "reduce": ("none", "pca", "svd"),
    "target": ("auto", "plain", "log"),
}

WAYS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "drop"),
    "time": ("date", "number", "drop"),
    "text": ("text", "hash", "target", "drop"),
    "category": ("native", "codes", "onehot", "target", "frequency", "hash", "text", "drop"),
}
"""Kind of a column → what may be said of it under ``features.column.NAME``; a list of these makes several."""
ROLES: Mapping[str, str] = {"number": "numeric", "time": "date", "text": "text", "category": "categorical"}
"""Kind of a column → the role that says it in an experiment's file."""
COLUMN = "column."


class Crossings(Transformer):
    """Encodes what a `Cross` before it has chosen."""

    def __init__(self, cross: Cross, inner: type[Target] | type[Frequency], **options: Any) -> None:
        self._cross, self._make, self._options = cross, inner, options
        self._inner: Transformer | None = None

    def fit(self, rows: Rows) -> State | None:
        """Learn of the columns that there are by now."""
        if not self._cross.names:
            return None
        self._inner = self._make(self._cross.names, **self._options)
        return self._inner.fit(rows)

    def train(self, rows: Rows, state: State) -> Any:
        """As the transformer within."""
        assert self._inner is not None
        return self._inner.train(rows, state)


def settled(params: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """All parameters of features, without their prefix.

    Args:
        params: those of a pipeline.
        schema: names the columns that ``features.column.NAME`` may be said of.

    Raises:
        TrainingError: one that is not known, or not allowed; it says what is.
    """
    given = {name.removeprefix("features."): value for name, value in params.items() if name.startswith("features.")}
    for name, value in given.items():
        if name.startswith(COLUMN):
            _check_column(name.removeprefix(COLUMN), value, schema)
        elif name not in DEFAULTS:
            raise TrainingError(f"features.{name}: there is no such parameter{nearest(name, DEFAULTS)}")
        elif name in CHOICES and value not in CHOICES[name]:
            raise TrainingError(f"features.{name} is {value!r} (allowed: {', '.join(CHOICES[name])})")
    return {**DEFAULTS, **given}


def said(featurization: str | Mapping[str, Any]) -> dict[str, Any]:
    """What a user says of features, as parameters of each pipeline.

    Args:
        featurization: ``auto``, ``off``, or column → one of `WAYS`, or a list of these.
    """
    if isinstance(featurization, str):
        return {} if featurization == "auto" else {"features.mode": featurization}
    return {f"features.{COLUMN}{name}": value for name, value in featurization.items()}


def _check_column(name: str, value: Any, schema: Schema) -> None:
    if name not in schema:
        raise TrainingError(f"features.column.{name}: there is no such column{nearest(name, schema.names)}")
    check_ways(f"features.column.{name}", value, schema[name].kind)


def check_ways(where: str, ways: Any, kind: str) -> None:
    """See that a column may become what is said.

    Args:
        where: it is said, for the error.
        ways: one of `WAYS`, or a list of these.
        kind: of the column.

    Raises:
        TrainingError: it may not; says what is allowed, and of which kind of column it would be.
    """
    allowed = WAYS[kind]
    given = [ways] if isinstance(ways, str) else list(ways) if isinstance(ways, Sequence) else [ways]
    for each in given:
        if each not in allowed:
            others = [other for other, them in WAYS.items() if each in them]
            roles = " or ".join(f"columns.{ROLES[other]} (in Python kinds: {other})" for other in others)
            hint = f"; where it is none, say so first: {roles}" if others else ""
            raise TrainingError(f"{where} is {each!r}; of a {kind} it may be: {', '.join(allowed)}{hint}")
    if not given:
        raise TrainingError(f"{where} is an empty list; of a {kind} it may be: {', '.join(allowed)}")


def plan(schema: Schema, params: Mapping[str, Any], wants: Wants) -> list[Transformer]:
    """The transformers of a pipeline, in order.

    Args:
        schema: the columns.
        params: of the pipeline, those of features among them.
        wants: what the learner takes.

    Raises:
        TrainingError: a parameter of features that is not known or not allowed.
    """
    of = settled(params, schema)
    ways = {field.name: _ways(field, of, wants) for field in schema}

    def having(*names: str) -> list[str]:
        return [column for column, chosen in ways.items() if set(names) & set(chosen)]

    rare = int(of["rare"])
    found: list[Transformer] = [Numbers(having("number"))]
    automatic = of["mode"] == "auto"
    if automatic and of["interactions"]:
        found.append(Arithmetic())
    found.append(Dates(having("date"), cyclic=wants.scaled or not wants.gaps))
    found.append(Ordinal(having("native"), native=True, rare=rare, most=wants.most))
    found.append(Ordinal(having("codes"), native=False, rare=rare))
    found.append(OneHot(having("onehot"), rare=max(rare, 2)))
    found.append(Hashing(having("hash")))
    found.append(Target(having("target"), smoothing=float(of["smoothing"])))
    found.append(Frequency(having("frequency")))
    if automatic and of["interactions"]:
        categories = [field.name for field in schema if field.kind == "category" and ways[field.name] != ("drop",)]
        cross = Cross(categories)
        found += [cross, Crossings(cross, Target, smoothing=float(of["smoothing"])), Crossings(cross, Frequency)]
        found.append(Group(categories, having("number")))
    found += [Text(name, components=int(of["topics"])) for name in having("text")]
    if not wants.gaps:
        found.append(Fill(of["impute"], indicators=bool(of["indicators"])))
    if automatic and float(of["keep"]) < 1:
        found.append(Select(float(of["keep"])))
    if wants.scaled:
        found.append(Scale(of["scaler"]))
        if automatic and of["reduce"] != "none":
            found.append(Project(of["reduce"], float(of["variance"])))
    return found


def _ways(field: Any, of: Mapping[str, Any], wants: Wants) -> Sequence[str]:
    """What a column becomes."""
    said = of.get(f"{COLUMN}{field.name}")
    if said is not None:
        chosen = (said,) if isinstance(said, str) else tuple(said)
        # not every learner knows categories: what is native to one is a code to another
        return tuple("codes" if each == "native" and wants.categories != "native" else each for each in chosen)
    if field.kind == "number":
        return ("number",)
    if of["mode"] == "off":
        return {"time": ("number",), "text": ("drop",), "category": (wants.categories,)}[field.kind]
    if field.kind == "time":
        return ("date",)
    if field.kind == "text":
        return ("text",)
    levels = field.distinct or 0
    encoding = of["encoding"]
    if encoding == "native" and wants.categories != "native":
        encoding = "auto"
    if levels <= 2 and wants.categories != "onehot":
        return ("codes",)
    if encoding != "auto":
        return (encoding,) if encoding != "target" or levels > 2 else (wants.categories,)
    if levels <= int(of["many"]):
        return (wants.categories,) if wants.categories != "codes" or levels <= 6 else ("codes", "target")
    return ("target", "frequency")
