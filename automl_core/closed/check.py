"""What an experiment asks for that its closed environment does not allow: each with its field, and what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_core.closed import statements
from automl_core.closed.places import is_allowed, parse_place
from automl_core.closed.pods import (
    capability_problems,
    claim_problems,
    folder_problems,
    image_problem,
    images_in,
    ways_out,
)
from automl_core.closed.policy import SECTION, Policy
from automl_core.closed.values import Values
from automl_core.spec.bundles import BUNDLE_DIR, bundle_of
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.errors import Path as Where
from automl_core.spec.errors import Problem, show
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import Experiment
from automl_core.spec.predictions import predict_texts
from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.tasks import LocalTask, TaskBase


def experiment_problems(
    experiment: Experiment, policy: Policy, *, home: Path, bundle: Path | None = None, file: Path | None = None,
    real: bool = False, templates: Sequence[Path] = (),
) -> list[Problem]:  # fmt: skip
    """Everything that a closed environment refuses, without file and line; nothing where the experiment is not closed.

    Args:
        experiment: as it is to run: of a template expanded, with the run's conf in it.
        policy: the deployment's lists.
        home: folder to which paths of the file are relative.
        bundle: folder of the DAG bundle; ``home`` where there is none.
        file: the experiment file; None where only its text is known.
        real: whether to follow links of the file system: where it begins, not each time that a file is parsed.
        templates: folders with templates that the deployment has chosen.
    """
    if not (policy.closed or experiment.closed):
        return []
    if policy.problems:
        return [Problem(f"the lists of this closed environment can't be read: {each}") for each in policy.problems]
    found = [
        *opened(policy, experiment.closed, "closed" in experiment.model_fields_set),
        *(tracking_problems() if experiment.mlflow is not None else ()),
        *store_problems(experiment.output.storage, ("output", "storage"), policy, home, real=real),
        *_data(experiment, policy, home, bundle, real),
    ]
    if file is not None:
        found += beside_problems(_beside(experiment, file), file, home, bundle, templates)
    values = Values(experiment)
    for where in TASK_LISTS:
        for index, task in enumerate(getattr(experiment, where)):
            found += _task(task, (where, index), policy, home, bundle, values)
    if _in_pods(experiment):
        found += _no_fence(policy)
    return found


def opened(policy: Policy, closed: bool, stated: bool) -> Iterator[Problem]:
    """What to say of a file that would open a closed deployment.

    Args:
        policy: the deployment's lists.
        closed: what the file says.
        stated: whether it does.
    """
    if policy.closed and stated and not closed:
        yield Problem(
            "this deployment is closed, and a file can't open it", ("closed",), found="false", allowed=("true",),
            suggestion="Leave it out",
        )  # fmt: skip


def tracking_problems() -> Iterator[Problem]:
    """What to say of a file that names an MLflow server."""
    yield Problem(
        "in a closed environment nothing is told to an MLflow server: its address is in a connection, which no "
        "list is held against", ("mlflow",),
        suggestion="Leave it out, and run `automl export mlflow` where that is allowed",
    )  # fmt: skip


def store_problems(
    storage: str, where: Where, policy: Policy, home: Path, *, real: bool = False
) -> Iterator[Problem]:  # fmt: skip
    """What is wrong with a model storage path.

    Args:
        storage: the path.
        where: its place in the file.
        policy: the deployment's lists.
        home: folder to which a relative one is relative.
        real: whether to follow links of the file system.
    """
    try:
        fine = is_allowed(parse_place(storage, home, real=real), policy.stores)
    except ValueError as error:
        yield Problem(str(error), where)
        return
    if not fine:
        yield Problem(
            f"the store {storage} is not on this deployment's list", where, found=show(storage),
            allowed=tuple(rule.text for rule in policy.stores) or (f"none: [{SECTION}] closed_stores is empty",),
        )  # fmt: skip


def data_problem(text: str, where: Where, policy: Policy, home: Path, *, real: bool = False) -> Problem | None:
    """What is wrong with one place that data are read from.

    Args:
        text: the place, as the file writes it.
        where: its place in the file.
        policy: the deployment's lists.
        home: folder to which relative ones are relative.
        real: whether to follow links of the file system.
    """
    fixed = text.partition("${")[0]
    place = fixed.rpartition("/")[0] if fixed != text else text  # of a date in it, what stands before is known
    place = re.split(r"[*?\[]", place, maxsplit=1)[0].rpartition("/")[0] if re.search(r"[*?\[]", place) else place
    try:
        fine = ".." not in text.partition("${")[2].split("/") and is_allowed(
            parse_place(place, home, real=real), policy.data
        )
    except ValueError as error:
        return Problem(str(error), where)
    if fine:
        return None
    listed = tuple(rule.text for rule in policy.data) or (f"none: [{SECTION}] closed_data is empty",)
    return Problem(f"the data {text} are not on this deployment's list", where, found=show(text), allowed=listed)


def _data(experiment: Experiment, policy: Policy, home: Path, bundle: Path | None, real: bool) -> Iterator[Problem]:
    """The places of an experiment's data sets, and of the tables that its model scores."""
    for at, text in predict_texts(experiment):
        problem = data_problem(text, at, policy, home, real=real)
        if problem is not None:
            yield problem
    for name, given in experiment.data.items():
        where: Where = ("data", name) if isinstance(given, str) else ("data", name, "place")
        text = (given if isinstance(given, str) else given.place).replace(f"${{{BUNDLE_DIR}}}", str(bundle or home))
        problem = data_problem(text, where, policy, home, real=real)
        if problem is not None:
            yield problem


