"""Where Airflow is and who asks: from the environment, or from a file that the local Airflow wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from automl_core.client.errors import AuthError, ClientError

DEFAULT_URL = "http://localhost:8080"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Address of the API server, and either a token or a user with a password (never shown)."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def credentials_file(home: Path) -> Path:
    """The file in which an Airflow started for this AUTOML_HOME leaves its address, user and password."""
    return home / ".airflow" / "credentials.json"


def find_credentials(home: Path, environment: Mapping[str, str] | None = None) -> Credentials:
    """The credentials to use.

    AIRFLOW_API_URL, AIRFLOW_API_TOKEN, AIRFLOW_USERNAME and AIRFLOW_PASSWORD of the environment go
    before the file's url, username and password. The file's user is used for the file's server only.

    Args:
        home: AUTOML_HOME.
        environment: the process's, when left out.

    Raises:
        AuthError: there is neither a token nor a user with a password, or others may read the file.
        ClientError: the file is unreadable.
    """
    env = os.environ if environment is None else environment
    path = credentials_file(home)
    stored = _read(path)
    url = (env.get("AIRFLOW_API_URL") or stored.get("url") or DEFAULT_URL).rstrip("/")
    token, username, password = (env.get(f"AIRFLOW_{key}", "") for key in ("API_TOKEN", "USERNAME", "PASSWORD"))
    if not token and not (username and password) and url == (stored.get("url") or "").rstrip("/"):
        username, password = stored.get("username", ""), stored.get("password", "")
    if not token and not (username and password):
        raise AuthError(
            f"no credentials for Airflow at {url}: set AIRFLOW_API_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD "
            f"(a local Airflow leaves them in {path}, which {'is for another address' if stored else 'does not exist'})"
        )
    return Credentials(url.removesuffix("/api/v2"), username, password, token)


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise AuthError(f"{path} has a password in it and others may read it: chmod 600 {path}")
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ClientError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise ClientError(f"{path} can't be read: an object with url, username and password is wanted")
    return {str(key): str(value) for key, value in content.items() if value is not None}
