"""What only the search, the backends and the calendar can say of an experiment file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from automl_core.backends.contract import check_command
from automl_core.backends.maxcompute.plan import check_task
from automl_core.code import CodeError, choose
from automl_core.preview.data import column_warnings, counted_here
from automl_core.preview.warnings import notes_of, warnings_of
from automl_core.search import create
from automl_core.space import Space
from automl_core.spec.bundles import bundle_of
from automl_core.spec.datanames import input_names
from automl_core.spec.dates import dates_of_now, run_dates
from automl_core.spec.errors import Problem, SpecError, did_you_mean, show
from automl_core.spec.explain import own_problems
from automl_core.spec.loader import locate, read_text
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import Experiment
from automl_core.spec.names import name_taken, taken_message
from automl_core.spec.schedule import schedule_problems
from automl_core.spec.stages import task_places
from automl_core.spec.tasks import LocalTask
from automl_core.spec.yaml_reader import Document
from automl_core.specfiles.beside import with_base
from automl_core.study.history import context_of
from automl_core.templates.loading import parse_document
from automl_core.templates.newer import newer_version
from automl_core.templates.places import Places


def check_file(path: str | Path) -> Experiment:
    """Read an experiment file and check all of it.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    experiment = _checked(read_text(path), str(path), Places.of(path), Path(path))[0]
    _check_name(Path(path), experiment)
    return experiment


def _check_name(path: Path, experiment: Experiment) -> None:
    other = name_taken(path, experiment.name)
    if other is not None:
        raise SpecError([name_problem(path, experiment.name, other)])


def name_problem(path: Path, name: str, other: Path) -> Problem:
    """What to say of a valid experiment file whose name another file has already."""
    problem = Problem(taken_message(other, path, name), ("name",))
    return locate([problem], parse_document(read_text(path), str(path), Places.of(path))[1])[0]


def check_text(text: str, source: str, places: Places | None = None) -> Experiment:
    """Check all of the text of an experiment file.

    Args:
        text: YAML.
        source: what to call it in problems.
        places: where templates lie; those that a text sees which lies nowhere yet, when left out.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    return _checked(text, source, places or Places.of())[0]


@dataclass(frozen=True, slots=True)
class Examined:
    """A file in which nothing is wrong, and what in it may be a slip or is worth knowing, each with its line."""

    experiment: Experiment
    warnings: tuple[Problem, ...]


def examine_file(path: str | Path, home: Path, place: Path | None = None) -> Examined:
    """As `check_file`, with what is valid but may do something else than was meant, or is worth knowing.

    Args:
        path: of the file.
        home: the folder to which a task's ``cwd`` is relative.
        place: where the file is to lie, if that is not where it lies.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    place = place or Path(path)
    examined = examine_text(read_text(path), str(path), home, place, columns=True)
    _check_name(Path(path), examined.experiment)
    return examined


def examine_text(
    text: str, source: str, home: Path, file: Path | None = None, places: Places | None = None, *, columns: bool = False
) -> Examined:
    """As `check_text`, with what is valid but may do something else than was meant (see `examine_file`).

    With ``columns``, data on this machine are looked into for their columns: for whoever may read these files anyway.
    """
    places = places or Places.of(file)
    experiment, document = _checked(text, source, places, file)
    newer = newer_version(experiment.template, places)
    notes = [*notes_of(experiment), *([newer] if newer is not None else [])]
    bundle = bundle_of(file) if file is not None else None
    unknown = column_warnings(experiment, home, bundle) if columns else ()
    if columns:
        try:
            counted_here(experiment, run_dates(dates_of_now(experiment)), home, bundle)
        except SpecError as error:
            raise SpecError(locate(list(error.problems), document)) from None
    found = locate([*warnings_of(experiment, home, file), *unknown, *notes], document)
    return Examined(experiment, tuple(sorted(found, key=lambda problem: problem.line or 0)))


def _checked(text: str, source: str, places: Places, file: Path | None = None) -> tuple[Experiment, Document]:
    """Check a text; with the file that it is of, what lies beside that too, and the spec file's ``base`` is read."""
    experiment, document = parse_document(text, source, places)
    if file is not None:
        try:
            experiment = with_base(experiment, file)
        except SpecError as error:
            raise SpecError(locate(list(error.problems), document)) from None
    problems = locate([*check_experiment(experiment), *_code(experiment, file)], document)
    if problems:
        raise SpecError(sorted(problems, key=lambda problem: problem.line or 0))
    return experiment, document


def check_experiment(experiment: Experiment) -> list[Problem]:
    """Check a validated experiment against the parts of the product that its file names.

    Imports the search algorithm, so it is for `automl validate` and for the start of a run, not for
    the parsing of DAG files.

    Returns:
        Problems without file and line (see `automl_core.spec.loader.locate`); empty when all is well.
    """
    space = Space.from_models(experiment.space)
    return [
        *_warm_start(experiment, space),
        *_algorithm(experiment, space),
        *_commands(experiment, space),
        *schedule_problems(experiment.schedule),
    ]


def _code(experiment: Experiment, file: Path | None) -> Iterator[Problem]:
    code = experiment.program
    if code is None or file is None or code.digest is not None:  # the storage may have what a digest names
        return
    path = ("code",) if isinstance(experiment.code, str) else ("code", "folder")
    place = code.place(file)
    if not place.is_dir():
        yield Problem(
            f"there is no folder {place}", path, found=show(code.folder),
            suggestion="It is relative to the experiment file",
        )  # fmt: skip
        return
    try:
        choose(place, code.ignore)
    except CodeError as error:
        yield Problem(str(error), path, found=show(code.folder))


def _warm_start(experiment: Experiment, space: Space) -> Iterator[Problem]:
    for index, given in enumerate(experiment.search.warm_start):
        path = ("search", "warm_start", index)
        for name, value in given.items():
            parameter = space.by_name.get(name)
            if parameter is None:
                guess = did_you_mean(name, space.by_name)
                known = tuple(space.by_name)
                yield Problem(f"there is no parameter {name!r}", (*path, name), allowed=known, suggestion=guess)
            elif wrong := parameter.check(value) or parameter.off_grid(value):
                yield Problem(wrong, (*path, name), found=show(value))


def _algorithm(experiment: Experiment, space: Space) -> Iterator[Problem]:
    search = experiment.search
    # a wrong combination to start with has its own message
    bare = experiment.model_copy(update={"search": search.model_copy(update={"warm_start": []})})
    try:
        create(search.algorithm, context_of(bare, space)).plan()
    except SpecError as error:
        yield from error.problems
    except ValueError as error:
        for problem in own_problems(error, experiment.model_dump(mode="json")):
            yield problem if problem.path else replace(problem, path=("search", "algorithm"))


def _commands(experiment: Experiment, space: Space) -> Iterator[Problem]:
    names = [*space.by_name, *input_names(experiment.data, experiment.columns)]
    for place, task in task_places(experiment):
        if isinstance(task, LocalTask):
            for message in check_command(task.command, names):
                yield Problem(message.removeprefix("command: "), (*place, "command"))
        if isinstance(task, MaxComputeTask):
            for field, message in check_task(task, names):
                yield Problem(message, (*place, *field))