def _beside(experiment: Experiment, file: Path) -> Iterator[tuple[Where, Path]]:
    """What is read from beside the experiment file, and goes along with the run."""
    code = experiment.program
    if code is not None:
        yield ("code",) if isinstance(experiment.code, str) else ("code", "folder"), code.place(file)
    if experiment.spec_file is not None and experiment.spec_file.to_read is not None:
        yield ("spec_file", "base"), file.absolute().parent / experiment.spec_file.to_read


def beside_problems(
    named: Iterable[tuple[Where, Path]], file: Path, home: Path, bundle: Path | None, templates: Sequence[Path] = ()
) -> Iterator[Problem]:
    """What is wrong with what a file reads from beside it.

    Args:
        named: each with its field.
        file: the file.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle; ``home`` where there is none.
        templates: folders with templates that the deployment has chosen.
    """
    roots = {Path(os.path.realpath(each)) for each in (home, bundle or home, bundle_of(file), *templates)}
    for where, path in named:
        if not any(Path(os.path.realpath(path)).is_relative_to(root) for root in roots):
            yield Problem(
                "what lies outside of AUTOML_HOME, of the bundle and of the folders with templates is not on this "
                "deployment's list", where, found=show(str(path)),
                allowed=("what lies below AUTOML_HOME, or in the bundle of the file",),
            )  # fmt: skip


def _in_pods(experiment: Experiment) -> bool:
    tasks = [task for where in TASK_LISTS for task in getattr(experiment, where)]
    return any(isinstance(task, KubernetesTask | CustomResourceTask) for task in tasks)


def _no_fence(policy: Policy) -> Iterator[Problem]:
    """Without these nobody could tell whether a network policy holds."""
    for option, addresses, what in (
        ("closed_reachable", policy.reachable, "an address of closed_network at which a server listens"),
        ("closed_forbidden", policy.forbidden, "one outside of it at which a server listens"),
    ):
        if not addresses:
            yield Problem(
                f"[{SECTION}] {option} of this deployment names no address that a probe could try, so nobody could "
                "tell whether the cluster's network policies hold",
                suggestion=f"Its operator names {what}",
            )


def _task(
    task: TaskBase, where: Where, policy: Policy, home: Path, bundle: Path | None, values: Values
) -> Iterator[Problem]:
    if isinstance(task, LocalTask):
        yield Problem(
            "a local training is a process of Airflow's worker, whose network nothing fences; a closed environment "
            "takes none", (*where, "backend"), found="local", allowed=("kubernetes", "custom_resource", "maxcompute"),
        )  # fmt: skip
    elif isinstance(task, KubernetesTask):
        yield from _pod(task, where, policy, home, bundle, values)
    elif isinstance(task, CustomResourceTask):
        yield from _resource(task, where, policy, home, values)
    elif isinstance(task, MaxComputeTask):
        yield from statements.problems_of(task, where, policy)


def _pod(
    task: KubernetesTask, where: Where, policy: Policy, home: Path, bundle: Path | None, values: Values
) -> Iterator[Problem]:
    template = _template(task, home, bundle)
    found: list[tuple[Where, Any]] = [((*where, "image"), task.image)]
    if task.artifacts is not None:
        found += [((*where, "artifacts", "image"), task.artifacts.image)]
        yield from _servers(task.artifacts.env, (*where, "artifacts", "env"), policy)
    if template is not None:
        spec = _shown(template, task)
        found += [((*where, "pod_template", *place), text) for place, text in images_in(spec)]
        yield from _at_file(ways_out(template, policy, home, (*where, "pod_template")), task, where)
    for place, text in found:
        problem = image_problem(text, place, policy, values.of(str(text)))
        if problem is not None:
            yield from _at_file([problem], task, where)
    for index, volume in enumerate(task.volumes):
        at = (*where, "volumes", index)
        if volume.claim is not None:
            yield from claim_problems(volume.claim, policy, home, (*at, "claim"))
        if volume.host_path is not None:
            yield from folder_problems(volume.host_path, policy, home, (*at, "host_path"))
    mount = task.storage_mount
    if mount is not None and mount.claim is not None:
        yield from claim_problems(mount.claim, policy, home, (*where, "storage_mount", "claim"))
    if mount is not None and mount.host_path is not None:
        yield from folder_problems(mount.host_path, policy, home, (*where, "storage_mount", "host_path"))
    yield from capability_problems(task.security.add_capabilities, (*where, "security", "add_capabilities"))
    yield from _read_by_the_worker(task, where)


