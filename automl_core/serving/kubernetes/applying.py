"""Servers put into a cluster and kept as their file says: only what is ours is ever changed or taken away.

Everything is server-side applied under a field manager for each model. So the cluster itself knows which fields are
whose: what a file no longer says goes, what an autoscaler or a mesh has added stays, and two files that share servers
are told where they disagree.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.backends.remote import Unreachable
from automl_core.serving.kubernetes.kinds import KINDS, SCALER, STATEFUL_SET, WORKLOADS, Kind, Manifest, kind_of
from automl_core.serving.kubernetes.objects import objects_of
from automl_core.serving.kubernetes.plan import MANAGED_BY, MANAGER, MODEL_LABEL, MODELS_NOTE, OURS, STORAGE_NOTE, Plan
from automl_core.serving.kubernetes.standing import Standing, find, look, workload_of

_MANAGERS = re.compile(r'conflicts? with "([^"]+)"')
_TRIES = 3
"""Applications of an object that an autoscaler changes at the same time."""


class ServersError(Exception):
    """Servers are not as they are wanted. The message says why, and what to do."""


class NotOurs(ServersError):
    """An object of that name is somebody else's."""


class NotReady(ServersError):
    """They are made, and have not come up."""


@dataclass(slots=True)
class Done:
    """What was done, each object as ``Deployment/automl-churn``."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Applying:
    """The servers of one plan in one cluster."""

    def __init__(
        self, api: KubernetesApi, plan: Plan, say: Callable[[str], None], *, wanted: Callable[[], bool] = lambda: True,
        every: float = 2.0, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """Ask nobody yet.

        Args:
            api: of the cluster.
            plan: what is wanted.
            say: told what is done, and what is waited for, a line at a time.
            wanted: whether whoever waits still does; asked between two looks.
            every: seconds between two looks at a rollout.
            clock, sleep: time.
        """
        self.api, self.plan, self.say = api, plan, say
        self._wanted, self._every, self._clock, self._sleep = wanted, every, clock, sleep

    async def ensure(self, *, wait: bool = True) -> Done:
        """Make what is wanted, wait until it answers, take away what is not wanted any more.

        Args:
            wait: whether to wait; what is not wanted any more stays where it is not.

        Raises:
            NotOurs: an object of that name is somebody else's. Nothing was changed.
            NotReady: the servers have not come up in time. Those before them go on, and nothing was taken away.
            ServersError: the cluster refuses something.
            Unreachable: the cluster is away.
        """
        before = await self._checked()
        done = Done()
        await self._stop_scaling(done)
        for manifest in objects_of(self.plan, self._replicas(before)):
            await self._apply(manifest, before.get(_key(manifest)), done)
        if wait:
            await self.until_ready()
            await self._tidy({_key(each) for each in objects_of(self.plan)}, done)
        return done

    async def until_ready(self) -> Standing:
        """Wait until all servers are of the file as it is, and answer.

        Raises:
            NotReady: they don't in time, with why as far as the cluster says.
        """
        ends, said, standing = self._clock() + self.plan.wanted.wait, "", None
        seen: set[str] = set()
        while True:
            try:
                standing = await look(self.api, self.plan)
            except Unreachable as error:  # a moment without the cluster's word is no reason to call it a failure
                self._say_once(f"the cluster does not answer: {error}", seen)
            if standing is not None:
                if standing.finished:
                    self.say(f"{self._place}: {standing}")
                    for note in standing.notes:
                        self.say(f"{self._place}: {note}")
                    return standing
                if str(standing) != said:
                    said = str(standing)
                    self.say(f"{self._place}: {said}")
                for problem in standing.problems:
                    self._say_once(f"{self._place}: {problem}", seen)
            if (standing is not None and standing.given_up) or self._clock() >= ends:
                raise NotReady(self._late(standing))
            if not self._wanted():
                raise NotReady(f"{self._place}: nobody waits for it any more ({standing}); the cluster goes on with it")
            await self._sleep(self._every)

    async def remove(self) -> Done:
        """Take away what this model's file has made, in this namespace; what others share stays theirs.

        Raises:
            ServersError: the cluster refuses.
            Unreachable: the cluster is away.
        """
        done = Done()
        await self._tidy(set(), done)
        return done

    # --- what is there ----------------------------------------------------------------------------

    async def _checked(self) -> dict[tuple[str, str], Manifest]:
        """What is there under the names that are wanted, all of it ours."""
        found: dict[tuple[str, str], Manifest] = {}
        for manifest in objects_of(self.plan):
            kind = kind_of(manifest)
            there = await self._asked(find(self.api, kind, self.plan.namespace, self.plan.name), kind, "read")
            if there is not None:
                self._refuse_others(kind, there)
                found[_key(manifest)] = there
            elif kind.comes_with:
                await self._known(kind)
        return found

    async def _known(self, kind: Kind) -> None:
        """Refuse a kind that the cluster doesn't have, before anything is made that would go on without it."""
        try:
            await self.api.get(kind.path(self.plan.namespace), limit=1)
        except ApiError as error:
            if error.status == 404:
                raise ServersError(self._words(kind, "list", error)) from error

    def _refuse_others(self, kind: Kind, there: Manifest) -> None:
        metadata = there["metadata"]
        labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
        what = f"the {kind.kind} {self._place}"
        name = "choose another `deploy.name`"
        if labels.get(MANAGED_BY) != OURS or STORAGE_NOTE not in notes:
            whose = labels.get(MANAGED_BY)
            by = f" (it is managed by {whose})" if whose else ""
            raise NotOurs(f"{what} is there already and is not ours{by}: {name}, or take it away first")
        others = others_of(labels, self.plan.model_label)
        if others and "this" in (self.plan.wanted.models, notes.get(MODELS_NOTE)):
            raise NotOurs(
                f"{what} is that of {', '.join(others)}: {name}, or say `models: all` in each file, so that they share "
                "servers which answer for all of the storage"
            )
        if others and notes.get(STORAGE_NOTE) != self.plan.storage:
            raise NotOurs(
                f"{what} answers from {notes.get(STORAGE_NOTE)} for {', '.join(others)}, and this file's storage is "
                f"{self.plan.storage}: {name}"
            )

    def _replicas(self, before: Mapping[tuple[str, str], Manifest]) -> int | None:
        """How many there are to be now: where load decides, as many as it has decided.

        A number that we had applied before and leave out is set back to 1 by the API server, whatever the autoscaler
        says; one that we state against it scales down in the middle of the day. Bounds that have changed are its to
        keep.
        """
        scale, kind = self.plan.wanted.scale, workload_of(self.plan)
        if not scale.scaled:
            return None
        there = before.get((kind.kind, self.plan.name))
        return ((there or {}).get("spec") or {}).get("replicas") or scale.min

    # --- changes -----------------------------------------------------------------------------------

    async def _apply(self, manifest: Manifest, before: Manifest | None, done: Done) -> None:
        kind = kind_of(manifest)
        after = await self._asked(self._applied(kind, manifest), kind, "apply")
        what = f"{kind.kind}/{self.plan.name}"
        if before is None:
            done.made.append(what)
            self.say(f"{self._place}: {kind.kind} made")
        elif _told(before) == _told(after):
            done.same.append(what)
        else:
            done.changed.append(what)
            self.say(f"{self._place}: {kind.kind} changed")

    async def _applied(self, kind: Kind, manifest: Manifest) -> Manifest:
        path, manager = kind.path(self.plan.namespace, self.plan.name), self.plan.manager
        for tries in range(1, _TRIES + 1):
            try:
                return await self.api.apply(path, manifest, manager)
            except ApiError as error:
                if error.status != 409:
                    raise
                others = sorted({each for each in _MANAGERS.findall(str(error)) if each != manager})
                models = [each.removeprefix(MANAGER) for each in others if each.startswith(MANAGER)]
                if models:
                    raise ServersError(
                        f"the file of {', '.join(models)} says otherwise of the {kind.kind} {self._place}, which both "
                        f"share: make the files agree, or give this one another `deploy.name` ({error})"
                    ) from error
                if self._scaled_meanwhile(kind, manifest, error) and tries < _TRIES:
                    manifest = await self._rescaled(kind, manifest)
                    continue
                self.say(f"{self._place}: {kind.kind} was changed by {', '.join(others) or 'others'}; it is put back "
                         f"as the file says ({error})")  # fmt: skip
                return await self.api.apply(path, manifest, manager, force=True)
        raise AssertionError("the last try returns or raises")

    def _scaled_meanwhile(self, kind: Kind, manifest: Manifest, error: ApiError) -> bool:
        fields = re.findall(r"\.(?:spec|metadata|status)\.[^\s,]+", str(error))
        return kind in WORKLOADS and self.plan.wanted.scale.scaled and fields == [".spec.replicas"]

    async def _rescaled(self, kind: Kind, manifest: Manifest) -> Manifest:
        there = await find(self.api, kind, self.plan.namespace, self.plan.name)
        replicas = self._replicas({_key(manifest): there} if there is not None else {})
        return {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}

    async def _stop_scaling(self, done: Done) -> None:
        """Take an autoscaler away that the file wants no more, before its number is said: else it goes on with its own.

        All else that is not wanted waits until what is wanted answers. This can't: it would set the number back within
        seconds, and what it has set last would stay when it goes.
        """
        if self.plan.wanted.scale.scaled and self.plan.wanted.objects == "plain":
            return
        for there in await self._ours(SCALER):
            if there["metadata"]["name"] == self.plan.name:
                await self._take_away(SCALER, there, done)

    async def _tidy(self, wanted: set[tuple[str, str]], done: Done) -> None:
        """Take away what is ours and not wanted, the way in first."""
        kept: list[str] = []
        for kind in reversed(KINDS):
            for there in await self._ours(kind):
                name = there["metadata"]["name"]
                if (kind.kind, name) in wanted:
                    continue
                gone = await self._take_away(kind, there, done)
                if gone and kind is STATEFUL_SET:
                    kept.append(name)
        for name in kept:
            self.say(
                f"{self.plan.namespace}/{name}: its volumes (cache-{name}-0 and so on) stay, with answers that were "
                f"not brought yet: kubectl delete pvc --namespace {self.plan.namespace} --selector "
                f"app.kubernetes.io/instance={name}"
            )

    async def _take_away(self, kind: Kind, there: Manifest, done: Done) -> bool:
        """Take an object of ours away; False where others share it, and only what this file says of it goes."""
        name = there["metadata"]["name"]
        if others_of(there["metadata"].get("labels") or {}, self.plan.model_label):
            await self._asked(self._release(kind, name), kind, "release")
            self.say(f"{self.plan.namespace}/{name}: the {kind.kind} stays, as others share it")
            return False
        path = kind.path(self.plan.namespace, name)
        await self._asked(self.api.delete(path, propagationPolicy="Background"), kind, "delete")
        done.removed.append(f"{kind.kind}/{name}")
        self.say(f"{self.plan.namespace}/{name}: {kind.kind} removed")
        return True

    async def _release(self, kind: Kind, name: str) -> Manifest:
        """Give up what this model's file says of an object: what others say of it too stays as it is."""
        body = {
            "apiVersion": kind.api_version, "kind": kind.kind,
            "metadata": {"name": name, "namespace": self.plan.namespace},
        }  # fmt: skip
        return await self.api.apply(kind.path(self.plan.namespace, name), body, self.plan.manager)

    async def _ours(self, kind: Kind) -> list[Manifest]:
        selector = f"{MANAGED_BY}={OURS},{self.plan.model_label}"
        try:
            found = await self.api.get(kind.path(self.plan.namespace), labelSelector=selector)
        except ApiError as error:
            if error.status == 404 and kind.comes_with:
                return []  # the cluster does not know the kind, so nobody has made one
            if error.status == 403 and kind.comes_with:
                self.say(f"{self._place}: nobody looked for an old {kind.kind}: {error}")
                return []
            raise ServersError(f"objects of the kind {kind.kind} can't be listed: {error}") from error
        return [each for each in found.get("items") or () if not _made_by_another(each)]

    async def _asked(self, call: Awaitable[Any], kind: Kind, what: str) -> Any:
        try:
            return await call
        except ApiError as error:
            raise ServersError(self._words(kind, what, error)) from error

    def _words(self, kind: Kind, what: str, error: ApiError) -> str:
        said = f"{self._place}: the cluster does not let us {what} the {kind.kind}: {error}"
        if error.status == 404 and kind.comes_with:
            field_ = "objects" if kind.api_version.startswith("serving.kserve") else "gateway"
            return f"{self._place}: the cluster knows no {kind.kind}: install {kind.comes_with}, or leave out "\
                f"`deploy.{field_}`"  # fmt: skip
        if error.status == 403 and "is forbidden" in str(error) and "quota" not in str(error):
            return f"{said}. deploy/kubernetes/rbac-serving.yaml has the rights that this needs"
        if error.status == 404:
            return f"{said}. Is there a namespace {self.plan.namespace!r}?"
        if error.status == 422 and "updates to statefulset spec" in str(error):
            return (
                f"{said}. A StatefulSet's volumes can't be changed: `automl serving delete FILE`, then `automl serving "
                "apply FILE`; its volumes stay, with their old size"
            )
        return said

    # --- words ---------------------------------------------------------------------------------------

    @property
    def _place(self) -> str:
        return f"{self.plan.namespace}/{self.plan.name}"

    def _say_once(self, text: str, seen: set[str]) -> None:
        if text not in seen:
            seen.add(text)
            self.say(text)

    def _late(self, standing: Standing | None) -> str:
        if standing is None:
            return f"{self._place}: the servers are gone again, or the cluster does not answer"
        why = "; ".join(standing.problems) or standing.given_up or "the cluster does not say why"
        before = " Those before them go on answering." if standing.ready else ""
        return f"{self._place}: not rolled out within {self.plan.wanted.wait:g} s ({standing}): {why}.{before}"


def others_of(labels: Mapping[str, str], own: str) -> list[str]:
    """Other models whose files have made an object too.

    Args:
        labels: of the object.
        own: this model's label.
    """
    return sorted(each.removeprefix(MODEL_LABEL) for each in labels if each.startswith(MODEL_LABEL) and each != own)


def _made_by_another(there: Manifest) -> bool:
    """Whether a controller has made an object and keeps it: KServe's Deployment and Service have our labels too."""
    return any(each.get("controller") for each in there["metadata"].get("ownerReferences") or ())


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _told(found: Mapping[str, Any]) -> Any:
    """What people have said of an object, without what the cluster writes down of it."""
    metadata = found["metadata"]
    return metadata.get("labels"), metadata.get("annotations"), found.get("spec")
