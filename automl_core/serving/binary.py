"""The binary data extension of the V2 protocol: columns as bytes behind the JSON, as Triton's client sends them.

The header ``Inference-Header-Content-Length`` says where the JSON ends; behind it lie the columns that have the
parameter ``binary_data_size``, in their order, little-endian, texts with four bytes of length each. Answers are JSON:
the extension lets a server choose.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from automl_core.serving.requests import BadRequest, decoded

HEADER = "inference-header-content-length"

_KINDS = {
    "BOOL": "?", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip

_LENGTH = 4

_head = msgspec.json.Decoder(dict[str, Any])


class BadBinary(ValueError):
    """Bytes that are not what the JSON before them says. The message names the input."""


def with_data(body: bytes, length: str) -> bytes:
    """The request as JSON alone, its columns of bytes written out.

    Args:
        body: the JSON with the columns behind it.
        length: the header: bytes of the JSON.

    Raises:
        BadBinary: which column isn't what it says.
    """
    if not length.isascii() or not length.isdigit() or len(length) > 18 or int(length) > len(body):
        raise BadBinary(f"{HEADER}: {length[:40]!r} is no length within the body of {len(body):,} bytes")
    try:
        head = decoded(_head, body[: int(length)], f"the first {length} bytes of the body are no JSON of a request")
    except BadRequest as error:
        raise BadBinary(str(error)) from None
    rest, start = memoryview(body)[int(length) :], 0
    inputs = head.get("inputs")
    for tensor in inputs if isinstance(inputs, list) else ():
        parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if size is None:
            continue
        name = tensor.get("name")
        if "data" in tensor:
            raise BadBinary(f"inputs.{name}: it has data in the JSON and behind it")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0 or start + size > len(rest):
            raise BadBinary(f"inputs.{name}: binary_data_size {size!r} is beyond the body")
        tensor["data"] = _values(str(name), str(tensor.get("datatype")), rest[start : start + size])
        start += size
    if start != len(rest):
        raise BadBinary(f"behind the inputs' data are {len(rest) - start:,} bytes that belong to none")
    return msgspec.json.encode(head)


def _values(name: str, kind: str, data: memoryview) -> list[Any]:
    if kind == "BYTES":
        return _texts(name, data)
    if kind not in _KINDS:
        raise BadBinary(f"inputs.{name}: there is no datatype {kind!r} (there are: {', '.join(_KINDS)}, BYTES)")
    found = np.dtype(_KINDS[kind])
    if len(data) % found.itemsize:
        raise BadBinary(f"inputs.{name}: {len(data):,} bytes are no whole number of {kind}")
    values: list[Any] = np.frombuffer(data, dtype=found).tolist()
    if kind.startswith("FP"):  # no number is a missing value here, which JSON writes as null
        return [value if math.isfinite(value) else None if math.isnan(value) else str(value) for value in values]
    return values


def _texts(name: str, data: memoryview) -> list[str]:
    found: list[str] = []
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + _LENGTH], "little")
        end = start + _LENGTH + size
        if end > len(data):
            raise BadBinary(f"inputs.{name}: text {len(found)} ends behind the input's data")
        try:
            found.append(bytes(data[start + _LENGTH : end]).decode())
        except UnicodeDecodeError:
            raise BadBinary(f"inputs.{name}: text {len(found)} is not UTF-8") from None
        start = end
    return found
