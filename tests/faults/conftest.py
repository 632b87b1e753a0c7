"""Which cases run (`make faults FAULTS=worker,store`), one Airflow for each module, and the table at the end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.cases import Case, Fault, run_case
from tests.faults.site import Site, site_of
from tests.faults.sound import check

_ROW = "fault"
_COLUMNS = ("place", "fault", "moment", "struck", "next_record", "end", "longer", "attempts", "tries", "idle")


_HERE = Path(__file__).parent
_TIMEOUT = 7200
"""Seconds for a case, its Airflow's start included: longer than all its own waits, which say what is missing
(`tests.support.patience`)."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each case its time, and keep the faults that FAULTS names, where it names any."""
    for item in items:
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT))
    wanted = {name.strip() for name in os.environ.get("FAULTS", "").split(",") if name.strip()}
    if not wanted:
        return
    given = {item: item.callspec.params for item in items if hasattr(item, "callspec")}
    faults = {item: params["fault"] for item, params in given.items() if "fault" in params}
    known = set(faults.values())
    if wanted - known:
        raise pytest.UsageError(f"FAULTS: {', '.join(sorted(wanted - known))}; allowed: {', '.join(sorted(known))}")
    dropped = [item for item in items if faults.get(item) not in wanted]
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    """The Airflow of a module, which has run an experiment without a fault."""
    module = request.module
    environment = getattr(module, "ENVIRONMENT", {})
    with site_of(tmp_path_factory.mktemp("site"), pods=getattr(module, "PODS", False), **environment) as made:
        running = made.start("undisturbed")
        running.finish()
        made.undisturbed = time.time() - running.began
        check(running)
        yield made


@pytest.fixture
def case(site: Site, record_property: Callable[[str, object], None]) -> Case:
    """Runs one case, and notes what it showed for the table."""

    def run(faults: dict[str, Fault], fault: str, moment: str) -> None:
        record_property(_ROW, json.dumps(asdict(run_case(site, faults, fault, moment))))

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each fault at each moment has cost."""
    reports = terminalreporter.stats.get("passed", [])
    rows = [json.loads(value) for report in reports for name, value in report.user_properties if name == _ROW]
    if not rows:
        return
    terminalreporter.section(
        "faults: seconds from the start to the strike, then from it to the next record, to the end"
    )
    texts = [
        [str(round(row[key])) if isinstance(row[key], float) else str(row[key]) for key in _COLUMNS] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *texts, strict=True)]
    for line in (_COLUMNS, *texts):
        terminalreporter.write_line("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)))
