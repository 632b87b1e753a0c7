"""What a model's file asks for that its closed environment does not allow: each with its field, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from automl_core.closed.check import (
    beside_problems,
    data_problem,
    opened,
    store_problems,
    tracking_problems,
)
from automl_core.closed.network import Address
from automl_core.closed.policy import Policy
from automl_core.models.file.deploy import Batch, KubernetesBatch, MaxComputeBatch
from automl_core.models.file.kubernetes import KubernetesServers
from automl_core.models.file.model import ModelFile
from automl_core.models.file.relations import named_places
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.errors import Path as Where
from automl_core.spec.errors import Problem


def model_problems(
    file: ModelFile, policy: Policy, *, home: Path, bundle: Path | None = None, path: Path | None = None,
    real: bool = False,
) -> list[Problem]:  # fmt: skip
    """Everything that a closed environment refuses, without file and line; nothing where the model is not closed.

    What of an experiment it would refuse is not looked at here: a retraining is a run of the experiment, and held to
    the same lists as it begins.

    Args:
        file: the model's.
        policy: the deployment's lists.
        home: folder to which paths of the file are relative.
        bundle: folder of the DAG bundle; ``home`` where there is none.
        path: where the file lies; None where only its text is known.
        real: whether to follow links of the file system: where something begins, not each time that a file is parsed.
    """
    if not (policy.closed or file.closed):
        return []
    if policy.problems:
        return [Problem(f"the lists of this closed environment can't be read: {each}") for each in policy.problems]
    found = [
        *opened(policy, file.closed, "closed" in file.model_fields_set),
        *(tracking_problems() if file.mlflow is not None else ()),
        *_stores(file, policy, home, real),
        *_data(file, policy, home, bundle, real),
        *_program(file),
        *_endpoint(file, policy),
    ]
    if path is not None:
        found += beside_problems(_beside(file, path), path, home, bundle)
    if file.batch is not None:
        found += _backend(file.batch, policy, home)
    if isinstance(file.deploy, KubernetesServers):
        found.append(
            Problem(
                "servers in pods are not fenced in by this release, so a closed environment takes none",
                ("deploy", "to"), found="kubernetes", allowed=("batch", "servers"),
            )
        )  # fmt: skip
    return found


def _stores(file: ModelFile, policy: Policy, home: Path, real: bool) -> Iterator[Problem]:
    """The model's own store, and those of the experiments whose results are copied from there."""
    yield from store_problems(file.output.storage, ("output", "storage"), policy, home, real=real)
    for index, source in enumerate(file.sources):
        if source.storage != file.output.storage:
            where: Where = ("candidates", "experiments", index, "storage")
            yield from store_problems(str(source.storage), where, policy, home, real=real)


def _data(file: ModelFile, policy: Policy, home: Path, bundle: Path | None, real: bool) -> Iterator[Problem]:
    for where, text in named_places(file):
        problem = data_problem(text.replace(f"${{{BUNDLE_DIR}}}", str(bundle or home)), where, policy, home, real=real)
        if problem is not None:
            yield problem


def _program(file: ModelFile) -> Iterator[Problem]:
    if file.evaluate.program is not None:
        yield Problem(
            "a scoring program is a process of Airflow's worker, whose network nothing fences; a closed environment "
            "takes none", ("evaluate", "program"), suggestion="Offer models that this product has written",
        )  # fmt: skip


def _endpoint(file: ModelFile, policy: Policy) -> Iterator[Problem]:
    """Rows are sent there: it must lie in a network that the deployment names, and be named by its address."""
    endpoint = (file.watch.endpoint if file.watch is not None else None) or None
    if endpoint is None or endpoint.url is None:
        return
    parts = urlsplit(endpoint.url)
    address = Address(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    if not any(each.covers(address) for each in policy.reaches):
        yield Problem(
            "rows would be sent there, and it lies in no network that this closed environment names (a host's name may "
            "mean any)", ("watch", "endpoint", "url"), found=endpoint.url,
            allowed=tuple(map(str, policy.reaches)) or ("no address: the deployment names no network",),
            suggestion="Name the server by its address, or say endpoint: false",
        )  # fmt: skip


def _beside(file: ModelFile, path: Path) -> Iterator[tuple[Where, Path]]:
    folder = path.absolute().parent
    if isinstance(file.evaluate.tests, str):
        yield ("evaluate", "tests"), folder / file.evaluate.tests
    program = file.evaluate.program
    if program is not None and program.environment is not None:
        yield ("evaluate", "program", "environment", "lock"), folder / program.environment.lock


def _backend(deploy: Batch, policy: Policy, home: Path) -> Iterator[Problem]:
    if isinstance(deploy, KubernetesBatch):
        yield Problem(
            "pods that score are not fenced in by this release, so a closed environment takes none",
            ("deploy", "backend"), found="kubernetes", allowed=("local", "maxcompute"),
        )  # fmt: skip
    if isinstance(deploy, MaxComputeBatch) and deploy.project is not None:
        problem = data_problem(f"odps://{deploy.project}/x", ("deploy", "project"), policy, home)
        if problem is not None:
            yield Problem(
                f"the project {deploy.project} is not on this deployment's list", problem.path, found=deploy.project,
                allowed=problem.allowed,
            )  # fmt: skip
