"""`python -m automl_core.annotation.rounds FOLDER [BYTES]`: a round's scoring or selection (`working`)."""

from __future__ import annotations

import sys

from automl_core.annotation.rounds.working import MODULE, work
from automl_core.backends import apart


def main(arguments: list[str]) -> int:
    """Do what the ``request.json`` of a folder asks for; leave its results, or ``problem.json``.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).
    """
    return apart.serve(arguments, work, module=MODULE, what="it", refused=(ImportError, OSError, ValueError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
