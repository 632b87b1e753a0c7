"""What OpenLineage is told of a model's tasks, where its provider is installed; nobody else calls this.

The provider asks an operator for `get_openlineage_facets_on_complete` once its task has ended well (2.20.3,
airflow/providers/openlineage/extractors/base.py). What was read and written carries its fingerprint as the data set's
version, so that lineage says *which* rows a version was evaluated on, and which version scored a partition. Names of
data sets follow OpenLineage's naming: a bucket is a namespace, a key a name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.batch import Order


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a task has read or written.

    Attributes:
        place: its address; it holds no secret.
        version: its fingerprint, or the version's number; empty where it has none.
    """

    place: str
    version: str = ""

    @property
    def named(self) -> tuple[str, str]:
        """Namespace and name, as OpenLineage has them: ``s3://bucket`` and ``a/b.csv``, ``file`` and ``/a/b.csv``."""
        scheme, slashes, rest = self.place.partition("://")
        if not slashes or scheme == "file":
            return "file", rest if slashes else self.place
        bucket, _, name = rest.partition("/")
        return f"{scheme}://{bucket}", name.rstrip("/") or "/"


class TellsLineage:
    """A mixin of operators: what they note in `execute` is told of them."""

    lineage_read: tuple[Seen, ...] = ()
    lineage_written: tuple[Seen, ...] = ()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What OpenLineage's provider asks for once the task has ended well.

        Args:
            task_instance: of the task; it isn't needed.

        Returns:
            An ``OperatorLineage`` of the provider.
        """
        from airflow.providers.openlineage.extractors import OperatorLineage

        return OperatorLineage(
            inputs=list(_data_sets(self.lineage_read)), outputs=list(_data_sets(self.lineage_written))
        )


def note_scored(task: TellsLineage, order: Order, out: str) -> None:
    """Note that a task has scored a partition.

    Args:
        task: the operator.
        order: what was to be scored.
        out: where the predictions are.
    """
    model = Seen(f"{order.storage.text.rstrip('/')}/{order.model}", str(order.version))
    task.lineage_read = (Seen(order.data.text, order.digest), model)
    task.lineage_written = (Seen(out),)


def _data_sets(seen: Iterable[Seen]) -> Iterable[Any]:
    # by name: its client comes with the provider, and is no dependency of ours
    data_set = importlib.import_module("openlineage.client.event_v2").Dataset
    versions = importlib.import_module("openlineage.client.facet_v2").dataset_version_dataset
    for each in seen:
        namespace, name = each.named
        facet = versions.DatasetVersionDatasetFacet(datasetVersion=each.version)
        yield data_set(namespace, name, facets={"version": facet} if each.version else {})
