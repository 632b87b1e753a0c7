"""What an annotation project's file asks for that its closed environment does not allow: each with its field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.relations import named_places
from automl_core.closed.check import data_problem, opened, store_problems
from automl_core.closed.policy import Policy
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.errors import Problem


def annotation_problems(
    file: AnnotationFile, policy: Policy, *, home: Path, bundle: Path | None = None,
    real: bool = False,
) -> list[Problem]:  # fmt: skip
    """Everything that a closed environment refuses, without file and line; nothing where the project is not closed.

    What of an experiment it would refuse is not looked at here: a training is a run of the experiment, and held to the
    same lists as it begins.

    Args:
        file: the project's.
        policy: the deployment's lists.
        home: folder to which paths of the file are relative.
        bundle: folder of the DAG bundle; ``home`` where there is none.
        real: whether to follow links of the file system: where something begins, not each time that a file is parsed.
    """
    if not (policy.closed or file.closed):
        return []
    if policy.problems:
        return [Problem(f"the lists of this closed environment can't be read: {each}") for each in policy.problems]
    return [
        *opened(policy, file.closed, "closed" in file.model_fields_set),
        *_stores(file, policy, home, real),
        *_data(file, policy, home, bundle, real),
        *_programs(file),
        *_label_studio(file),
    ]


def _stores(file: AnnotationFile, policy: Policy, home: Path, real: bool) -> Iterator[Problem]:
    """The project's own store, and those of the experiments whose models are read from there."""
    yield from store_problems(file.output.storage, ("output", "storage"), policy, home, real=real)
    for index, each in enumerate(file.models):
        if each.storage is not None and each.storage != file.output.storage:
            yield from store_problems(each.storage, ("models", index, "storage"), policy, home, real=real)


def _data(file: AnnotationFile, policy: Policy, home: Path, bundle: Path | None, real: bool) -> Iterator[Problem]:
    for where, text in named_places(file):
        problem = data_problem(text.replace(f"${{{BUNDLE_DIR}}}", str(bundle or home)), where, policy, home, real=real)
        if problem is not None:
            yield problem


def _programs(file: AnnotationFile) -> Iterator[Problem]:
    for index, each in enumerate(file.models):
        if each.is_program:
            yield Problem(
                f"the program {each.title} is a process of Airflow's worker, whose network nothing fences; a closed "
                "environment takes none", ("models", index, "command"), suggestion="Name an experiment",
            )  # fmt: skip


def _label_studio(file: AnnotationFile) -> Iterator[Problem]:
    """Items would be sent to a server whose address stands in a connection alone, and lie in its database."""
    if file.people.where == "label-studio":
        yield Problem(
            "items would be copied to another server, and they may not leave this deployment's stores",
            ("people", "where"), found="label-studio", allowed=("page", "files"),
        )  # fmt: skip
