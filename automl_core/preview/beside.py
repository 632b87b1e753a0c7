"""What goes along with an experiment, before it runs: its code, and the spec file as a trial would have it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.code import pack
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.specfiles import SpecFileError, Values, rendered

_OF_AN_ATTEMPT = ("checkpoint_dir", "model_dir")


@dataclass(frozen=True, slots=True)
class CodeAhead:
    """The code that would be packed now.

    Attributes:
        folder: that goes along.
        files, size, packed: how many, their bytes, and those of the archive.
        digest: what the archive would be called by.
    """

    folder: str
    files: int
    size: int
    packed: int
    digest: str


def code_ahead(experiment: Experiment, file: Path) -> CodeAhead | None:
    """The code that goes along, None where none does or the file names an archive by its digest.

    Args:
        experiment: its file.
        file: where that lies.

    Raises:
        CodeError: it can't go along.
    """
    code = experiment.program
    if code is None or code.digest is not None:
        return None
    place = code.place(file)
    packed = pack(place, code.ignore)
    return CodeAhead(str(place), packed.files, packed.size, len(packed.data), packed.digest)


def spec_file_ahead(experiment: Experiment, params: Params, budget: int | None = None) -> str | None:
    """The spec file of a combination; what an attempt alone knows is shown as its ``${…}``. None without one.

    Args:
        experiment: its file, with the content of `base`.
        params: the combination.
        budget: up to which it would train.
    """
    spec = experiment.spec_file
    if spec is None or spec.to_read is not None:
        return None
    space = flatten(experiment.space)
    known: dict[str, Any] = {**params, "budget": budget, "experiment_id": experiment.name, "exp_id": experiment.name}
    attempt: dict[str, Any] = {} if budget is None else {"budget": budget}
    groups: dict[str, dict[str, Any]] = {
        "data": {name: f"${{data.{name}}}" for name in experiment.data},
        "columns": dict(experiment.columns),
        "automl": attempt | {name: f"${{{name}}}" for name in _OF_AN_ATTEMPT},
    }

    def value_of(name: str) -> Any:
        return known.get(name, None if name in space else f"${{{name}}}")

    def text_of(name: str) -> str:
        value = value_of(name)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value)

    try:
        return rendered(spec, Values(params, groups, value_of, text_of))
    except SpecFileError as error:
        return str(error)
