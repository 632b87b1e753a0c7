"""``python -m automl_core.models.batch [FOLDER]``: one interval scored in a process of its own.

With a folder: what to do is its ``order.json``, the keys ``keys.json`` (removed once read), what came ``report.json``.
Without, in a pod: both stand in the environment, and the report goes to the model's storage.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from functools import partial
from pathlib import Path

from automl_core.models.batch.keys import FromKeys
from automl_core.models.batch.order import (
    EXITS,
    KEYS_FILE,
    KEYS_VARIABLE,
    ORDER_FILE,
    REPORT_FILE,
    VARIABLE,
    Order,
    Report,
)

log = logging.getLogger("automl.batch")

_PAUSES = (1.0, 5.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between tries to leave a report in a store that is away; each try has the store's own patience already."""


def main(arguments: list[str]) -> int:
    """Score. Returns an exit status: 0, or one of `EXITS`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    folder = Path(arguments[0]) if arguments else None
    try:
        order, access = _told(folder)
    except (OSError, ValueError, KeyError) as error:
        log.error("there is no order to score by: %s", error)
        return 2
    _limit(order.memory)
    report = run(order, access)
    if folder is not None:
        (folder / REPORT_FILE).write_text(report.to_json(), encoding="utf-8")
    elif not _kept(order, access, report):
        return EXITS["later"]
    for note in report.notes:
        log.info("note – %s", note)
    if report.problem is not None:
        log.error("%s", report.words)
        return EXITS[report.problem]
    log.info("%s rows of %s scored by version %d into %s", f"{report.rows:,}", order.data.text, order.version,
             report.out)  # fmt: skip
    return 0


def run(order: Order, access: FromKeys) -> Report:
    """Score, whatever comes of it as a report."""
    from automl_core.models.batch.claims import claim_holds
    from automl_core.models.batch.scoring import CantScore, score
    from automl_core.storage import StorageError, StorageUnavailable

    try:
        return score(order, access, partial(claim_holds, order, access))
    except CantScore as error:
        return Report(problem=error.problem, words=str(error))
    except StorageUnavailable as error:
        return Report(problem="later", words=str(error))
    except StorageError as error:
        return Report(problem="cant", words=str(error))
    except ImportError as error:
        return Report(problem="cant", words=str(error))


def _told(folder: Path | None) -> tuple[Order, FromKeys]:
    if folder is None:
        order = Order.from_json(os.environ.pop(VARIABLE))
        return order, FromKeys(os.environ.pop(KEYS_VARIABLE, ""), order.home)
    order = Order.from_json((folder / ORDER_FILE).read_text(encoding="utf-8"))
    keys = folder / KEYS_FILE
    text = keys.read_text(encoding="utf-8") if keys.exists() else ""
    keys.unlink(missing_ok=True)
    return order, FromKeys(text, order.home)


def _limit(memory: int | None) -> None:
    if memory is None:
        return
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):  # where there is no such limit, or a lower one already
        pass


def _kept(order: Order, access: FromKeys, report: Report) -> bool:
    """Leave the report where the worker finds it."""
    from automl_core.storage import StorageError, StorageUnavailable

    for pause in (*_PAUSES, None):
        try:
            store = access.store(order.storage.text, order.storage.connection)
            store.put(order.report, report.to_json().encode())
        except StorageUnavailable as error:
            if pause is not None:
                log.warning("the store is waited for, and asked again in %.0f s: %s", pause, error)
                time.sleep(pause)
                continue
            log.error("what came of it could not be kept: %s", error)
            return False
        except StorageError as error:
            log.error("what came of it could not be kept: %s", error)
            return False
        break
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
