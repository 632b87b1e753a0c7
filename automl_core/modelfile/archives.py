"""Zip archives whose bytes depend on what is in them alone: no times, no order of a file system, no memory address."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_WHEN = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip knows."""


def packed(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Members as a zip, deflated, in the order given."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3  # the system that writes is no part of a model
            archive.writestr(info, data)
    return held.getvalue()


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Arrays as a file that ``numpy.load`` reads, by their names."""
    import numpy as np

    members = []
    for name, array in arrays.items():
        held = io.BytesIO()
        np.lib.format.write_array(held, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        members.append((f"{name}.npy", held.getvalue()))
    path.write_bytes(packed(members))
