"""From what a person types (a name, a file, a folder, an address) to an experiment and where its runs lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from automl_core.cli.served import Served
    from automl_core.spec.models import Experiment
    from automl_core.storage.base import ObjectStore
    from automl_core.study.journal import StudyJournal

T = TypeVar("T")

FOLDER = "experiments"
"""Where experiment files lie below AUTOML_HOME."""


class UserError(Exception):
    """What was typed can't be done. The message says why and what can."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run of an experiment lies: a store and the run's prefix in it."""

    store: ObjectStore
    prefix: str

    @property
    def folder(self) -> str:
        """The run's folder as people write it: a path on this machine, or an address."""
        return f"{self.store.url.rstrip('/')}/{self.prefix}".rstrip("/").removeprefix("file://")

    def journal(self) -> StudyJournal:
        """The run's journal; nothing is read yet."""
        from automl_core.study.journal import StudyJournal

        journal = StudyJournal(self.store, self.prefix)
        journal.paced = False
        return journal


def home() -> Path:
    """The folder to which relative paths of experiment files are relative.

    AUTOML_HOME, else the checkout that this code lies in, else the current folder: as in the DAGs.
    """
    if os.environ.get("AUTOML_HOME"):
        return Path(os.environ["AUTOML_HOME"]).expanduser()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / FOLDER).is_dir() else Path.cwd()


def experiment_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every experiment below ``folder/experiments`` and ``folder/automl``, without checking the files.

    Files of models and of annotation projects are left out.
    """
    from automl_core.spec import names
    from automl_core.spec.bundles import FOLDERS
    from automl_core.spec.kinds import ANNOTATION, MODEL

    for path in [each for name in FOLDERS for each in names.experiment_files(folder / name)]:
        if names.stated_kind(path) not in (MODEL, ANNOTATION):
            yield names.stated_name(path) or path.stem, path


def find_experiment(target: str) -> tuple[str, Path | None]:
    """The name and the file of an experiment.

    Args:
        target: path of its file, its name, or the file's name without folder.

    Returns:
        The file is None when there is none of that name on this machine.

    Raises:
        UserError: it is the file of a model or an annotation project, which may have the name of an experiment.
    """
    if target.endswith((".yaml", ".yml")):
        for path in (Path(target), home() / target, home() / FOLDER / target):
            if path.is_file():
                return _experiment_in(path), path
        return target, Path(target)  # reading it says what is wrong
    for name, path in experiment_files(home()):
        if target in (name, path.stem):
            return name, path
    return target, None


def _experiment_in(path: Path) -> str:
    """The name that an experiment's file states."""
    from automl_core.spec import names
    from automl_core.spec.kinds import ANNOTATION, MODEL

    found = names.stated(path)
    if found is not None and found.kind in (MODEL, ANNOTATION):
        raise UserError(f"{path} is the file of {found}, and an experiment is wanted here")
    return found.name if found is not None else path.stem


