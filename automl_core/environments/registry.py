"""Where a machine's packages come from, as its own settings say; and what of that is nobody's to read.

pip reads ``PIP_*`` and its configuration files, uv reads ``UV_*`` and its own, neither reads the other's. A deployment
has mostly set up pip, so what pip has been told of registries is told to uv in its words.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from automl_core.backends.environment import inherited

_PASSED = (
    "NETRC", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME", "SSL_CLIENT_CERT", "CARGO_HOME", "CC", "CXX",
)  # fmt: skip
"""Variables that an installer needs beside those that any training gets."""

_UVS_OWN = (
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE",
    "UV_CONFIG_FILE",
)  # fmt: skip
"""Variables by which uv has been told itself where packages come from."""

_NOT_PASSED = (
    "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_WORKING_DIR", "UV_PROJECT",
    "PIP_CONSTRAINT", "PIP_REQUIREMENT", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_NO_VERIFY_HASHES",
)  # fmt: skip
"""Variables by which an installer would install elsewhere, or something else than the lock file says."""

_PIPS_ALONE = ("proxy", "client-cert", "keyring-provider", "index-versions")
_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of an installer: as a training's, with all that says where packages come from.

    What would have it look at the worker's own packages is left out.
    """
    found = inherited(environ)
    found |= {name: value for name, value in environ.items() if name.startswith(("PIP_", "UV_")) or name in _PASSED}
    for name in _NOT_PASSED:
        found.pop(name, None)
    return found


def pips_settings(environ: Mapping[str, str], prefix: str = sys.prefix) -> dict[str, str]:
    """What pip has been told: option of ``[global]`` or ``[install]`` → value; a later source goes before an earlier.

    The files and their order are those of pip 25 (``pip config debug``): of the machine, the user, the environment,
    then PIP_CONFIG_FILE, then variables.
    """
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    folders = [Path(each) for each in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep) if each]
    named = environ.get("PIP_CONFIG_FILE")
    files = [
        *(folder / "pip" / "pip.conf" for folder in reversed(folders)), Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf", config / "pip" / "pip.conf", Path(prefix) / "pip.conf",
    ]  # fmt: skip
    if named == os.devnull:
        files = []
    elif named:
        files.append(Path(named))
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):  # pip itself will say so
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What uv is told.

    Attributes:
        variables: for its environment.
        arguments: what there is no variable for (uv 0.13).
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.variables or self.arguments)


def for_uv(settings: Mapping[str, str], environ: Mapping[str, str]) -> Told | None:
    """What pip has been told of registries, in uv's words; nothing where uv has been told itself.

    Args:
        settings: pip's.
        environ: the worker's environment.

    Returns:
        None where pip has been told something that uv can't be: pip installs then.
    """
    if any(environ.get(name) for name in _UVS_OWN):
        return Told()
    if any(settings.get(name) for name in _PIPS_ALONE):
        return None
    said: dict[str, str] = {}
    if settings.get("index-url"):
        said["UV_DEFAULT_INDEX"] = settings["index-url"].strip()
    if extra := settings.get("extra-index-url", "").split():
        said["UV_INDEX"] = " ".join(extra)
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's: the version of the lock file, whichever has it
    if links := settings.get("find-links", "").split():
        said["UV_FIND_LINKS"] = ",".join(links)
    alone = settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
    if hosts := settings.get("trusted-host", "").split():
        said["UV_INSECURE_HOST"] = " ".join(hosts)
    if settings.get("cert") and not environ.get("SSL_CERT_FILE"):
        said["SSL_CERT_FILE"] = settings["cert"].strip()
    seconds = settings.get("default-timeout") or settings.get("timeout") or ""
    if seconds.isdigit() and not environ.get("UV_HTTP_TIMEOUT"):
        said["UV_HTTP_TIMEOUT"] = seconds
    return Told(said, ("--no-index",) if alone else ())


class Redactor:
    """Takes out of lines what the addresses of registries have of users and passwords."""

    def __init__(self, environ: Mapping[str, str], settings: Mapping[str, str]) -> None:
        """Learn the secrets of this machine's settings.

        Args:
            environ: of the installer.
            settings: pip's.
        """
        secrets: set[str] = set()
        for text in (*environ.values(), *settings.values()):
            for word in re.split(r"[\s,]+", text):
                if "@" in word and "://" in word:
                    secrets |= _secrets_of(word)
        secrets |= {
            value for name, value in environ.items() if re.match(r"UV_.*(PASSWORD|TOKEN)", name) and len(value) > 2
        }
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """A line that people may read."""
        for secret in self._secrets:  # first: one with an @ in it would be torn apart by the pattern
            line = line.replace(secret, "***")
        return _USERINFO.sub("***@", line)


def _secrets_of(address: str) -> set[str]:
    """The password of an address, as it is written and as it is meant; its user where that is all it has."""
    try:
        parts = urlsplit(address[address.index("://") - 5 :] if "+" in address.split("://")[0] else address)
        secret = parts.password or parts.username or ""
    except ValueError:
        return set()
    return {each for each in (secret, unquote(secret)) if len(each) > 2}
