"""An Airflow notifier that posts JSON to an address that a connection names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk.bases.notifier import BaseNotifier

TIMEOUT = 5.0
"""Seconds that a webhook may take."""


class WebhookNotifier(BaseNotifier):
    """Posts what happened as JSON. The address and a bearer token (the password) come from an Airflow connection."""

    template_fields: Sequence[str] = ()

    def __init__(self, url_connection: str, body: Mapping[str, Any]) -> None:
        super().__init__()
        self.url_connection = url_connection
        self.body = dict(body)

    def notify(self, context: Any) -> None:
        """Post it.

        Raises:
            RuntimeError: nobody took it; the message has neither address nor token.
        """
        import httpx
        from airflow.sdk import Connection

        from automl_core.bearer import BadToken, bearer

        found = Connection.get(self.url_connection)
        url = address_of(found)
        try:
            headers = bearer(found.password)
        except BadToken as error:
            raise RuntimeError(f"the webhook of {self.url_connection} is not called: {error}") from None
        try:
            # what it answers is not read: a webhook that never ends its answer must not keep a worker
            with httpx.stream(
                "POST", url, json=self.body, headers=headers, timeout=TIMEOUT, follow_redirects=False
            ) as answer:
                status, taken = answer.status_code, answer.is_success
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RuntimeError(
                f"the webhook of {self.url_connection} can't be reached: {type(error).__name__}"
            ) from None
        if not taken:
            raise RuntimeError(f"the webhook of {self.url_connection} answers {status}")


def address_of(connection: Any) -> str:
    """The address in a connection: a whole one as its host, or put together of type, host, port and schema.

    The schema is a path, as in a connection that is written as an address, or the protocol, as Airflow's HTTP
    connections have it.

    Raises:
        ValueError: it has none.
    """
    host = (connection.host or "").strip()
    if "://" not in host:
        scheme = connection.conn_type if connection.conn_type in ("http", "https") else "https"
        port = f":{connection.port}" if connection.port else ""
        path = (connection.schema or "").strip("/")
        if path.lower() in ("http", "https"):
            scheme, path = path.lower(), ""
        host = f"{scheme}://{host}{port}/{path}" if host else ""
    if urlsplit(host).scheme not in ("http", "https") or not urlsplit(host).hostname:
        raise ValueError(f"the connection {connection.conn_id} has no http address: give it a host")
    return host
