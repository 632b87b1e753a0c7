"""What an attempt's training is brought beside its folders: its spec file, the code that goes along."""

from __future__ import annotations

import json
from typing import Any

from automl_core.backends.base import StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.substitution import Placeholder
from automl_core.spec.models import Experiment
from automl_core.spec.spec_files import SpecFile
from automl_core.specfiles import SpecFileError, Values, rendered

_NUMBERS = frozenset({"budget", "trial_id", "attempt"})
"""Names of ``${…}`` that stand for whole numbers."""


def spec_text(spec: SpecFile, context: TrialContext) -> str:
    """The spec file of an attempt, whole.

    Raises:
        StartError: a value can't be written in its format.
        PlaceholderError: a ``${…}`` in it has no meaning.
    """

    def text_of(name: str) -> str:
        return context.text_of(Placeholder(name, f"${{{name}}}")) or ""

    def value_of(name: str) -> Any:
        if name in context.params:
            return context.params[name]
        group, _, key = name.partition(".")
        if group in ("data", "columns") and key in getattr(context, group):
            return getattr(context, group)[key]
        text = context.text_of(Placeholder(name, f"${{{name}}}"))
        return int(text) if text is not None and name in _NUMBERS else text

    try:
        return rendered(spec, Values(context.params, groups_of(context), value_of, text_of))
    except SpecFileError as error:
        raise StartError(str(error)) from error


def groups_of(context: TrialContext) -> dict[str, dict[str, Any]]:
    """What a spec file has beside the parameters."""
    attempt = {
        "budget": context.budget, "resume_from": context.resume_from, "checkpoint_dir": context.checkpoint_dir,
        "model_dir": context.model_dir, "prepared_dir": context.prepared_dir,
    }  # fmt: skip
    return {
        "data": dict(context.data),
        "columns": json.loads(json.dumps(dict(context.columns))),
        "automl": {name: value for name, value in attempt.items() if value is not None},
    }


def digest_of(experiment: Experiment) -> str | None:
    """The digest of the code that goes along, None where none does.

    Raises:
        StartError: the run began before its code was packed.
    """
    code = experiment.program
    if code is not None and code.digest is None:
        raise StartError("code: it was not packed when the run began", systematic=True)
    return code.digest if code is not None else None
