"""Fetching the code that goes along from a bucket, within a pod: ``python -m automl_core.running.code_in_pod``.

Run by an init container of this product's image where the archive is too large for a config map. What to fetch stands
in AUTOML_CODE as JSON; the bucket's credentials in the environment, as the store reads them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import partial
from pathlib import Path

from automl_core.backends.kubernetes.bringing import CODE_FOLDER, VARIABLE
from automl_core.code import code_into
from automl_core.running.patience import patiently
from automl_core.storage import StorageError, open_store

log = logging.getLogger("automl.code")

MODULE = "automl_core.running.code_in_pod"
"""This module, for whoever has it run."""


def order(storage: str, digest: str, folder: str = CODE_FOLDER) -> str:
    """What `main` is told, as text.

    Args:
        storage: URL of the model storage path.
        digest: of the code.
        folder: where it is unpacked.
    """
    return json.dumps({"storage": storage, "digest": digest, "folder": folder})


def main() -> int:
    """Fetch and unpack. Returns an exit code: 1 where that could not be done."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        told = json.loads(os.environ[VARIABLE])
        store, digest, folder = open_store(told["storage"]), str(told["digest"]), Path(told["folder"])
        patiently(partial(code_into, store, digest, folder), say=log.warning)
    except (StorageError, OSError, ValueError, KeyError) as error:
        log.error("code: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
