"""What OpenLineage is told of a model's tasks, where its provider is installed; nobody else calls this.

The provider asks an operator for `get_openlineage_facets_on_complete` once its task has ended well (2.20.3,
airflow/providers/openlineage/extractors/base.py). What was read and written carries its fingerprint as the data set's
version, so that lineage says *which* rows a version was evaluated on, and which version scored a partition. Names of
data sets follow OpenLineage's naming: a bucket is a namespace, a key a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


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


def _data_sets(seen: Iterable[Seen]) -> Iterable[Any]:
    from openlineage.client.event_v2 import Dataset
    from openlineage.client.facet_v2 import dataset_version_dataset

    for each in seen:
        namespace, name = each.named
        facet = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=each.version)
        yield Dataset(namespace, name, facets={"version": facet} if each.version else {})
