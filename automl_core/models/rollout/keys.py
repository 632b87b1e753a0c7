"""Keys of connections for the process that measures late labels: in its environment, and nowhere else."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.data.access import FromEnvironment

if TYPE_CHECKING:
    from automl_core.storage import Credentials
    from automl_core.storage.base import ObjectStore

VARIABLE = "AUTOML_KEYS_OF_CONNECTIONS"


def variables_of(keys: Mapping[str, Credentials]) -> dict[str, str]:
    """The variables by which a process gets the keys of connections.

    Args:
        keys: connection → its keys.

    Raises:
        TypeError: options of a client in them that are no plain JSON.
    """
    if not keys:
        return {}
    return {VARIABLE: json.dumps({name: dataclasses.asdict(each) for name, each in keys.items()})}


class FromGivenKeys(FromEnvironment):
    """Opens buckets with the keys of `variables_of`; what has none there, as `FromEnvironment` does."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read them.

        Args:
            environment: this process's, when left out.
        """
        given = (os.environ if environment is None else environment).get(VARIABLE)
        self._keys: dict[str, dict[str, Any]] = json.loads(given) if given else {}

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """See `Access.store`."""
        if connection is None or connection not in self._keys:
            return super().store(url, connection)
        from automl_core.storage import Credentials, open_store

        return open_store(url, Credentials(**self._keys[connection]))