def _template(task: KubernetesTask, home: Path, bundle: Path | None) -> Mapping[str, Any] | None:
    """The pod that a task starts from; None without one, and where its file can't be read: its start will say so."""
    if not isinstance(task.pod_template, str):
        return task.pod_template
    if _leads_out(task.pod_template):
        return None
    import yaml

    from automl_core.spec.bundles import in_bundle

    try:
        found = yaml.safe_load(in_bundle(task.pod_template, home, bundle).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def _shown(template: Mapping[str, Any], task: KubernetesTask) -> Mapping[str, Any]:
    """A template without the image that the task's own goes over."""
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    if not task.image or not isinstance(containers, list) or not containers or not isinstance(containers[0], Mapping):
        return template
    first = {key: value for key, value in containers[0].items() if key != "image"}
    return {**template, "spec": {**spec, "containers": [first, *containers[1:]]}}  # type: ignore[dict-item]


def _at_file(problems: Iterator[Problem] | Sequence[Problem], task: KubernetesTask, where: Where) -> Iterator[Problem]:
    """Of a template that is a file of its own, what is wrong stands where the experiment's file names that file."""
    from dataclasses import replace

    from automl_core.spec.errors import format_path

    at = (*where, "pod_template")
    for problem in problems:
        inside = problem.path[len(at) :]
        if isinstance(task.pod_template, str) and problem.path[: len(at)] == at and inside:
            yield replace(problem, path=at, message=f"{task.pod_template}: {format_path(inside)}: {problem.message}")
        else:
            yield problem


def _servers(variables: Mapping[str, str], where: Where, policy: Policy) -> Iterator[Problem]:
    """Addresses of servers to which the helpers that carry models would go instead."""
    for name, value in variables.items():
        if not name.upper().startswith("AWS_ENDPOINT_URL") and name.upper() != "OSS_ENDPOINT":
            continue
        try:
            fine = "${" not in value and any(rule.is_at(value) for rule in policy.stores)
        except ValueError:
            fine = False
        if not fine:
            yield Problem(
                "no store on this deployment's list is at this server", (*where, name), found=show(value),
                allowed=tuple(rule.text for rule in policy.stores),
            )  # fmt: skip


def _read_by_the_worker(task: KubernetesTask, where: Where) -> Iterator[Problem]:
    """Files that the worker would read from outside of its own folders, and hand to the pod."""
    named: list[tuple[Where, str]] = [((*where, "files", path), file) for path, file in task.files.items()]
    if isinstance(task.pod_template, str):
        named.append(((*where, "pod_template"), task.pod_template))
    for place, file in named:
        if _leads_out(file):
            yield Problem(
                "a file from outside of AUTOML_HOME and of the bundle is not on this deployment's list", place,
                found=show(file), allowed=("a file below AUTOML_HOME", f"a file below ${{{BUNDLE_DIR}}}"),
            )  # fmt: skip


def _leads_out(file: str) -> bool:
    """Whether a path that the worker reads leads out of its folders, or may."""
    below = file.removeprefix(f"${{{BUNDLE_DIR}}}/")
    plain = os.path.normpath(below)
    return os.path.isabs(below) or plain == ".." or plain.startswith("../") or "${" in below


def _resource(task: CustomResourceTask, where: Where, policy: Policy, home: Path, values: Values) -> Iterator[Problem]:
    at = (*where, "resource")
    named = [(place, text) for place, text in images_in(task.resource, at) if text not in (None, "")]
    for place, text in named:
        problem = image_problem(text, place, policy, values.of(str(text)))
        if problem is not None:
            yield problem
    if not named:
        yield Problem(
            f"the {task.kind} names no image, so it would take one of a runtime or template of the cluster, which is "
            "on no list here", at, suggestion="Name the image in the resource",
        )  # fmt: skip
    yield from ways_out(task.resource, policy, home, at)
    kind = f"{task.api_version.partition('/')[0]}/{task.kind}"
    label = policy.resources.get(kind)
    if label is None:
        yield Problem(
            f"of a {task.kind} this deployment knows no label that all of its pods have, so no network policy can hold "
            "them", (*at, "kind"), found=show(task.kind), allowed=tuple(policy.resources),
            suggestion=f"Its operator can add one: [{SECTION}] closed_resources",
        )  # fmt: skip
    elif task.pods is None or task.pods.label != label:
        yield Problem(
            f"the label that all pods of a {task.kind} have is {label}: a network policy by another one would not hold "
            "them", (*where, "pods", *(("label",) if task.pods is not None else ())),
            found=show(task.pods.label) if task.pods is not None else None, allowed=(label,),
        )  # fmt: skip
