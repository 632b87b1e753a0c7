"""Access keys and end point of an object store, with secrets that stay out of logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlsplit

from automl_core.masking import remember


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """How to reach a bucket; what is None comes from the environment (see `open_store`).

    Attributes:
        access_key: access key id.
        secret_key: its secret.
        session_token: of temporary credentials (STS).
        endpoint_url: of MinIO, OSS and other servers that are not AWS; https unless it says otherwise.
        region: ``eu-central-1``, ``cn-hangzhou``.
        profile: a profile of the shared AWS configuration file, in place of keys.
        verify: whether the server's certificate is checked; a path names a file of authorities to check it by.
        role_arn: a role of AWS to take on with these keys; its session is renewed as it ends.
        role_options: further arguments of ``sts:AssumeRole``: ExternalId, DurationSeconds, RoleSessionName.
        sts_endpoint_url: where to ask for that role; AWS's own when left out.
        client_options: arguments of ``botocore.config.Config``. Retries are left to the store.

    Raises:
        ValueError: half a pair of keys, keys and a profile, or an end point that holds more than scheme, host, port
            and path.
    """

    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    verify: bool | str | None = None
    role_arn: str | None = None
    role_options: Mapping[str, Any] = field(default_factory=dict)
    sts_endpoint_url: str | None = None
    client_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) == "":  # Forms and connections hand over empty texts for what was left out.
                object.__setattr__(self, each.name, None)
        if (self.access_key is None) != (self.secret_key is None):
            missing = "access_key" if self.access_key is None else "secret_key"
            raise ValueError(f"credentials: access_key and secret_key belong together; {missing} is missing")
        if self.session_token and not self.access_key:
            raise ValueError("credentials: a session_token needs its access_key and secret_key")
        if self.profile and self.access_key:
            raise ValueError("credentials: either a profile or an access_key, not both")
        remember(self.secret_key, self.session_token)
        for name in ("endpoint_url", "sts_endpoint_url"):
            if getattr(self, name):
                object.__setattr__(self, name, _checked_endpoint(getattr(self, name), name))

    def __repr__(self) -> str:
        shown = {
            "access_key": self.access_key and f"…{self.access_key[-4:]}",
            "secret_key": self.secret_key and "***",
            "session_token": self.session_token and "***",
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "profile": self.profile,
            "verify": None if self.verify is None else str(self.verify),
            "role_arn": self.role_arn,
            # by name alone: an ExternalId or a proxy with a password may be among them
            "role_options": sorted(self.role_options),
            "sts_endpoint_url": self.sts_endpoint_url,
            "client_options": sorted(self.client_options),
        }
        return f"Credentials({', '.join(f'{name}={value!r}' for name, value in shown.items() if value)})"

    def redact(self, text: str) -> str:
        """``text`` without these secrets, should a server have echoed them."""
        for secret in (self.session_token, self.secret_key):
            if secret:
                text = text.replace(secret, "***")
        return text


def _checked_endpoint(url: str, name: str) -> str:
    url = url.strip().rstrip("/")
    if "://" not in url:
        url = f"https://{url}"
    parts = urlsplit(url)
    if "@" in url:  # Not repeated in the message: what stands before the @ is a secret.
        raise ValueError(f"credentials: {name} must not hold a user and password; give access_key and secret_key")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"credentials: {name} {url!r} is not an end point; allowed: https://host or http://host:port")
    return url


def soon_given_up(credentials: Credentials | None, connect: float, read: float) -> Credentials:
    """The same credentials for a client that gives up sooner, unless their own options state its time-outs.

    Args:
        credentials: None for those of the environment.
        connect: seconds that a connection may take.
        read: seconds that an answer may be silent.
    """
    given = credentials or Credentials()
    return replace(given, client_options={"connect_timeout": connect, "read_timeout": read, **given.client_options})
