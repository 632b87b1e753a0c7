"""What lies beside a model's file: its regression tests, the lock file of its program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from automl_core.models.evaluation.tests import RegressionTest
from automl_core.models.file.model import ModelFile
from automl_core.spec.base import Model
from automl_core.spec.bundles import counts
from automl_core.spec.errors import Problem, SpecError, show
from automl_core.spec.explain import explain
from automl_core.spec.loader import locate, read_text
from automl_core.spec.names import folder_of
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import PROBLEMS
from automl_core.spec.yaml_reader import read_yaml


class TestsFile(Model):
    """A file of regression tests."""

    __test__ = False  # no test of pytest's

    tests: list[RegressionTest] = Field(max_length=1_000, description="The tests, as `evaluate.tests` has them.")


def regression_tests(file: ModelFile, path: Path) -> list[RegressionTest]:
    """The regression tests of a model, wherever they stand.

    Args:
        file: the model's.
        path: where that lies.

    Raises:
        SpecError: the file that it names can't be read, or is wrong; with that file's lines.
    """
    given = file.evaluate.tests
    return given if isinstance(given, list) else _read_tests(path.absolute().parent / given)


def problems_beside(file: ModelFile, path: Path) -> Iterator[Problem]:
    """What is wrong with the files that a model's file names; those of another file have it and its lines.

    Args:
        file: the model's.
        path: where that lies.
    """
    tests = file.evaluate.tests
    if isinstance(tests, str):
        beside = path.absolute().parent / tests
        if not beside.name.startswith(("_", ".")) and counts(folder_of(beside)):
            yield Problem(
                f"Airflow takes {beside.name} for the file of an experiment, since it lies below a folder of these",
                ("evaluate", "tests"), found=show(tests), suggestion=f"Call it _{beside.name}",
            )  # fmt: skip
        elif not (path.absolute().parent / tests).is_file():
            yield _none_beside(tests, ("evaluate", "tests"))
        else:
            try:
                regression_tests(file, path)
            except SpecError as error:
                yield from error.problems
    program = file.evaluate.program
    if program is not None and program.environment is not None:
        lock = program.environment.lock
        if not (path.absolute().parent / lock).is_file():
            yield _none_beside(lock, ("evaluate", "program", "environment", "lock"))


def _none_beside(name: str, where: tuple[str, ...]) -> Problem:
    return Problem(
        f"there is no file {name!r} beside this one", where, found=show(name), suggestion="It is relative to this file"
    )


def _read_tests(path: Path) -> list[RegressionTest]:
    """The tests of a file: a list, or a mapping with the key ``tests``."""
    document = read_yaml(read_text(path), str(path))
    problems = list(document.problems)
    found: TestsFile | None = None
    if not problems:
        data: Any = document.data
        bare = isinstance(data, list)
        try:
            found = TestsFile.model_validate({"tests": data} if bare else data)
        except ValidationError as error:
            whole = {"tests": data} if bare else data
            told = explain(error, Shape(TestsFile), whole, whole=TestsFile)[:PROBLEMS]
            if bare:  # the file has no key over the list
                told = [Problem(each.message, each.path[1:], found=each.found, allowed=each.allowed,
                                suggestion=each.suggestion) for each in told]  # fmt: skip
            problems = locate(told, document)
    if problems or found is None:
        raise SpecError(problems)
    return found.tests
