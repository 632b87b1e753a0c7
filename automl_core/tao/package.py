"""NVIDIA's package nvidia-tao-automl (the extra ``tao``): which networks it has, and their schemas.

Which there are is told by looking at its files. It is imported by a process of its own alone (this module as a
program): it loads numpy, sets up logging for everybody, and takes half a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DISTRIBUTION = "nvidia-tao-automl"

ALIASES = {"depth_net_mono": "depth_net", "depth_net_stereo": "depth_net"}
"""Further names of networks → the folder of their metadata (`generate_schema` of 7.2.0)."""

_SHARED = frozenset({"common", "utils"})
_PATIENCE = 120  # seconds; half a second is usual


class Unreadable(RuntimeError):
    """The package is there and gives no schemas. The message says why."""


def installed_version() -> str | None:
    """The package's version, None where it is not installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None


@cache
def networks() -> tuple[str, ...]:
    """Every network that the installed package has a schema of, sorted; empty where it is not installed."""
    spec = find_spec("tao_automl") if installed_version() is not None else None
    if spec is None or spec.origin is None:
        return ()
    folders = sorted((Path(spec.origin).parent / "config").iterdir())
    found = {each.name for each in folders if each.name not in _SHARED and list(each.glob("*.py"))} - {"__pycache__"}
    return tuple(sorted(found | {alias for alias, own in ALIASES.items() if own in found}))


def schemas(wanted: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Network → schema of its action ``train``.

    Args:
        wanted: networks of `networks`.

    Raises:
        Unreadable: the package can't be imported, or has no schema of one.
    """
    command = [sys.executable, "-m", "automl_core.tao.package", *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreadable(f"{DISTRIBUTION} {installed_version()} can't be read: {error}") from None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word why"]
        raise Unreadable(f"{DISTRIBUTION} {installed_version()} can't be read: {last[0]}")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def main(wanted: list[str]) -> None:
    """Write schemas of networks to standard output, as JSON."""
    import logging

    logging.disable(logging.CRITICAL)
    from tao_automl.schema.generate_schema import generate_schema  # type: ignore[import-not-found]

    json.dump({network: generate_schema(network, "train") for network in wanted}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
