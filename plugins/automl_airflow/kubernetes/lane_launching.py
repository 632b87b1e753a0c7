"""Giving an attempt to a pod that serves one trial after the other, or making such a pod for it.

A pod that waits is taken by writing its next order into the storage: who comes second looks for another. Where none
waits a new one is made, whose first order is this attempt's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_airflow.compat import bundle_folder
from automl_airflow.kubernetes.belongings import Belonging
from automl_airflow.kubernetes.launching import Launch, give_up_in_time, home
from automl_core.backends.contract import TrialContext, arguments_of, environment, substitute
from automl_core.backends.kubernetes.bringing import CONFIG_MAP
from automl_core.backends.kubernetes.lanes import FOLDER, LANE_LABEL, LaneId, LaneInPod, key_of, places_in_pod
from automl_core.backends.kubernetes.manifest import Manifest, files_by_folder
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, journal_label
from automl_core.backends.remote import NotYet
from automl_core.running import lane as program
from automl_core.running.lane_orders import Lane, Order, folder_of, given_to, standings, token_of
from automl_core.running.places import carried, context_of
from automl_core.spec.code import CWD
from automl_core.storage import StorageError
from automl_core.study.queued import QUEUE

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class LaneLaunch(Launch):
    """The start of one attempt in a pod of several."""

    def __init__(self, operator: KubernetesPodOperator, study: Study, store: ObjectStore, binding: Binding) -> None:
        """Prepare, without asking the cluster.

        Raises:
            TypeError: the training task is not one for Kubernetes that has such pods.
        """
        super().__init__(operator, study, store, binding)
        if self.task.shared is None:
            raise TypeError(f"{self.task.name} has a pod for each trial")
        self._shared = self.task.shared
        self.attempt: LaneId = LaneId(**asdict(self.attempt))
        self._prefix = study.journal.prefix
        self._given: tuple[str, int] | None = None
        self._numbers: dict[str, int] = {}  # pod → number of its next order

    def is_there(self) -> bool:
        """Whether some pod has the attempt, and runs it or has told how it ended."""
        return self._found() is not None

    def _found(self) -> tuple[str, int] | None:
        """The pod that has the attempt, and its number there."""
        given = list(given_to(self._store, self._prefix, self.places.attempt_id))
        if not given:
            return None
        running = {each.metadata.name for each in self._pods(running=True)}
        there = [each for each in given if each[0] in running]
        ended = (each for each in given if Lane(self._store, folder_of(self._prefix, each[0])).ended(each[1]))
        return next(iter(there), None) or next(ended, None)

    def start(self, context: Any, *, new: bool = False) -> dict[str, Any]:
        """Order it in a pod that waits, or create one (see `Launch.start`)."""
        namespace, bundle = self.namespace, bundle_folder(context)
        found = None if new else self._found()
        if found is not None:
            self._take(*found)
            return self._job(*found)
        try:
            if self.fence is not None:
                self._check_closed(bundle)
                self.fence.hold(self._ask, self._operator.log)
            self.places.prepare()
            belongings = self._belongings(bundle)
            manifest = self._manifest(belongings, bundle)
            key = key_of(manifest)
            for pod in self._waiting(key):
                number = self._ordered_in(pod)
                if number is not None:
                    self._operator.log.info("pod %s/%s, its trial %d", namespace, pod, number + 1)
                    return self._job(pod, number)
            return self._opened(context, key, belongings)
        except NotYet as error:
            give_up_in_time(self._study, self._binding, self.task.pending, error)
            raise

    def end(self) -> None:
        """A worker that is stopped before a trigger has the attempt: the pod is to end it."""
        if self._given is None:
            return
        pod, number = self._given
        try:
            Lane(self._store, folder_of(self._prefix, pod)).stop(number)
        except StorageError as error:  # whoever asks for the attempt again finds it running
            self._operator.log.warning("the pod %s was not asked to end its trial: %s", pod, error)

    # --- pods ---------------------------------------------------------------------------------------

    def _pods(self, key: str | None = None, *, running: bool = False) -> list[Any]:
        """This run's pods of several trials, as the cluster has them."""
        label = LANE_LABEL if key is None else f"{LANE_LABEL}={key}"
        selector = f"{JOURNAL_LABEL}={journal_label(self.attempt.place)},{label}"
        client, namespace = self._operator.client, self.namespace
        found = self._ask(lambda: client.list_namespaced_pod(namespace, label_selector=selector)).items
        return [each for each in found if not running or _runs(each)]

    def _waiting(self, key: str) -> Iterator[str]:
        """Pods that may take it and have nothing to do, the one that has run longest first. What is over is removed."""
        standing = standings(self._store, self._prefix)
        found = sorted(self._pods(key), key=lambda pod: str(pod.metadata.creation_timestamp))
        for pod in found:
            name = pod.metadata.name
            if not _runs(pod):
                if name not in self._watched:
                    self._remove(pod)
            elif name in standing and standing[name].free:
                self._numbers[name] = standing[name].last + 1
                yield name

    @cached_property
    def _watched(self) -> set[str]:
        """Pods of attempts whose end is not told yet: with such a pod its log would go, and with that a result."""
        begun = (work.last_attempt() for work in self._study.state.unended)
        jobs = (json.loads(each.external) for each in begun if each is not None and each.external)
        return {str(job.get("name")) for job in jobs}

    def _remove(self, pod: Any) -> None:
        """Remove a pod that has ended by itself: nobody watches one that waits."""
        if self.task.keep_pods != "never" or pod.metadata.deletion_timestamp is not None:
            return
        client, namespace = self._operator.client, self.namespace
        try:
            client.delete_namespaced_pod(pod.metadata.name, namespace)
        except Exception as error:  # the reducer does
            self._operator.log.info("the pod %s, which has ended, is left to the reducer: %s", pod.metadata.name, error)

    def _ordered_in(self, pod: str) -> int | None:
        """Order the attempt in a pod; None where somebody was faster, or the pod has just ended."""
        lane, number = Lane(self._store, folder_of(self._prefix, pod)), self._numbers[pod]
        if not lane.put(number, self._order(pod)):
            return None
        self._take(pod, number)
        return number

    def _take(self, pod: str, number: int) -> None:
        """Until a trigger has it, it is this worker's to end."""
        self._given = (pod, number)
        self._operator.launched = self  # for on_kill

    def _opened(self, context: Any, key: str, belongings: list[Belonging]) -> dict[str, Any]:
        """Make a pod whose first order is this attempt's."""
        operator, namespace = self._operator, self.namespace
        self.attempt = replace(self.attempt, key=key)
        name = self.attempt.name
        self._check_queue()
        owner = self._find(namespace)
        if owner is None:
            lane = Lane(self._store, folder_of(self._prefix, name))
            lane.open()
            lane.put(0, self._order(name))  # one that lies there is this attempt's: the name is
            owner = self._create(context, namespace, belongings)
        left = [each.leave_to(owner, operator.client, namespace, self._ask, operator.log) for each in belongings]
        operator.log.info("pod %s/%s, made for it and for those that come after it", namespace, name)
        job = self._job(name, 0)
        if not all(left):
            job["loose"] = True  # the reducer removes what the pod does not own
        if self.task.kueue is not None:
            job[QUEUE] = self.task.kueue.queue
        return job

    def _job(self, pod: str, number: int) -> dict[str, Any]:
        """Where it is, for the trigger and the journal."""
        begun = self._study.state.works[self._binding.slot].last_attempt(self._binding.task)
        since = begun.started if begun is not None else time.time()
        job: dict[str, Any] = {
            "kind": "lane", "name": pod, "namespace": self.namespace, "connection": self.task.connection,
            "orders": folder_of(self._prefix, pod), "number": number, "token": self._token(pod),
            "since": since,
        }  # fmt: skip
        if self.memory is not None:
            job["memory"] = self.memory
        if self._takes_connections:
            job["secret"] = pod  # called as the pod
        return job

    # --- what the pod is, and what the trial is -----------------------------------------------------

    def _manifest(self, belongings: list[Belonging], bundle: Path | None) -> Manifest:
        """The pod, without anything that the trial alone has."""
        artifacts, prefix = self.task.artifacts, folder_of(self._prefix, self.attempt.name)
        told = program.told_to(
            self.root, prefix, self._places, idle=self._shared.idle,
            label=f"{self.attempt.experiment}/{self.attempt.run}",
        )  # fmt: skip
        lane = LaneInPod(
            program.MODULE, told, artifacts.secret if artifacts is not None else None,
            tuple(artifacts.env.items()) if artifacts is not None else (),
        )  # fmt: skip
        context = context_of(self._study, self._binding, self.places, home())
        maps = [each.name for each in belongings if each.kind == "config_map"]
        code = self._brought.code(next((name for name in maps if name.startswith(CONFIG_MAP)), None))
        return self._pod(context, maps, bundle, code=code, lane=lane)

    def _order(self, pod: str) -> Order:
        """The trial, without anything that its pod has.

        Raises:
            StartError: its spec file can't be written.
            PlaceholderError: a ``${…}`` of the task can't be substituted.
        """
        task, own = self.task, f"{FOLDER}/of/{self.places.attempt_id}"
        context, brought = context_of(self._study, self._binding, self.places, home()), None
        if task.artifacts is not None:
            context, order = carried(context, self.places, own, task.artifacts.every, "")
            context, brought = _prepared_once(context, asdict(order))
        context = self._brought.seen_by(context)
        program_folder = f"{own}/program" if context.code_dir is not None else None
        context = replace(context, code_dir=program_folder)
        if context.spec_file is not None:
            context = replace(context, spec_file=f"{own}/spec/{context.spec_file.rpartition('/')[2]}")
        spec = self._brought.spec_file(context)
        arguments = arguments_of(task.command or [], context)
        limits = [task.timeout, self._study.experiment.trials.timeout]
        return Order(
            attempt=self.places.attempt_id,
            token=self._token(pod),
            arguments=[*arguments, *(substitute(each, context) for each in task.args)],
            environment={
                **{name: substitute(value, context) for name, value in task.env.items()}, **environment(context)
            },
            cwd=program_folder if task.cwd == CWD else None,
            timeout=min((limit for limit in limits if limit is not None), default=None),
            grace=task.grace,
            preload=task.preload,
            spec=[str(context.spec_file), spec.text] if spec is not None else None,
            program=program_folder,
            carried=brought,
            places=self._places,
        )  # fmt: skip

    @property
    def _places(self) -> dict[str, str]:
        """Where the pod finds what the order speaks of."""
        mounts = {*files_by_folder(self.task), *(each.mount for each in self.task.volumes)}
        return places_in_pod(self.root, mounts)

    def _token(self, pod: str) -> str:
        return token_of(self.attempt.place, self.places.attempt_id, pod)


def _prepared_once(context: TrialContext, order: dict[str, Any]) -> tuple[TrialContext, dict[str, Any]]:
    """What `prepare` left is brought once for all trials of a pod, into a folder that they share."""
    if context.prepared_dir is None:
        return context, order
    shared = f"{FOLDER}/{program.SHARED}/prepared"
    fetch = {key: shared if to == context.prepared_dir else to for key, to in order["fetch"].items()}
    return replace(context, prepared_dir=shared), {**order, "fetch": fetch}


def _runs(pod: Any) -> bool:
    return pod.metadata.deletion_timestamp is None and pod.status.phase in ("Pending", "Running")
