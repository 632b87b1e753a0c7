"""Reading experiment files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from automl_core.spec.errors import Problem, SpecError, nearest
from automl_core.spec.kinds import EXPERIMENT, KEY, kind_of, kind_problem
from automl_core.spec.models import Experiment
from automl_core.spec.sizes import PROBLEMS
from automl_core.spec.validation import validate
from automl_core.spec.yaml_reader import MAX_BYTES, Document, read_yaml

T = TypeVar("T")

Expand: TypeAlias = Callable[[Document], Document]
"""Makes a whole experiment of a document that names a template (see `automl_core.templates`), and gives any other back.

It raises `SpecError` where that can't be done."""


def load_experiment(path: str | Path, expand: Expand | None = None) -> Experiment:
    """Read and check an experiment file.

    Args:
        path: a YAML file of at most 1 MiB, in UTF-8.
        expand: lays a template under it; without, a file that names one is refused.

    Raises:
        SpecError: the file can't be read, or anything in it is wrong; it holds all problems.
    """
    return parse_experiment(read_text(path), str(path), expand)


def parse_experiment(text: str, source: str, expand: Expand | None = None) -> Experiment:
    """Check the text of an experiment file.

    Args:
        text: YAML.
        source: what to call it in errors, such as the file's path.
        expand: lays a template under it; without, a file that names one is refused.

    Raises:
        SpecError: anything in it is wrong; it holds all problems.
    """
    return parse_document(text, source, expand)[0]


def parse_document(text: str, source: str, expand: Expand | None = None) -> tuple[Experiment, Document]:
    """As `parse_experiment`, with the document that knows on which line everything stands.

    Raises:
        SpecError: anything in it is wrong; it holds all problems.
    """
    document = read_yaml(text, source)
    problems = list(document.problems)
    if len(problems) > PROBLEMS:
        raise SpecError(first(problems))
    if not document.fatal:
        kind = kind_of(document.data)
        if kind != EXPERIMENT:
            raise SpecError([document.located(kind_problem(kind, EXPERIMENT))])
        if isinstance(document.data, dict):
            document.data.pop(KEY, None)  # said, and of no use to whoever reads the experiment
    if expand is not None and not document.fatal:
        try:
            document = expand(document)
        except SpecError as error:
            raise SpecError(first([*problems, *error.problems])) from None
    experiment = None
    if not document.fatal:
        experiment, more = validate(document.data)
        seen = {problem.path for problem in problems}  # one word on each place is enough
        problems += locate([problem for problem in more if problem.path not in seen][: 2 * PROBLEMS], document)
    if problems or experiment is None:
        raise SpecError(first(problems))
    return experiment, document


def parse_other(
    text: str, source: str, wanted: str, validate: Callable[[Any], tuple[T | None, list[Problem]]]
) -> tuple[T, Document]:
    """Check the text of a file that is of another kind than an experiment's.

    Args:
        text: YAML.
        source: what to call it in errors, such as the file's path.
        wanted: its kind, one of `kinds.KINDS`.
        validate: plain data → the file's model, None where it is wrong, and what is wrong.

    Returns:
        The file, and the document that knows on which line everything stands.

    Raises:
        SpecError: anything in it is wrong; it holds all problems.
    """
    document = read_yaml(text, source)
    problems = list(document.problems)
    if len(problems) > PROBLEMS:
        raise SpecError(first(problems))
    file = None
    if not document.fatal:
        data = document.data
        kind = kind_of(data)
        # without a kind, a goal tells an experiment; without either it is one of ours whose kind was forgotten
        if kind != wanted and isinstance(data, dict) and (KEY in data or "goal" in data):
            raise SpecError([document.located(kind_problem(kind, wanted))])
        file, more = validate(data)
        seen = {problem.path for problem in problems}  # one word on each place is enough
        problems += locate([problem for problem in more if problem.path not in seen][: 2 * PROBLEMS], document)
    if problems or file is None:
        raise SpecError(first(problems))
    return file, document


def first(problems: list[Problem]) -> list[Problem]:
    """Problems in their order in the file; of very many, the first ones, and that there are more."""
    first = problems[0].file if problems else ""
    told = sorted(problems, key=lambda each: (each.file != first, each.file, each.line or 0, each.column or 0))
    if len(told) > PROBLEMS:
        last = told[PROBLEMS - 1]
        more = Problem("there are more problems than these: mend these first", file=last.file, line=last.line)
        told = [*told[: PROBLEMS - 1], more]
    return told


def locate(problems: list[Problem], document: Document) -> list[Problem]:
    """The same problems with file, line and column at which their paths stand; those of another file as they are."""
    return [problem if problem.file else document.located(problem) for problem in problems]


def read_text(path: str | Path) -> str:
    """The text of an experiment file.

    Raises:
        SpecError: it is missing, not readable, too big or not UTF-8.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError([_no_such_file(path)]) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SpecError([Problem(f"the file can't be read: {reason}", file=str(path))]) from None
    if len(content) > MAX_BYTES:
        raise SpecError([Problem(f"the file is larger than {MAX_BYTES >> 20} MiB", file=str(path))])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"the file is not UTF-8: byte 0x{content[error.start]:02x}"
        raise SpecError([Problem(message, file=str(path), line=line, column=column)]) from None


def _no_such_file(path: Path) -> Problem:
    try:
        beside = {
            entry.stem: entry.name for entry in sorted(path.parent.iterdir()) if entry.suffix in (".yaml", ".yml")
        }
    except OSError:
        beside = {}
    near = nearest(path.stem, beside)  # without their endings, which all of them share
    suggestion = f"Did you mean {beside[near]!r}?" if near is not None else ""
    return Problem("there is no such file", file=str(path), suggestion=suggestion)
