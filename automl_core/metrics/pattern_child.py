"""The child process that matches what needs Python's own regular expressions: killed where a match takes too long.

Run as a script, ``python -I -S pattern_child.py``, with the standard library only. The kernel ends it when one
search has used its processor time (ITIMER_PROF): nothing in Python runs while `re` searches. It ends by itself when
its standard input is closed.

A line of JSON to it: first ``[[pattern, …], seconds]``, then any number of ``[text, [index of a pattern, …]]``.
From it for each index in turn: ``[group or null, seconds]``, written as soon as it is known, so that the one that is
missing when the process is ended is the culprit.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
import time

MEMORY = 1 << 30
"""Bytes that the process may take."""


def main() -> None:
    """Serve until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; whoever started this one ends it
    patterns, seconds = json.loads(sys.stdin.readline())
    compiled = [re.compile(pattern) for pattern in patterns]
    for line in sys.stdin:
        text, wanted = json.loads(line)
        for index in wanted:
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            match = compiled[index].search(text)
            signal.setitimer(signal.ITIMER_PROF, 0)
            answer = [match[1] if match else None, time.process_time() - began]
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
