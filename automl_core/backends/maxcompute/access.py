"""How a MaxCompute project is reached: keys, project and end points, from wherever they come."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl_core.backends.base import BackendError
from automl_core.extras import needed_by
from automl_core.masking import remember

if TYPE_CHECKING:
    from odps import ODPS

VARIABLES = {
    "access_id": "ODPS_ACCESS_ID",
    "secret": "ODPS_ACCESS_KEY",
    "project": "ODPS_PROJECT",
    "endpoint": "ODPS_ENDPOINT",
    "tunnel_endpoint": "ODPS_TUNNEL_ENDPOINT",
    "sts_token": "ODPS_STS_TOKEN",
    "logview_host": "ODPS_LOGVIEW_HOST",
}
"""Field of `Access` → environment variable, for programs outside Airflow."""

_NEEDED = ("access_id", "secret", "project", "endpoint")


@dataclass(frozen=True, slots=True)
class Access:
    """The way into a project.

    Attributes:
        access_id: access key id.
        secret: access key secret; never shown.
        project: where instances run and tables lie.
        endpoint: URL of the service.
        tunnel_endpoint: URL of the tunnel; the service names it when None.
        sts_token: of temporary keys; never shown.
        logview_host: URL under which people look at instances; the service names it when None.
    """

    access_id: str
    secret: str = field(repr=False)
    project: str = ""
    endpoint: str = ""
    tunnel_endpoint: str | None = None
    sts_token: str | None = field(default=None, repr=False)
    logview_host: str | None = None

    def __post_init__(self) -> None:
        remember(self.secret, self.sts_token)

    def client(self) -> ODPS:
        """A client of pyodps; safe to share between threads."""
        with needed_by("the backend maxcompute"):
            from odps import ODPS
            from odps.accounts import StsAccount

        options: dict[str, Any] = {
            "project": self.project,
            "endpoint": self.endpoint,
            "tunnel_endpoint": self.tunnel_endpoint,
            "logview_host": self.logview_host,
            "overwrite_global": False,
        }
        if self.sts_token:
            return ODPS(account=StsAccount(self.access_id, self.secret, self.sts_token), **options)
        return ODPS(self.access_id, self.secret, **options)


def access_from(values: Mapping[str, Any], where: Mapping[str, str], source: str) -> Access:
    """Check what a connection (or the environment) says.

    Args:
        values: by field of `Access`.
        where: field of `Access` → what it is called there, for messages.
        source: what the whole is called.

    Raises:
        BackendError: something needed is missing; names it.
    """
    given = {name: str(value).strip() for name, value in values.items() if value not in (None, "")}
    missing = [where[name] for name in _NEEDED if name not in given]
    if missing:
        raise BackendError(f"{source}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    for name in ("endpoint", "tunnel_endpoint", "logview_host"):
        if name in given and "://" not in given[name]:
            raise BackendError(f"{source}: {where[name]} is {given[name]!r}; a URL with https:// is wanted there")
    return Access(**{name: given[name] for name in VARIABLES if name in given})


def access_from_environment(environment: Mapping[str, str] | None = None) -> Access:
    """The way in that the ``ODPS_…`` variables of the environment state (`VARIABLES`).

    Raises:
        BackendError: something needed is missing; names it.
    """
    environment = os.environ if environment is None else environment
    return access_from(
        {name: environment.get(variable) for name, variable in VARIABLES.items()}, VARIABLES, "environment"
    )
