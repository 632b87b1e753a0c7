"""From an Airflow connection to a bucket's credentials: what Airflow's own AWS provider reads, or a refusal by name.

Compared with apache-airflow-providers-amazon 9.39 (``utils/connection_wrapper.py``, ``hooks/base_aws.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from automl_core.storage import Credentials
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

READ = (
    "access_key_id", "access_key_secret", "assume_role_kwargs", "assume_role_method", "aws_access_key_id",
    "aws_secret_access_key", "aws_session_token", "config_kwargs", "endpoint_url", "profile_name", "region",
    "region_name", "role_arn", "service_config", "session_kwargs", "session_token", "verify",
)  # fmt: skip
"""Keys of a connection's extra that are read. `access_key_id` and `access_key_secret` are the Alibaba provider's."""

REFUSED = {
    "assume_role_with_saml": "a role by SAML can't be taken on here",
    "assume_role_with_web_identity_federation": "give Airflow's pods AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE "
    "instead, and name no connection",
    "assume_role_with_web_identity_token_file": "give Airflow's pods AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE "
    "instead, and name no connection",
    "s3_config_file": "the AWS provider has dropped it too; use profile_name",
}
"""Keys that would change who asks, and are not read: key → what to do."""

_SESSION = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name", "profile_name")
_SCHEMES = ("http", "https")


class BadConnection(StorageError, ValueError):
    """A connection says what can't be. The message names the connection and the field, and shows no secret."""


def credentials_in(
    name: str, *, login: str | None = None, password: str | None = None, host: str | None = None,
    port: int | None = None, schema: str | None = None, extra: Mapping[str, Any] | None = None,
) -> Credentials:  # fmt: skip
    """The credentials that a connection's fields state.

    Args:
        name: id of the connection, for messages.
        login: access key id.
        password: its secret.
        host, port, schema: of the server, where the extra has no ``endpoint_url``; schema is http or https.
        extra: see `READ`.

    Raises:
        BadConnection: something in it can't be, or would be dropped though it changes who asks, and where.
    """
    given = {key: value for key, value in (extra or {}).items() if value not in (None, "")}
    for key, instead in REFUSED.items():
        if key in given:
            raise BadConnection(f"connection {name}: extra.{key} is not read; {instead}")
    method = given.get("assume_role_method", "assume_role")
    if method != "assume_role":
        raise BadConnection(f"connection {name}: extra.assume_role_method: {method} is not known; allowed: assume_role")
    unknown = sorted(given.keys() - set(READ))
    if unknown:
        log.warning("connection %s: not read of its extra: %s", name, ", ".join(unknown))
    services = _mapping(given, "service_config", name)
    session = _mapping(given, "session_kwargs", name)
    dropped = sorted(session.keys() - set(_SESSION))
    if dropped:
        raise BadConnection(
            f"connection {name}: extra.session_kwargs.{dropped[0]} is not read; allowed: {', '.join(_SESSION)}"
        )
    s3 = _mapping(services, "s3", name, "service_config.")
    keys = _keys(login, password, given, session)
    try:
        return Credentials(
            access_key=keys[0],
            secret_key=keys[1],
            session_token=given.get("session_token") or given.get("aws_session_token") or keys[2],
            endpoint_url=s3.get("endpoint_url") or given.get("endpoint_url") or _address(name, host, port, schema),
            region=given.get("region") or given.get("region_name") or session.get("region_name"),
            profile=None if keys[0] else given.get("profile_name") or session.get("profile_name"),
            verify=_verify(given.get("verify")),
            role_arn=given.get("role_arn"),
            role_options=_mapping(given, "assume_role_kwargs", name),
            sts_endpoint_url=_mapping(services, "sts", name, "service_config.").get("endpoint_url"),
            client_options=_mapping(given, "config_kwargs", name),
        )
    except ValueError as error:
        raise BadConnection(f"connection {name}: {error}") from None


def _keys(
    login: str | None, password: str | None, given: Mapping[str, Any], session: Mapping[str, Any]
) -> tuple[str | None, str | None, str | None]:
    """Access key, secret and session token of the first place that has a pair; else half of one, to be refused."""
    places = (
        (login, password, None),
        (given.get("aws_access_key_id"), given.get("aws_secret_access_key"), None),
        (given.get("access_key_id"), given.get("access_key_secret"), None),
        (session.get(_SESSION[0]), session.get(_SESSION[1]), session.get(_SESSION[2])),
    )
    whole = [each for each in places if each[0] and each[1]]
    half = [each for each in places if each[0] or each[1]]
    return next(iter(whole + half), (None, None, None))


def _address(name: str, host: str | None, port: int | None, schema: str | None) -> str | None:
    """The server that the connection's own fields name; the AWS provider has no use for them any more."""
    if not host:
        return None
    if "://" in host:
        return host if port is None else f"{host.rstrip('/')}:{port}"
    scheme = (schema or "https").lower()
    if scheme not in _SCHEMES:
        raise BadConnection(
            f"connection {name}: schema: {schema!r} can't be how to reach {host}; allowed: http, https (the bucket is "
            "named in output.storage)"
        )
    return f"{scheme}://{host}" + (f":{port}" if port is not None else "")


def _verify(value: Any) -> bool | str | None:
    """A form keeps true and false as text; another text is the path of a file of authorities."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value if value is None or isinstance(value, bool) else str(value)


def _mapping(given: Mapping[str, Any], key: str, name: str, where: str = "") -> Mapping[str, Any]:
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise BadConnection(f"connection {name}: extra.{where}{key} is no mapping; allowed: a JSON object")
    return found
