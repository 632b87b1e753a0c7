"""Code that goes along with an experiment: packed once, kept by its digest, unpacked where its training runs."""

from __future__ import annotations

from automl_core.code.archive import Packed, pack, unpack
from automl_core.code.keeping import FOLDER, archive_key, archived, code_into, with_code
from automl_core.code.selecting import Chosen, CodeError, choose

__all__ = [
    "FOLDER", "Chosen", "CodeError", "Packed", "archive_key", "archived", "choose", "code_into", "pack", "unpack",
    "with_code",
]  # fmt: skip
