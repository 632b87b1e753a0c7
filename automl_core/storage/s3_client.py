"""From credentials to a client of boto3: its keys, the role that they take on, how it talks to the server."""

from __future__ import annotations

import os
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader
from botocore.session import Session as BotocoreSession
from botocore.session import get_session

from automl_core.storage.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Addressing = Literal["auto", "path", "virtual"]

_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 30,
    "tcp_keepalive": True,
    "max_pool_connections": 32,  # 10 by default: what threads beyond these open is closed after each request
    # What boto3 adds by default since 1.36, OSS and older MinIO refuse.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


class _Given:
    """What botocore asks for credentials, where they are known."""

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> DeferredRefreshableCredentials:
        return self._credentials


class _Descriptions(Loader):
    """What botocore knows of services, for all sessions of a process.

    A session of its own reads a megabyte of it, and describes S3 anew: four fifths of what opening a store took.
    """

    def __init__(self, folders: list[str]) -> None:
        super().__init__(extra_search_paths=folders, include_default_search_paths=False)
        self._one_at_a_time = Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._in_child)

    def _in_child(self) -> None:
        """Begin anew where another thread was reading: it isn't in this process, and never lets go of the lock."""
        if self._one_at_a_time.locked():
            self._one_at_a_time = Lock()
            self._cache: dict[Any, Any] = {}  # what it had in hand may be completed by half

    @property
    def search_paths(self) -> list[str]:
        """Folders that are searched, as a copy: each session of boto3 adds its own folder of resources to them."""
        return [*super().search_paths]

    def load_service_model(self, *named: Any, **more: Any) -> Any:
        """See `Loader`: what it reads, it completes in place."""
        with self._one_at_a_time:
            return super().load_service_model(*named, **more)


@cache
def _descriptions(data_path: str | None) -> Loader:
    """Those that lie where `AWS_DATA_PATH` (or a profile's `data_path`) says, and botocore's own."""
    return _Descriptions(create_loader(data_path).search_paths)


def _inner(profile: str | None = None) -> BotocoreSession:
    """What a session of boto3 is made around."""
    inner = get_session()
    if profile is not None:
        inner.set_config_variable("profile", profile)
    inner.register_component("data_loader", _descriptions(inner.get_config_variable("data_path")))
    return inner


def make_session(credentials: Credentials) -> Session:
    """The session that clients are made of. Asks no server yet.

    Raises:
        BotoCoreError: there is no such profile, or no keys to take the role on with.
    """
    session = Session(
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.session_token,
        region_name=credentials.region,
        botocore_session=_inner(credentials.profile),
    )
    return _in_role(session, credentials) if credentials.role_arn else session


def _in_role(session: Session, credentials: Credentials) -> Session:
    """A session of a role, taken on when its keys are first needed and again before they expire."""
    keys = session.get_credentials()
    if keys is None:
        raise NoCredentialsError
    region = session.region_name or "us-east-1"
    sts = partial(
        session.client, region_name=region, endpoint_url=credentials.sts_endpoint_url, verify=credentials.verify,
        config=_config(credentials, attempts=3),
    )  # fmt: skip
    options = {"RoleSessionName": f"automl-{uuid4().hex[:12]}", **credentials.role_options}
    fetcher = AssumeRoleCredentialFetcher(sts, keys, credentials.role_arn, extra_args=options)  # type: ignore[arg-type]
    inner = _inner()
    inner.register_component(
        "credential_provider",
        _Given(DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="sts-assume-role")),
    )
    return Session(botocore_session=inner, region_name=session.region_name)


def make_client(session: Session, credentials: Credentials, attempts: int, addressing: Addressing) -> S3Client:
    """A client of one server.

    Args:
        session: see `make_session`.
        credentials: those of the session.
        attempts: how often it sends a request that may pass.
        addressing: where the bucket's name stands, unless the credentials say so.

    Raises:
        BotoCoreError, ValueError: the client can't be made of that.
    """
    return session.client(
        "s3",
        endpoint_url=credentials.endpoint_url,
        # Servers that are not AWS rarely have regions, but signing needs the name of one.
        region_name=session.region_name or ("us-east-1" if credentials.endpoint_url else None),
        verify=credentials.verify,
        config=_config(credentials, attempts, addressing),
    )


def _config(credentials: Credentials, attempts: int, addressing: Addressing | None = None) -> Config:
    given = {name: value for name, value in credentials.client_options.items() if name != "retries"}
    if given.get("signature_version") == "unsigned":
        given["signature_version"] = UNSIGNED
    options: dict[str, Any] = {**_DEFAULTS, **given, "retries": {"mode": "standard", "total_max_attempts": attempts}}
    if addressing is not None:
        options["s3"] = {"addressing_style": addressing, **(given.get("s3") or {})}
    try:
        return Config(**options)
    except TypeError as error:  # its words name the argument
        raise ValueError(f"config_kwargs of the connection: {error}") from None
