"""The smallest thing that a journal can be folded into: notes, in their order."""

from __future__ import annotations

import json
from typing import ClassVar, Self

from automl_core.journal import Record


class Notes:
    kinds: ClassVar[frozenset[str]] = frozenset({"note"})

    def __init__(self) -> None:
        self.seq = 0
        self.texts: list[str] = []
        self.skipped: dict[int, str] = {}

    def apply(self, record: Record) -> str | None:
        self.seq = record.seq
        self.texts.append(record.data["text"])
        return None

    def skip(self, seq: int, reason: str) -> None:
        self.skipped.setdefault(seq, reason)

    def encode(self) -> bytes:
        return json.dumps({"seq": self.seq, "texts": self.texts, "skipped": self.skipped}).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        body, notes = json.loads(data), cls()
        notes.seq, notes.texts = body["seq"], body["texts"]
        notes.skipped = {int(seq): reason for seq, reason in body["skipped"].items()}
        return notes
