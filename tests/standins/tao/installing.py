"""Putting the stand-in where its callers look for TAO: a folder of programs for PATH."""

from __future__ import annotations

import sys
from pathlib import Path

CONTAINER = Path(__file__).parent / "container.py"


def install(folder: Path, *networks: str) -> Path:
    """A folder with one program a network, each of them the stand-in.

    Args:
        folder: is made.
        networks: names of entry points, such as ``dino``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for network in networks:
        program = folder / network
        program.write_text(f'#!/bin/sh\nSTANDIN_NETWORK={network} exec "{sys.executable}" "{CONTAINER}" "$@"\n')
        program.chmod(0o755)
    python = folder / "python3"  # with PyYAML, as TAO's containers have it
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder
