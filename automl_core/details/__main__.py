"""`python -m automl_core.details FILE FOLDER`: both objects of a file of predictions, made in a process of its own."""

from __future__ import annotations

import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from automl_core.details import NO_LIBRARY, UNREADABLE, BadPredictions


class WithoutPandas(MetaPathFinder):
    """Finds no pandas, first of `sys.meta_path`.

    pyarrow loads pandas as soon as it makes a scalar of a Python value, to see whether that is one of its arrays: half
    of the CPU of this process. Only moments with nanoseconds need it, and text has none. `automl_core.training.imports`
    hides libraries for a while; here it is for good, and this process imports nothing of the training's.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=fullname)


def main(arguments: list[str]) -> int:
    """Write ``details.json`` and ``details-rows.json`` into a folder.

    Args:
        arguments: the file, the folder, and bytes of memory at most.

    Returns:
        0; `UNREADABLE` or `NO_LIBRARY` with the reason on standard error.
    """
    file, folder, memory = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):  # where there is no such limit, or a lower one already
        pass
    if file.suffix == ".csv":  # all of it is read as text
        sys.meta_path.insert(0, WithoutPandas())
    try:
        from automl_core.details.make import details_of
    except ImportError as error:
        print(error, file=sys.stderr)
        return NO_LIBRARY
    try:
        summary, rows = details_of(file)
    except BadPredictions as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    except MemoryError:
        print(f"{file.name} takes more than {memory >> 20} MiB of memory to read", file=sys.stderr)
        return UNREADABLE
    for name, body in (("details.json", summary), ("details-rows.json", rows)):
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        (folder / name).write_text(text + "\n", encoding="utf-8", errors="replace")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
