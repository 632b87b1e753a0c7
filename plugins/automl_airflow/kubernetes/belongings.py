"""What an attempt needs beside its pod: its secret, its files, its service. They belong to the pod, and go with it.

Whatever becomes of a run (it is marked failed, its DAG is deleted, Airflow is gone), the cluster's own garbage
collector removes them with the last pod that owns them. They are made before the pod, which so never waits for them,
and given to it afterwards: an owner has to exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operator

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.manifest import Manifest

Ask = Callable[..., Any]
"""As `Launch._ask`."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """One object of an attempt.

    Attributes:
        kind: `secret`, `config_map` or `service`, as the client's methods call it.
        made: it, as the cluster takes it.
    """

    kind: str
    made: Manifest

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.made["metadata"]["name"])

    def make(self, client: Any, namespace: str, ask: Ask) -> bool:
        """Create it, unless it is there. A secret gets the values of now.

        Returns:
            Whether it is this attempt's to remove if nothing comes of the pod.

        Raises:
            StartError: the cluster refuses.
            NotYet: it refuses for now.
        """
        create = getattr(client, f"create_namespaced_{self.kind}")
        if ask(lambda: create(namespace, self.made), exists_is_fine=True) is not None:
            return True
        if self.kind == "secret":
            ask(lambda: client.replace_namespaced_secret(self.name, namespace, self.made))
        return self.kind != "config_map"  # files are shared by all that have the same

    def remove(self, client: Any, namespace: str, log: Any) -> None:
        """Delete it again: there is no pod that it could belong to."""
        try:
            getattr(client, f"delete_namespaced_{self.kind}")(self.name, namespace)
        except Exception as error:  # the reducer removes it
            log.warning("the %s %s was not removed: %s", self.kind.replace("_", " "), self.name, error)

    def leave_to(self, owner: Any, client: Any, namespace: str, ask: Ask, log: Any) -> bool:
        """Let it belong to a pod (or Job) too, beside those that it belongs to already.

        Args:
            owner: as the cluster gave it.
            client: of the cluster.
            namespace: of both.
            ask: asks the cluster, patiently.
            log: for people.

        Returns:
            Whether it does. An older deployment may lack the right: the reducer removes it then.

        Raises:
            StartError: the cluster refuses.
            NotYet: it refuses for now.
        """
        owned = {"ownerReferences": [reference_to(owner)]}  # of these a strategic merge makes one list, by uid
        made = {**self.made, "metadata": {**self.made["metadata"], **owned}}
        # a secret is this attempt's alone, and written anew: who may patch one is answered with what is in it
        verb, change = ("replace", made) if self.kind == "secret" else ("patch", {"metadata": owned})
        put = getattr(client, f"{verb}_namespaced_{self.kind}")
        try:
            ask(lambda: put(self.name, namespace, change))
        except StartError as error:
            status = error.__cause__.status if isinstance(error.__cause__, ApiException) else None
            if status == 404:  # the last pod that owned it has just gone
                create = getattr(client, f"create_namespaced_{self.kind}")
                ask(lambda: create(namespace, made), exists_is_fine=True)
            elif status == 403:
                log.warning(
                    "the %s %s is not left to its pod, the reducer removes it: %s (deploy/kubernetes/rbac.yaml)",
                    self.kind.replace("_", " "), self.name, error,
                )  # fmt: skip
                return False
            else:
                raise
        return True


def reference_to(owner: Any) -> dict[str, str]:
    """An owner reference to a pod or a Job as the client gives it; blocks nobody's deletion.

    Whether it is a Job shows in its spec: the client leaves the kind out of what it reads.
    """
    is_job = hasattr(owner.spec, "completions")
    kind = {"apiVersion": "batch/v1", "kind": "Job"} if is_job else {"apiVersion": "v1", "kind": "Pod"}
    return {**kind, "name": owner.metadata.name, "uid": owner.metadata.uid}
