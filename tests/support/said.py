"""Everything that stands in a folder of runs, for tests that look for what must not: packed records unpacked too."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from automl_core.journal import BadRecord, decode, seq_of


def said_in(folder: Path) -> str:
    """The text of every file below a folder, and of what journals repeat and snapshots hold in packed form."""
    return "\n".join(_text(path) for path in sorted(folder.rglob("*")) if path.is_file())


def _text(path: Path) -> str:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")
    seq = seq_of(path.name)
    if seq is None:
        return text
    try:
        return text + json.dumps([record.data for record in decode(data, seq).tail])
    except BadRecord:
        return text
