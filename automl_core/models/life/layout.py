"""Where things of a model lie in a model storage path: below ``_models/NAME/``, where no experiment can lie."""

from __future__ import annotations

from automl_core.study.layout import safe

MODELS = "_models/"
"""The folder of all models. Names of experiments begin with a letter, so none of them collides with it."""

VERSIONS = "versions/"
EVIDENCE = "evidence/"
BATCH = "batch/"
ROLLOUTS = "rollouts/"
ANSWERS = "answers/"
SHADOW = "shadow/"
MODEL = "model/"


def model_prefix(name: str) -> str:
    """The folder of a model, ending with '/'."""
    return f"{MODELS}{safe(name)}/"


def version_prefix(name: str, number: int, digest: str) -> str:
    """The folder of a version, ending with '/'; its files lie below `MODEL` in it.

    What is in it is part of its name: two who offer different results at once never write into the same folder, and
    the same result copied twice is the same bytes in the same place.

    Args:
        name: of the model.
        number: of the version.
        digest: of its files.
    """
    return f"{model_prefix(name)}{VERSIONS}{number}-{digest[:12]}/"


def evidence_key(name: str, digest: str) -> str:
    """The object of an evidence, without any row of data."""
    return f"{model_prefix(name)}{EVIDENCE}{digest}.json"


def evidence_rows_key(name: str, digest: str) -> str:
    """The object with the rows of data of an evidence: for those alone who may see data."""
    return f"{model_prefix(name)}{EVIDENCE}{digest}-rows.json"


def rollout_prefix(name: str, id: int) -> str:
    """The folder of what is measured for a rollout, ending with '/'."""
    return f"{model_prefix(name)}{ROLLOUTS}{id}/"


def batch_prefix(name: str) -> str:
    """The folder of what scoring keeps for itself, ending with '/'."""
    return f"{model_prefix(name)}{BATCH}"
