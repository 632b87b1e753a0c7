"""Metrics by name, a function of the user's own among them; one file a family.

Names are Azure's where Azure has one, else scikit-learn's usual ones.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from automl_core.tabular.metrics import labels, numbers, probabilities, ranking
from automl_core.tabular.metrics.base import Direction, Metric, MetricError, Needs, own

__all__ = ["DEFAULTS", "Direction", "Metric", "MetricError", "Needs", "find", "names", "own", "usual"]

_ALL = {each.name: each for each in (*labels.METRICS, *ranking.METRICS, *probabilities.METRICS, *numbers.METRICS)}
_ALIASES = {
    "auc": "roc_auc",
    "logloss": "log_loss",
    "neg_log_loss": "log_loss",
    "r2": "r2_score",
    "root_mean_squared_error": "rmse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "f1_binary": "f1",
    "spearman": "spearman_correlation",
    "nrmse": "normalized_root_mean_squared_error",
    "nmae": "normalized_mean_absolute_error",
}
_PINBALL = re.compile(r"pinball\(\s*(0?\.\d+|\d+(?:\.\d+)?)\s*\)")

DEFAULTS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}
"""The metric where nobody names one. Log loss: proper, so it asks for the order of rows, for right classes and for
honest probabilities at once; it also moves with every row, where accuracy on a small fold moves in steps. RMSE: what a
prediction of the mean asks for, in the target's own unit."""


def names(kind: str) -> list[str]:
    """Names that may be given for a kind of problem: ``binary``, ``multiclass`` or ``regression``."""
    if kind == "regression":
        return [*sorted(each.name for each in _ALL.values() if each.needs == "numbers"), "pinball(QUANTILE)"]
    found = [each.name for each in _ALL.values() if each.needs != "numbers"]
    return sorted(name for name in found if kind == "binary" or name not in labels.BINARY)


def usual(kind: str) -> list[str]:
    """Names of those that a report shows beside the one that was asked for."""
    return {
        "binary": ["roc_auc", "log_loss", "accuracy", "balanced_accuracy", "f1", "average_precision_score_weighted"],
        "multiclass": ["log_loss", "accuracy", "balanced_accuracy", "f1_macro", "AUC_weighted"],
        "regression": ["rmse", "mae", "r2_score", "spearman_correlation"],
    }[kind]


def find(
    wanted: str | Metric | Callable[..., Any] | None,
    kind: str,
    *,
    classes: tuple[str, ...] = (),
    direction: Direction | None = None,
    needs: Needs | None = None,
) -> Metric:
    """The metric that was asked for.

    Args:
        wanted: a name; a function of the user's own; the place of one, as ``package.module:function`` or
            ``path/to/file.py:function``; None for the default of the kind.
        kind: ``binary``, ``multiclass`` or ``regression``.
        classes: the target's classes in order, for functions of the user's own.
        direction: of a function of the user's own; None: its attribute ``direction``, else maximize (minimize for
            regression, whose functions are mostly errors).
        needs: what a function of the user's own takes; None: its attribute ``needs``, else labels (numbers for
            regression).

    Raises:
        MetricError: no such metric, or not for this kind; says the nearest and what is allowed.
    """
    if isinstance(wanted, Metric):
        metric = wanted
    elif wanted is None:
        metric = _ALL[DEFAULTS[kind]]
    elif callable(wanted):
        metric = _of_function(wanted, kind, classes, direction, needs)
    elif ":" in wanted:
        metric = _of_function(_imported(wanted), kind, classes, direction, needs)
    else:
        metric = _named(wanted, kind)
    if (metric.needs == "numbers") != (kind == "regression"):
        raise MetricError(f"metric {metric.name} is none for {kind}; allowed: {', '.join(names(kind))}")
    return metric


def _named(name: str, kind: str) -> Metric:
    plain = _ALIASES.get(name.strip().lower(), name.strip())
    level = _PINBALL.fullmatch(plain)
    if level is not None and 0 < float(level[1]) < 1:
        return numbers.pinball(float(level[1]))
    found = _ALL.get(plain) or {each.lower(): metric for each, metric in _ALL.items()}.get(plain.lower())
    if found is None:
        close = difflib.get_close_matches(name, [*names(kind), *_ALIASES], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise MetricError(f"there is no metric {name!r}{hint} (allowed: {', '.join(names(kind))})")
    if kind != "binary" and found.name in labels.BINARY:
        raise MetricError(f"metric {found.name} is for two classes; allowed for {kind}: {', '.join(names(kind))}")
    return found


def _of_function(
    function: Callable[..., Any],
    kind: str,
    classes: tuple[str, ...],
    direction: Direction | None,
    needs: Needs | None,
) -> Metric:
    numbers_wanted = kind == "regression"
    its_direction: Any = getattr(function, "direction", "minimize" if numbers_wanted else "maximize")
    its_needs: Any = getattr(function, "needs", "numbers" if numbers_wanted else "labels")
    return own(function, direction=direction or its_direction, needs=needs or its_needs, classes=classes)


def _imported(place: str) -> Callable[..., Any]:
    """The function at ``module:name`` or ``file.py:name``."""
    home, _, name = place.rpartition(":")
    try:
        if home.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(home).stem, home)
            if spec is None or spec.loader is None:
                raise ImportError(f"no module can be made of {home}")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(home)
        found = getattr(module, name)
    except (ImportError, OSError, AttributeError, SyntaxError) as error:
        raise MetricError(f"metric {place!r}: {error}; give MODULE:FUNCTION or FILE.py:FUNCTION") from error
    except Exception as error:  # whatever a file of the user's own raises
        raise MetricError(f"metric {place!r}: it can't be run: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise MetricError(f"metric {place!r} is {found!r}, not a function")
    return found  # type: ignore[no-any-return]
