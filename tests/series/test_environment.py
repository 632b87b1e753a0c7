"""The environment that these tests run in: that of the template's lock file, as trials have it."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import version
from pathlib import Path

import automl_core
from automl_core.release import RELEASE
from automl_core.spec.lock_files import read_lock

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "templates" / "series-forecasting" / "1" / "requirements.txt"


def test_it_has_what_the_template_pins_and_more_for_tests_alone() -> None:
    lock, tests = read_lock(LOCK), read_lock(ROOT / "tests" / "series" / "requirements.txt")
    missing = {pin.text for pin in lock.pins} - {pin.text for pin in tests.pins}
    assert not missing, "make requirements"
    (pinned,) = [pin.text for pin in lock.pins if pin.name == "statsforecast"]
    assert f"statsforecast=={version('statsforecast')}" == pinned
    assert int(re.match(r"\d+", version("pandas"))[0]) < 3  # type: ignore[index]


def test_it_has_this_products_code_and_nothing_of_airflow() -> None:
    assert Path(automl_core.__file__).samefile(ROOT / "automl_core" / "__init__.py")
    assert version("automl-core") == RELEASE
    assert importlib.util.find_spec("airflow") is None
