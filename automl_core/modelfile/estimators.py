"""Estimators of training libraries as files of skops, whose types are looked at before anything is made of them.

skops writes names of files and marks that are addresses in memory, and the time: `settled` gives them numbers instead,
so that the same estimator makes the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from automl_core.modelfile.archives import packed

KNOWN = (
    "catboost.core.CatBoost*",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBM*",
    "sklearn._loss.loss.*",
    "sklearn.calibration._*",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc.*",
    "sklearn.gaussian_process.kernels.*",
    "sklearn.metrics._dist_metrics.*",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.*",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGB*",
)
"""Types that are made without asking, beyond those that skops 0.16 trusts by itself: what estimators of the usual
libraries have inside (asked of each of scikit-learn 1.9's). Not whole packages: these have functions, too, that run
what they read."""


class NotTrusted(ValueError):
    """A file that would make types, or run code, that its reader has not said to trust."""


class BrokenEstimator(ValueError):
    """A class that an estimator's file needs is not where Python looks for it."""


class CantBeKept(ValueError):
    """An estimator that skops can't write."""


def dumped(name: str, estimator: Any) -> tuple[bytes, list[str]]:
    """An estimator as a file, and the types that it needs beyond those that skops trusts by itself.

    Raises:
        CantBeKept: skops can't write it, or what it wrote does not read back.
    """
    import skops.io

    try:
        data = settled(skops.io.dumps(estimator))
        types = sorted(skops.io.get_untrusted_types(data=data))
        skops.io.loads(data, trusted=types)
    except Exception as error:  # whatever an estimator of anybody's raises when it is taken apart
        raise CantBeKept(
            f"the estimator {name!r} ({type(estimator).__name__}) can't be written by skops: {error}; "
            "with allow_pickle it is pickled, and the file says so"
        ) from error
    return data, types


def settled(data: bytes) -> bytes:
    """A file of skops with numbers for its names of files and its marks, and without times."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
        names: dict[str, str] = {}
        marks: dict[int, int] = {}
        present = set(archive.namelist())

        def renamed(value: Any) -> Any:
            if isinstance(value, dict):
                found: dict[str, Any] = {}
                for key, each in value.items():
                    if key == "__id__":
                        found[key] = marks.setdefault(each, len(marks))
                    elif isinstance(each, str) and each in present and each != "schema.json":
                        suffix = Path(each).suffix
                        found[key] = names.setdefault(each, f"{len(names)}{suffix}")
                    else:
                        found[key] = renamed(each)
                return found
            return [renamed(each) for each in value] if isinstance(value, list) else value

        text = json.dumps(renamed(schema), separators=(",", ":"))
        members = [("schema.json", text.encode())]
        return packed([*members, *((new, archive.read(old)) for old, new in names.items())])


def loaded(
    name: str, data: bytes, told: Iterable[str], trusted: Collection[str],
    bring: Callable[[list[str]], object] = lambda types: None,
) -> Any:  # fmt: skip
    """Make an estimator of its file; nothing is made before each of its types is known to be trusted.

    Args:
        name: for people.
        data: the file.
        told: types that the model's own list names.
        trusted: types that the reader trusts beside the `KNOWN`.
        bring: makes classes of the user's own be found among the types; called once all are known to be trusted.

    Raises:
        NotTrusted: the file needs a type that is not trusted, or one that its list does not name.
        BrokenEstimator: a class that it needs can't be found here.
        ImportError: skops is not there.
    """
    import skops.io

    needed = skops.io.get_untrusted_types(data=data)
    hidden = sorted(set(needed) - set(told))
    if hidden:
        raise NotTrusted(f"the estimator {name!r} needs types that the model's list does not name: {', '.join(hidden)}")
    strange = sorted(each for each in needed if not _is_known(each) and each not in trusted)
    if strange:
        raise NotTrusted(
            f"the estimator {name!r} needs types that you have not said to trust: {', '.join(strange)}; "
            f"where you know the file, load it with trusted={strange!r}"
        )
    bring(needed)
    try:
        return skops.io.loads(data, trusted=needed)
    except (ImportError, AttributeError) as error:
        raise BrokenEstimator(
            f"the estimator {name!r} can't be made here: {error}; its classes ({', '.join(needed) or 'of libraries'}) "
            "have to be where Python finds them, by PYTHONPATH for example"
        ) from error


def _is_known(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in KNOWN)


def packages_of(types: Iterable[str], estimators: Mapping[str, Any]) -> list[str]:
    """The packages that estimators come from, by the names under which they are imported."""
    found = {type(each).__module__.partition(".")[0] for each in estimators.values()}
    found |= {name.partition(".")[0] for name in types}
    return sorted(found - {"builtins", "collections", "automl_core"})
