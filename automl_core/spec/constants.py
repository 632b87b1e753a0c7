"""Parameters that have one value whatever the trial: they have a meaning in stages too, which belong to no trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from automl_core.spec.spec_files import SpecFile, named_in


def constants_in(space: Any) -> list[str]:
    """Names of the parameters of one value that every trial has.

    Args:
        space: name → parameter, as plain data that may be wrong or as models.
    """
    if not isinstance(space, Mapping):
        return []
    return [str(name) for name, parameter in space.items() if _field(parameter, "type") == "fixed"
            and not _field(parameter, "when")]  # fmt: skip


def spec_file_of_stages(spec: SpecFile | None, searched: list[str]) -> SpecFile | None:
    """The spec file that training tasks of a stage find: with the constants alone.

    None where the file itself names what only a trial has (``${lr}`` in its ``base``): there would be nothing to put
    in its place.

    Args:
        spec: the experiment's.
        searched: parameters that are no constants.
    """
    if spec is None or spec.to_read is not None or spec.text is not None:
        return None
    return None if (named_in(spec, ()) - {"budget"}) & {*searched, "trial_id", "params"} else spec


def why_not_in_stages(spec: Any, searched: list[str]) -> str:
    """Why stages find no spec file, in words; empty where they do, or where nothing is known of that yet.

    Args:
        spec: the file's ``spec_file``, as plain data that may be wrong.
        searched: parameters that are no constants.
    """
    try:
        model = SpecFile.model_validate(spec)
    except ValidationError:
        return ""
    if model.to_read is not None or spec_file_of_stages(model, searched) is not None:
        return ""
    return "its spec_file names what only a trial has" if model.text is None else "a text template is a trial's"


def _field(parameter: Any, name: str) -> Any:
    return parameter.get(name) if isinstance(parameter, Mapping) else getattr(parameter, name, None)
