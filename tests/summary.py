"""Print one closing line for several pytest runs: ``tests: 812 passed, 0 failed, 3 skipped``.

Usage: python tests/summary.py REPORT.xml … (JUnit files that pytest wrote). Ends with 1 when a test failed or none ran.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from pathlib import Path


def count(reports: Iterable[Path]) -> Counter[str]:
    """Add up the tests of JUnit files by outcome: passed, failed (errors too), skipped (expected failures too)."""
    total: Counter[str] = Counter()
    for report in reports:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            tests, failures, errors, skipped = (
                int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
            )
            total["failed"] += failures + errors
            total["skipped"] += skipped
            total["passed"] += tests - failures - errors - skipped
    return total


def main(arguments: list[str]) -> int:
    total = count(Path(argument) for argument in arguments)
    print(f"tests: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
