"""Checks experiment files that are read from standard input (JSON, name → text), each in a process of its own.

``python -m tests.support.checked SECONDS``: writes a line of JSON for each: what came of it. A process may use so many
seconds of processor time and 1 GiB more than it has; the kernel ends it then. Processor time, since a busy machine is
nobody's fault.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from scipy.stats import qmc  # noqa: F401  # once, as in the API server

from automl_core.preview.checks import examine_text
from automl_core.preview.preview import preview
from automl_core.spec.errors import SpecError


def checked(text: str) -> str:
    """What `POST /validate` does with a text, in a word; the first problem where there are any."""
    try:
        experiment = examine_text(text, "x.yaml", Path("/")).experiment
        json.dumps(preview(experiment, None, "", 5).to_json())
    except SpecError as error:
        if len(error.problems) > 100 or len(str(error)) > 1_000_000:
            return f"FAILED: an answer of {len(error.problems)} problems, {len(str(error))} characters, helps nobody"
        return str(error.problems[0])[:500]
    except ValueError as error:  # as the route takes it
        return f"ValueError: {error}"[:500]
    return "ok"


def in_child(text: str, seconds: int) -> str:
    """The same in a child with limits."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + (1 << 30)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            os.write(write, checked(text).encode()[:4000])
            code = 0
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode()[:1000])
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as pipe:
        found = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return found if status == 0 else f"FAILED ({os.waitstatus_to_exitcode(status)}): {found}"


def main() -> None:
    """Check them all."""
    for name, text in json.load(sys.stdin).items():
        print(json.dumps([name, in_child(text, int(sys.argv[1]))]), flush=True)


if __name__ == "__main__":
    main()
