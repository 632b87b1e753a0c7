"""Of which families two models are: two of one family make the same mistakes, so that they agree says little.

What a family is, is read from the models themselves (`modelfile`): all ensembles of trees are one, whatever library
grew them, linear models are one, dense networks are one. A program of people's own has no such file and names its
family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SHARED = 0.5
"""Two models that share more than this of their weight are two of one family."""

NO_LEARNER = "constant"
"""The type of a member that looks at no column: it belongs to no family."""


class SameFamily(ValueError):
    """Two models for one opinion. The message names what they share."""


def families(model: str | Path | Mapping[str, Any]) -> dict[str, float]:
    """The families of a model's members, with the weight that each has in its answers.

    Args:
        model: the folder of one (docs/model-file.md); or families with weights, of a program of your own.

    Returns:
        Family → share of the weight; the shares sum to 1.

    Raises:
        ValueError: weights that are none, or a model of series.
        OSError, LaterFormat: the folder can't be read.
    """
    found: dict[str, float] = {}
    if isinstance(model, Mapping):
        found = {str(name): float(weight) for name, weight in model.items()}
    else:
        from automl_core.modelfile.scoring.documents import load

        document = load(Path(model))
        if any("model" not in each for each in document["members"]):
            raise ValueError(f"{model} is a model of series: it forecasts, and gives no item a label")
        _collect(document["members"], 1.0, _classes(Path(model)), found)
    if not found or min(found.values()) < 0 or not 0 < sum(found.values()) < float("inf"):
        raise ValueError(f"families of a model have weights from 0, not all of them 0; found {found}")
    whole = sum(found.values())
    return {name: weight / whole for name, weight in sorted(found.items()) if weight}


def _collect(
    members: Iterable[Mapping[str, Any]], weight: float, classes: Mapping[str, str], into: dict[str, float]
) -> None:
    held = list(members)
    whole = sum(float(each.get("weight", 1.0)) for each in held) or 1.0
    for each in held:
        own = weight * float(each.get("weight", 1.0)) / whole
        kind = str(each["model"]["type"])
        if kind == "mean":
            _collect(each["model"]["members"], own, classes, into)
            continue
        name = classes.get(str(each["model"]["name"]), "estimator") if kind == "estimator" else kind
        into[name] = into.get(name, 0.0) + own


def _classes(folder: Path) -> dict[str, str]:
    """Estimators of a folder by name → the family of each."""
    import json

    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return {str(each["name"]): _family_of(str(each["class"])) for each in info.get("estimators", ())}


def _family_of(type_name: str) -> str:
    """``sklearn.ensemble._forest.RandomForestClassifier`` is of trees, as LightGBM's and others' boosters are."""
    words = type_name.lower()
    for family, marks in MARKS.items():
        if any(mark in words for mark in marks):
            return family
    return type_name


MARKS: Mapping[str, tuple[str, ...]] = {
    "trees": ("forest", "tree", "boost", "lightgbm", "lgbm"),
    "dense": ("perceptron", "mlp"),
    "svm": ("svc", "svm"),
    "neighbours": ("neighbors", "neighbours"),
    "bayes": ("naive_bayes",),
    "linear": ("linear_model", "logistic", "discriminant"),
}
"""Family → what the name of an estimator's class has in it, for models that only their library scores."""


def shared(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """The weight that two models have in common: 0 where no family is in both, 1 where their families are the same."""
    return sum(min(weight, second[name]) for name, weight in first.items() if name in second and name != NO_LEARNER)


def check_different(first: Mapping[str, float], second: Mapping[str, float], *, names: tuple[str, str]) -> None:
    """Refuse two models of one family.

    Args:
        first, second: `families` of each.
        names: of the models, for the message.

    Raises:
        SameFamily: more than `SHARED` of their weight is of the same families, or one of them has learned nothing.
    """
    for name, each in zip(names, (first, second), strict=True):
        if each.get(NO_LEARNER, 0.0) > SHARED:
            raise SameFamily(f"{name} says the same of every item: it has learned nothing, so it agrees by accident")
    common = shared(first, second)
    if common > SHARED:
        both = ", ".join(sorted(set(first) & set(second) - {NO_LEARNER}))
        raise SameFamily(
            f"{names[0]} and {names[1]} are of one family ({both}: {common:.0%} of their weight): they make the same "
            "mistakes, so that they agree shows nothing; take a model of another family for one of them"
        )
