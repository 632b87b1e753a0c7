"""The records of an event file (TFRecord framing), with what is damaged in it.

A record is its length (8 bytes, little-endian), a checksum of that, the data, and a checksum of the data; both are
masked CRC-32C (tensorflow/core/lib/io/record_writer.h). TensorBoard's own reader stops at a checksum that is wrong
without a word, as at a record that is still being written; here the two are told apart at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEAD, _TAIL = 12, 4
_MOST = 1 << 31
"""Bytes of a record that are taken for possible."""

_SEARCHED = 1 << 18
"""Bytes in which the next record is looked for after a damaged length."""


class EventRecords:
    """Reads a file on from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self.path = path
        self.count = 0
        self._place = 0

    def read(self) -> Iterator[bytes]:
        """The records that are whole and new. What isn't (yet) whole is tried again at the next call.

        Raises:
            OSError: the file can't be read.
        """
        with self.path.open("rb") as file:
            while (record := self._record(file, self._place)) is not None:
                self._place, data = record
                self.count += 1
                yield data

    def read_on(self) -> Iterator[bytes | str]:
        """The same of a file that is finished: records, and in words what is damaged between them."""
        yield from self.read()
        size = self.path.stat().st_size
        while self._place < size:
            damaged, found = self._place, self._next(size)
            if found is None:
                self._place = size
                lost = size - damaged
                yield f"the record at byte {damaged} is damaged or cut off, the {lost} bytes from there are lost"
                return
            self._place = found
            yield f"the record at byte {damaged} is damaged, {found - damaged} bytes are lost"
            yield from self.read()

    def _record(self, file: BinaryIO, place: int) -> tuple[int, bytes] | None:
        """The end of the record at a place and its data; None where it isn't whole."""
        length = self._length(file, place)
        if length is None:
            return None
        data, check = file.read(length), file.read(_TAIL)
        if len(data) < length or len(check) < _TAIL or struct.unpack("<I", check)[0] != _checksum(data):
            return None
        return place + _HEAD + length + _TAIL, data

    def _length(self, file: BinaryIO, place: int) -> int | None:
        file.seek(place)
        head = file.read(_HEAD)
        if len(head) < _HEAD:
            return None
        length, check = struct.unpack("<QI", head)
        return int(length) if length < _MOST and check == _checksum(head[:8]) else None

    def _next(self, size: int) -> int | None:
        """Where the next whole record begins after the damaged one at the current place."""
        with self.path.open("rb") as file:
            length = self._length(file, self._place)
            first = self._place + (1 if length is None else _HEAD + length + _TAIL)
            for place in range(first, min(size, first + _SEARCHED)):
                file.seek(place + 4)
                if file.read(4) != b"\0\0\0\0":  # no record is 4 GiB long: most places need no checksum
                    continue
                if self._record(file, place) is not None:
                    return place
        return None


def _checksum(data: bytes) -> int:
    # heavy, and only wanted once there is a file
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    return int(masked_crc32c(data))
