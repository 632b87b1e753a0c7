"""From what a person types (a name, a file, an address) to a model and where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.cli.places import UserError, file_or_address, files_of, home, open_output

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.storage.base import ObjectStore


@dataclass(frozen=True, slots=True)
class Known:
    """A model that somebody named.

    Attributes:
        name: of the model.
        file: as it was read; None where there is none on this machine.
        path: of that file.
        storage: the model storage path where an address was given instead of a file.
    """

    name: str
    file: ModelFile | None = None
    path: Path | None = None
    storage: str = ""


def find_model(target: str) -> Known:
    """The model that is meant.

    Args:
        target: its file, its name, or the address of its folder (``s3://bucket/runs/_models/churn``).

    Raises:
        SpecError: its file is wrong.
        UserError: the address of another kind of folder.
    """
    from automl_core.models.file import load_model_file
    from automl_core.models.life import MODELS
    from automl_core.spec.kinds import MODEL

    found = file_or_address(target, MODEL, MODELS)
    if isinstance(found, Path):
        file = load_model_file(found)  # which says what is wrong, a missing file among it
        return Known(file.name, file, found)
    return Known(found[1], storage=found[0]) if found is not None else Known(target)


def find_result(known: Known, run: str) -> tuple[ObjectStore, str]:
    """Where a run's result lies: the model storage path, and its folder there.

    However the run is named, it is the same place, as rollouts list it: else one result would become two versions.

    Args:
        known: the model; an experiment that its file names needs no file of its own here.
        run: EXPERIMENT@RUN, an experiment, or the address of a folder.

    Raises:
        UserError, LookupError, SpecError, StorageError: there is no such run, or it can't be asked.
    """
    from automl_core.cli.places import find_experiment, find_run
    from automl_core.storage import open_store
    from automl_core.study.layout import safe

    named, at, run_id = run.partition("@") if "://" not in run else (run, "", "")
    sources = known.file.sources if known.file is not None else ()
    source = next((each for each in sources if each.experiment == named), None)
    if source is not None and find_experiment(named)[1] is None:
        named = f"{open_store(source.storage or '', base=home()).url.rstrip('/')}/{safe(named)}"
    place = find_run(named, run_id if at else None)
    above, _, folder = f"{place.store.url.rstrip('/')}/{place.prefix}".rstrip("/").rpartition("/")
    storage, _, experiment = above.rpartition("/")
    if place.prefix.count("/") >= 2 or not storage.partition("://")[2]:
        return place.store, place.prefix
    return open_store(storage), f"{experiment}/{folder}/"


def open_here(known: Known) -> ObjectStore:
    """The store of a model whose file or address is known, with the environment's keys.

    Raises:
        UserError: neither is known; or the keys are those of an Airflow connection, and the environment has none.
        StorageError: it can't be opened.
    """
    from automl_core.storage import open_store

    if known.storage:
        return open_store(known.storage)
    if known.file is None:
        raise UserError(unknown(known.name))
    output = known.file.output
    try:
        return open_output(output.storage, output.connection)
    except UserError as error:
        raise UserError(f"{error}; or ask Airflow (--airflow)") from None


def has_keys(known: Known) -> bool:
    """Whether a model's bucket can be opened from here: its keys are in no Airflow connection, or here too."""
    if known.storage:
        return True
    if known.file is None:
        return False
    scheme = known.file.output.storage.partition("://")[0]
    named = {"s3": "AWS_ACCESS_KEY_ID", "oss": "OSS_ACCESS_KEY_ID"}.get(scheme)
    return known.file.output.connection is None or (named is not None and bool(os.environ.get(named)))


def unknown(target: str) -> str:
    """What to say of a model that nobody knows."""
    from automl_core.spec.errors import did_you_mean
    from automl_core.spec.kinds import MODEL

    names = [name for name, _ in files_of(MODEL, home())]
    listed = f"Models in {home() / 'experiments'}: {', '.join(names)}." if names else (
        f"No model's file in {home() / 'experiments'}; `automl model new NAME --experiment …` writes one."
    )  # fmt: skip
    return f"{target}: no such model here. {listed} {did_you_mean(target, names)}".rstrip()
