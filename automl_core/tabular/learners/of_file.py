"""A learner of the user's own by its file: what an experiment on a table names as ``data.learner``."""

from __future__ import annotations

from pathlib import Path

from automl_core.modelfile import own_code
from automl_core.tabular.learners.custom import Custom
from automl_core.training.problems import TrainingError

OWN = "own"
"""What it is called in parameters and reports, whatever its class is called."""

ATTRIBUTE = "learner"
"""What the file has to have: a class with scikit-learn's interface, or a function that makes such an estimator."""

WHERE = "data.learner"


def learner_of(place: str) -> Custom:
    """The learner of a file.

    What it is to be given may stand in attributes of the class or function: ``matrix`` (`custom.MATRICES`), ``kinds``
    (binary, multiclass, regression), ``default`` (parameters of each fit), ``memory`` (bytes of a fit).

    Args:
        place: path of a ``.py`` file.

    Raises:
        TrainingError: the file isn't there, can't be run, or has no such thing in it; the message begins with the
            field of the experiment's file.
    """
    plain = place.removeprefix("file://")
    path = Path(plain)
    if "://" in plain or path.suffix != ".py":
        raise TrainingError(f"{WHERE}: {place} is no .py file on this machine; give one that trials can read")
    try:
        module = own_code.module_of(path)
    except OSError as error:
        raise TrainingError(f"{WHERE}: {path} can't be read: {error.strerror}") from None
    except Exception as error:  # whatever a file of the user's own raises
        line = getattr(error, "lineno", None)
        at = f", line {line}" if line else ""
        raise TrainingError(f"{WHERE}: {path}{at} can't be run: {type(error).__name__}: {error}") from error
    found = getattr(module, ATTRIBUTE, None)
    if found is None:
        raise TrainingError(
            f"{WHERE}: {path} has no {ATTRIBUTE!r}; let it name a class with fit and predict, or a function that makes "
            f"such an estimator: {ATTRIBUTE} = MyModel"
        )
    try:
        return Custom(
            found, name=OWN, matrix=getattr(found, "matrix", "dense"), kinds=getattr(found, "kinds", None),
            default=getattr(found, "default", None), memory=getattr(found, "memory", None),
            makes=not hasattr(found, "fit"),
        )  # fmt: skip
    except TrainingError as error:
        raise TrainingError(f"{WHERE}: {path}: {error}") from None
