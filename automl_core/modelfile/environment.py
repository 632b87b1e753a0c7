"""The environment that a model needs: exact versions of what it opens with."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

DISTRIBUTIONS = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}
"""Imported name → distribution, where the two differ and it is usual here."""


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Distribution → version of each imported package that is installed as one, in the order of names."""
    found: dict[str, str] = {}
    by_package: dict[str, list[str]] | None = None
    for package in packages:
        for name in (DISTRIBUTIONS.get(package, package), package):
            try:
                found[name] = metadata.version(name)
                break
            except metadata.PackageNotFoundError:
                continue
        else:
            if by_package is None:
                by_package = dict(metadata.packages_distributions())
            for name in by_package.get(package, []):
                found[name] = metadata.version(name)
    return dict(sorted(found.items()))


def lock(needed: dict[str, str], *, what: str) -> str:
    """The text of a requirements file.

    Args:
        needed: distribution → version.
        what: for what it is, in words.
    """
    lines = [f"# {what}; written with Python {platform.python_version()}."]
    return "\n".join([*lines, *(f"{name}=={version}" for name, version in needed.items())]) + "\n"
