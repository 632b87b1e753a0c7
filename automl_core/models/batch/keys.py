"""The keys that a scoring process needs, handed over apart from what it is told, and an `Access` made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from automl_core.data.access import DataError, FromEnvironment

if TYPE_CHECKING:
    from automl_core.models.batch.order import Order, Place
    from automl_core.storage.base import ObjectStore
    from automl_core.storage.credentials import Credentials


def places_of(order: Order) -> list[Place]:
    """All places of an order."""
    return [order.storage, order.data, order.out, *order.earlier]


def keys_text(
    places: Iterable[Place], bucket: Callable[[str], Credentials | None], tables: Callable[[str], Any]
) -> str:
    """The keys of all connections that places name, as text. A secret: never printed, never kept.

    Args:
        places: they.
        bucket: reads the credentials of a bucket's connection.
        tables: reads the way into MaxCompute (`automl_core.backends.maxcompute.access.Access`) of a connection.
    """
    found: dict[str, dict[str, Any]] = {}
    for place in places:
        scheme, name = place.text.partition("://")[0], place.connection
        if name is None:
            continue
        kind = "odps" if scheme == "odps" else "bucket"
        if f"{kind}:{name}" in found:
            continue
        if kind == "odps":
            found[f"{kind}:{name}"] = asdict(tables(name))
        elif scheme in ("s3", "oss"):
            given = bucket(name)
            if given is not None:
                found[f"{kind}:{name}"] = {each.name: getattr(given, each.name) for each in fields(given)}
    return json.dumps(found, default=dict)


class FromKeys:
    """Opens what data lie in with keys that were handed over; without, with those of the environment."""

    def __init__(self, text: str = "", home: str | None = None) -> None:
        """Take the keys.

        Args:
            text: as `keys_text` wrote them.
            home: where relative folders begin.

        Raises:
            ValueError: it is no such text.
        """
        self._keys: Mapping[str, Mapping[str, Any]] = json.loads(text) if text else {}
        self._home = home

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """See `automl_core.data.access.Access.store`; a folder too."""
        from pathlib import Path

        from automl_core.storage import Credentials, open_store

        base = Path(self._home) if self._home is not None else None
        found = self._keys.get(f"bucket:{connection}")
        return open_store(url, Credentials(**found) if found is not None else None, base=base)

    def tables(self, project: str, connection: str | None) -> Any:
        """See `automl_core.data.access.Access.tables`."""
        from automl_core.backends.base import BackendError
        from automl_core.backends.maxcompute.access import Access

        found = self._keys.get(f"odps:{connection}")
        if found is None:
            return FromEnvironment().tables(project, None)
        try:
            return Access(**{**found, "project": project}).client()
        except (BackendError, TypeError) as error:
            raise DataError(f"odps://{project}: {error}") from None