def files_of(kind: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every file of a kind below ``folder/experiments`` and ``folder/automl``, the files unchecked."""
    from automl_core.spec import names
    from automl_core.spec.bundles import FOLDERS

    for path in [each for name in FOLDERS for each in names.experiment_files(folder / name)]:
        if names.stated_kind(path) == kind:
            yield names.stated_name(path) or path.name.partition(".")[0], path


def file_or_address(target: str, kind: str, below: str) -> Path | tuple[str, str] | None:
    """What somebody means who names something that keeps a journal: a model, an annotation project.

    Args:
        target: its file, its name, or the address of its folder.
        kind: of its file.
        below: the folder of a storage path in which folders of that kind lie, with its '/'.

    Returns:
        The file; or the storage path and the name, where it is an address; or None.

    Raises:
        UserError: the address of another kind of folder.
    """
    from automl_core.spec.kinds import a_noun_of

    if target.endswith((".yaml", ".yml")):
        tried = (Path(target), home() / target, home() / FOLDER / target)
        return next((each for each in tried if each.is_file()), Path(target))
    for name, path in files_of(kind, home()):  # first: a folder that is called like one doesn't hide it
        if target in (name, path.stem, path.name.partition(".")[0]):
            return path
    address = target.rstrip("/")
    if "://" not in address and not Path(address).is_dir():
        return None
    storage, _, name = address.rpartition("/")
    above, _, folder = storage.rpartition("/")
    if folder != below.strip("/") or not name:
        wanted = f"the folder of {a_noun_of(kind)} is wanted, such as s3://bucket/runs/{below}NAME"
        raise UserError(f"{target}: {wanted}")
    return (above if "://" in above else f"file://{Path(above).resolve()}"), name


def run_place(experiment: Experiment, run_id: str) -> Place:
    """Where a run of an experiment lies, or will lie."""
    from automl_core.storage import open_store
    from automl_core.study.finding import find_prefix

    store = open_store(experiment.output.storage, base=home())
    return Place(store, find_prefix(store, experiment.name, run_id, by_folder=True))


def open_output(storage: str, connection: str | None) -> ObjectStore:
    """The store that a file names as its output, with the environment's keys.

    Args:
        storage: the model storage path.
        connection: the Airflow connection that has its keys, where the file names one.

    Raises:
        UserError: the keys are those of the connection, and the environment has none.
        StorageError: it can't be opened.
    """
    from automl_core.data.access import DataError, FromEnvironment
    from automl_core.storage import open_store

    if connection is None:
        return open_store(storage, base=home())
    try:
        return FromEnvironment().store(storage, connection)
    except DataError as error:
        raise UserError(f"{storage}: {error}") from None


def find_run(target: str, run_id: str | None = None) -> Place:
    """Where a run lies.

    Args:
        target: an experiment's name or file, the folder of a run or of an experiment, or its address.
        run_id: which run; the newest one when left out.

    Raises:
        UserError, LookupError: there is no such experiment or no run of it; the message says what there is.
        SpecError: the experiment's file is wrong.
    """
    from automl_core.results.reading import find_run as newest_run
    from automl_core.storage import open_store
    from automl_core.study.layout import folders_of, safe
    from automl_core.templates import load_experiment

    if "://" in target or Path(target).is_dir():
        store = open_store(target, base=Path.cwd())
        if run_id is None:
            return Place(store, newest_run(store))
        folders = [f"{folder}/" for folder in folders_of(run_id)]
        return Place(store, next((each for each in folders if store.list(each, limit=1)), folders[0]))
    name, path = find_experiment(target)
    if path is None:
        raise UserError(_unknown(target))
    experiment = load_experiment(path)
    if run_id is not None:
        return run_place(experiment, run_id)
    store = open_store(f"{experiment.output.storage.rstrip('/')}/{safe(experiment.name)}", base=home())
    try:
        return Place(store, newest_run(store))
    except LookupError:
        raise UserError(f"{name} has not run yet: nothing in {store.url}") from None


def from_here_or_server(target: str, run_id: str | None, here: Callable[[], T], there: Callable[[Served], T]) -> T:
    """What is asked of a run: of its journal where it can be read from here, else of the server that runs it.

    Where AIRFLOW_API_URL says which server is meant, that is asked first; where the keys to its bucket are Airflow's
    (`needs_airflow`), only the server is.

    Args:
        target: an experiment's name or file, or a folder or address.
        run_id: which run; the newest one when left out.
        here: reads the journal.
        there: asks the server.

    Raises:
        UserError, LookupError, StorageError: as ``here``, where the server doesn't know the run.
        ClientError: the server knows the run and can't read it either, or only the server could read it.
    """
    from automl_core.cli.served import asks_the_server_first, find_served, open_served
    from automl_core.spec.errors import SpecError
    from automl_core.storage import StorageError

    if "://" in target or Path(target).is_dir():
        return here()
    name, _ = find_experiment(target)
    if needs_airflow(target):
        with open_served(name, run_id) as only:
            return there(only)
    served = find_served(name, run_id) if asks_the_server_first() else None
    if served is not None:
        with served:
            return there(served)
    try:
        return here()
    except (UserError, LookupError, StorageError, SpecError) as error:
        if isinstance(error, KeyError | IndexError):
            raise
        served = None if asks_the_server_first() else find_served(name, run_id)
        if served is None:
            raise
    with served:
        return there(served)


def needs_airflow(target: str) -> bool:
    """Whether the file of what a person names has a connection: the keys to its bucket are Airflow's alone.

    Args:
        target: an experiment's name or file, or a folder or address.
    """
    from automl_core.spec.errors import SpecError
    from automl_core.templates import load_experiment

    if "://" in target or Path(target).is_dir():
        return False
    _, path = find_experiment(target)
    if path is None:
        return False
    try:
        return load_experiment(path).output.connection is not None
    except SpecError:  # whoever needs the file says what is wrong with it
        return False


def _unknown(target: str) -> str:
    from automl_core.spec.errors import did_you_mean

    known = [name for name, _ in experiment_files(home())]
    guess = did_you_mean(target, known)
    listed = f"Experiments in {home() / FOLDER}: {', '.join(known)}." if known else f"No files in {home() / FOLDER}."
    return f"{target}: no such folder, file or experiment here. {listed} {guess}".rstrip()
