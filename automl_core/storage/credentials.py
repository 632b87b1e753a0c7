"""Access keys and end point of an object store, with secrets that stay out of logs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """How to reach a bucket; what is None comes from the environment (see `open_store`).

    Attributes:
        access_key: access key id.
        secret_key: its secret.
        session_token: of temporary credentials (STS).
        endpoint_url: of MinIO, OSS and other servers that are not AWS; https unless it says otherwise.
        region: ``eu-central-1``, ``cn-hangzhou``.

    Raises:
        ValueError: half a pair of keys, or an end point that holds more than scheme, host, port and path.
    """

    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    endpoint_url: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            # Forms and connections hand over empty texts for what was left out.
            object.__setattr__(self, each.name, getattr(self, each.name) or None)
        if (self.access_key is None) != (self.secret_key is None):
            missing = "access_key" if self.access_key is None else "secret_key"
            raise ValueError(f"credentials: access_key and secret_key belong together; {missing} is missing")
        if self.session_token and not self.access_key:
            raise ValueError("credentials: a session_token needs its access_key and secret_key")
        if self.endpoint_url:
            object.__setattr__(self, "endpoint_url", _checked_endpoint(self.endpoint_url))

    def __repr__(self) -> str:
        shown = {
            "access_key": self.access_key and f"…{self.access_key[-4:]}",
            "secret_key": self.secret_key and "***",
            "session_token": self.session_token and "***",
            "endpoint_url": self.endpoint_url,
            "region": self.region,
        }
        return f"Credentials({', '.join(f'{name}={value!r}' for name, value in shown.items() if value)})"

    def redact(self, text: str) -> str:
        """``text`` without these secrets, should a server have echoed them."""
        for secret in (self.session_token, self.secret_key):
            if secret:
                text = text.replace(secret, "***")
        return text


def _checked_endpoint(url: str) -> str:
    url = url.strip().rstrip("/")
    if "://" not in url:
        url = f"https://{url}"
    parts = urlsplit(url)
    if "@" in parts.netloc:  # Not repeated in the message: what stands before the @ is a secret.
        raise ValueError("credentials: endpoint_url must not hold a user and password; give access_key and secret_key")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"credentials: endpoint_url {url!r} is not an end point; allowed: https://host or http://host:port"
        )
    return url
