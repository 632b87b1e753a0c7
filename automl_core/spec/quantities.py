"""Kubernetes quantities in an experiment file: ``500m`` of a CPU, ``4Gi`` of memory."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SUFFIXES = {
    "": Decimal(1), "m": Decimal("0.001"), "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12, "P": Decimal(10) ** 15, "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30, "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]{0,2})")


def parse_quantity(text: str) -> float:
    """The number that a quantity stands for: cores of CPU, bytes of memory, pieces of anything else.

    Raises:
        ValueError: it is none.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in _SUFFIXES:
        raise ValueError("a Kubernetes quantity such as 2, 500m, 512Mi or 4Gi is wanted here")
    return float(Decimal(match[1]) * _SUFFIXES[match[2]])


def memory_quantity(size: float) -> str:
    """Bytes as a quantity in whole mebibytes, rounded up."""
    return f"{-int(-size // 2**20)}Mi"


def _check_quantity(value: Any) -> str:
    text = "" if isinstance(value, bool) else str(value).strip()
    if parse_quantity(text) <= 0:
        raise ValueError("a quantity above 0 is wanted here")
    return text


Quantity = Annotated[
    str,
    BeforeValidator(_check_quantity),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": f"^{_QUANTITY.pattern}$"},
            ],
            "description": "A Kubernetes quantity: a number, or text such as 500m (half a CPU), 512Mi or 4Gi.",
        }
    ),
]
"""A Kubernetes quantity as text; a number may be written as one."""
