"""``python -m automl_airflow.component api-server``: a component that imports while Airflow's database is being made.

A component looks for its tables as soon as it starts, so it can't start before ``airflow db migrate`` has ended; yet
most of its start is importing, which needs no tables. This imports first, waits for a word on standard input, and then
is ``airflow api-server`` (or what it was called with) like any other.
"""

from __future__ import annotations

import gc
import os
import sys

from automl_airflow.compat.preloaded import IN_COMPONENTS, import_ahead

GO = b"go\n"
"""The word: the database is ready."""


def main(argv: list[str]) -> int:
    """Import, wait for the word, and be the component.

    Args:
        argv: of ``airflow``: the component's name and its options.

    Returns:
        The exit code; 1 when standard input ended without the word, because whoever would say it is gone.
    """
    sys.argv = ["airflow", *argv]  # what is imported at the start of a process depends on it (bootstrap.py)
    if argv[0] == "api-server":
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"  # as airflow.api_fastapi.main does before it imports
    gc.disable()  # nothing that is imported is garbage, and looking for it is a good part of the time
    from airflow.__main__ import main as airflow

    import_ahead(IN_COMPONENTS.get(argv[0], ()))
    gc.enable()
    if sys.stdin.buffer.readline() != GO:
        return 1
    airflow()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
