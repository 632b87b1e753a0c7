"""``automl serving``: the servers of a model in a Kubernetes cluster, as its file says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from automl_core.backends.kubernetes.access import Cluster
    from automl_core.backends.kubernetes.api import KubernetesApi
    from automl_core.serving.kubernetes.plan import Plan

app = typer.Typer(help="Servers of a model in a Kubernetes cluster, as its file says.", no_args_is_help=True)

Result = TypeVar("Result")

File = Annotated[str, typer.Argument(metavar="FILE", help="The model's file, or its name.")]
Context = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig; its current one.")
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Where the file names none; that of the context."),
]
WAIT = typer.Option("--wait/--no-wait", help="Whether to wait until they answer.")
JSON = typer.Option("--json", help="JSON, for other programs.")


@app.callback()
def main() -> None:
    """Servers of a model in a Kubernetes cluster: the cluster of the kubeconfig, or the one that this runs in."""


@app.command()
def manifests(file: File, namespace: Namespace = None) -> None:
    """Print the objects as YAML, for GitOps; nothing is asked of a cluster.

    Where load decides how many servers there are, the number is left out: who applies it would set it back.
    """
    import yaml

    from automl_core.serving.kubernetes.objects import objects_of

    plan = _plan(file, namespace or "default")
    print(yaml.safe_dump_all(objects_of(plan), sort_keys=False, width=120), end="")


@app.command()
def apply(file: File, context: Context = None, namespace: Namespace = None, wait: Annotated[bool, WAIT] = True) -> None:
    """Make the servers, or what of them has changed; wait until they answer, take away what is not wanted any more.

    The task `deploy` of the model's rollout does the same. Nothing that isn't ours is touched.
    """
    from automl_core.serving.kubernetes.applying import Applying
    from automl_core.serving.kubernetes.objects import address_of

    cluster = _cluster(context, namespace)
    plan = _plan(file, cluster.namespace_or_default())
    done = _asked(cluster, lambda api: Applying(api, plan, print).ensure(wait=wait))
    if not (done.made or done.changed or done.removed):
        print(f"{plan.namespace}/{plan.name}: all is as the file says")
    print(f"{address_of(plan)} answers from within the cluster")


@app.command()
def status(
    file: File, context: Context = None, namespace: Namespace = None, as_json: Annotated[bool, JSON] = False
) -> None:
    """Say how the servers are, and why they are not as they should be. The exit code is 1 then."""
    from dataclasses import asdict

    from automl_core.cli.output import print_json
    from automl_core.serving.kubernetes.objects import address_of
    from automl_core.serving.kubernetes.standing import look

    cluster = _cluster(context, namespace)
    plan = _plan(file, cluster.namespace_or_default())
    standing = _asked(cluster, lambda api: look(api, plan))
    if as_json:
        place = {"namespace": plan.namespace, "name": plan.name, "address": address_of(plan)}
        print_json(place | ({"there": False} if standing is None else {"there": True, **asdict(standing)}))
    elif standing is None:
        print(f"{plan.namespace}/{plan.name}: there are none; `automl serving apply {file}` makes them")
    else:
        print(f"{standing.kind} {plan.namespace}/{plan.name}: {standing}")
        print(f"  {address_of(plan)}")
        for line in (*standing.problems, *([standing.given_up] if standing.given_up else ()), *standing.notes):
            print(f"  {line}")
    if standing is None or not standing.finished:
        raise typer.Exit(1)


@app.command()
def delete(
    file: File, context: Context = None, namespace: Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:  # fmt: skip
    """Take away what the model's file has made in the cluster. What other models share stays theirs.

    Whose file is gone already names the model: `automl serving delete churn --namespace models`.
    """
    from automl_core.serving.kubernetes.applying import Applying

    cluster = _cluster(context, namespace)
    plan = _plan(file, cluster.namespace_or_default(), gone=True)
    if not yes:
        typer.confirm(f"Nobody answers for {plan.model} in {plan.namespace} then. Go on?", abort=True)
    done = _asked(cluster, lambda api: Applying(api, plan, print).remove())
    if not done.removed:
        print(f"{plan.namespace}: nothing is there of {plan.model} alone")


def _plan(target: str, namespace: str, *, gone: bool = False) -> Plan:
    """What a model's file wants.

    Args:
        target: the file, or the model's name.
        namespace: where the file names none.
        gone: whether a name will do whose file is not there any more: what it has made is known by its labels.

    Raises:
        UserError: there is no such file, or it wants no servers in a cluster.
        SpecError: it is wrong.
    """
    from automl_core.cli.models.places import find_model, unknown
    from automl_core.cli.places import UserError, home
    from automl_core.models.file.kubernetes import KubernetesServers
    from automl_core.serving.kubernetes.plan import NoPlan, Plan, plan_of
    from automl_core.spec.bundles import bundle_of

    known = find_model(target)
    if known.file is None and gone and not known.storage:
        return Plan(known.name, "", KubernetesServers(to="kubernetes", image="none", open=True), namespace)
    if known.file is None:
        raise UserError(unknown(target))
    if gone and not isinstance(known.file.deploy, KubernetesServers):  # it says something else by now
        return Plan(known.name, "", KubernetesServers(to="kubernetes", image="none", open=True), namespace)
    bundle: Path | None = bundle_of(known.path) if known.path is not None else None
    try:
        return plan_of(known.file, namespace, home=home(), bundle=bundle)
    except NoPlan as error:
        raise UserError(str(error)) from None


def _cluster(context: str | None, namespace: str | None) -> Cluster:
    """The cluster of the kubeconfig, or the one that this runs in, and the namespace of what names none."""
    from automl_core.backends.kubernetes.access import Cluster, namespace_of_context

    return Cluster(context=context, namespace=namespace or namespace_of_context(context))


def _asked(cluster: Cluster, call: Callable[[KubernetesApi], Awaitable[Result]]) -> Result:
    """Ask a cluster.

    Raises:
        UserError: it can't be asked, refuses, or servers don't come up.
    """
    from automl_core.backends.base import BackendError
    from automl_core.backends.kubernetes.access import Access
    from automl_core.cli.places import UserError
    from automl_core.extras import needed_by
    from automl_core.serving.kubernetes.applying import ServersError

    with needed_by("`automl serving`", "kubernetes"):
        from automl_core.backends.kubernetes.api import KubernetesApi

    async def asked() -> Any:
        api = KubernetesApi(Access(cluster))
        try:
            return await call(api)
        finally:
            await api.close()

    try:
        found: Result = asyncio.run(asked())
    except (ServersError, BackendError) as error:
        raise UserError(str(error)) from None
    return found
