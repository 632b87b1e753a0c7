"""The archive of a folder of code: the same bytes for the same content, and unpacked only where it is what it says.

The digest is that of the tar inside: the compressed bytes differ between releases of zlib.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from automl_core.code.selecting import MOST_BYTES, MOST_FILES, Chosen, CodeError, choose

_OVERHEAD = 2_048
"""Bytes of a tar for each file, its header and padding; a name beyond 100 bytes takes as much again."""

_MOST_UNPACKED = MOST_BYTES + 2 * MOST_FILES * _OVERHEAD


@dataclass(frozen=True, slots=True)
class Packed:
    """A folder of code, packed.

    Attributes:
        digest: SHA-256 of the tar, in hexadecimal.
        data: the tar, compressed.
        files: how many.
        size: their bytes.
    """

    digest: str
    data: bytes
    files: int
    size: int


def pack(folder: Path, ignore: Sequence[str] = ()) -> Packed:
    """Pack a folder of code.

    Names in their order, times, owners and modes (644, or 755 of what anybody may run) are always the same, so the
    same files give the same archive on every machine.

    Args:
        folder: the folder.
        ignore: further lines, behind those of its ignore file.

    Raises:
        CodeError: it can't go along; see `choose`.
    """
    chosen = choose(folder, ignore)
    body = _tar(chosen)
    return Packed(
        hashlib.sha256(body).hexdigest(), gzip.compress(body, mtime=0), len(chosen), sum(each.size for each in chosen)
    )


def _tar(chosen: Sequence[Chosen]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for each in chosen:
            try:
                data = each.path.read_bytes()
            except OSError as error:
                raise CodeError(f"{each.path} can't be read: {(error.strerror or str(error)).lower()}") from None
            entry = tarfile.TarInfo(each.name)
            entry.size, entry.mode = len(data), 0o755 if each.executable else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def unpack(data: bytes, digest: str, target: Path) -> None:
    """Unpack an archive into a folder that is made, or is empty.

    Args:
        data: the archive.
        digest: what it is called by.
        target: the folder.

    Raises:
        CodeError: it is not the archive of that digest.
        OSError: the folder can't be written.
    """
    body = _inside(data, digest)
    found = hashlib.sha256(body).hexdigest()
    if found != digest:
        raise CodeError(f"the archive of code {digest[:12]} is damaged: its content has the digest {found[:12]}")
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        for entry in tar:
            if not entry.isreg():
                raise CodeError(f"the archive of code {digest[:12]} has {entry.name} in it, which is no file")
            try:
                tar.extract(entry, target, filter="data")
            except tarfile.FilterError as error:
                raise CodeError(f"the archive of code {digest[:12]} has {entry.name} in it: {error}") from None


def _inside(data: bytes, digest: str) -> bytes:
    """The tar, never more of it than can have been packed."""
    reader = zlib.decompressobj(wbits=31)  # gzip
    try:
        body = reader.decompress(data, _MOST_UNPACKED)
    except zlib.error as error:
        raise CodeError(f"the archive of code {digest[:12]} is damaged: {error}") from None
    if not reader.eof:
        raise CodeError(
            f"the archive of code {digest[:12]} is damaged: it is cut off, or larger than any that is packed"
        )
    return body
