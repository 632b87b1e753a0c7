"""What makes `pip install` enough: entry points, a plugin that is met once, and an Airflow that is supported."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from airflow import plugins_manager, settings
from packaging.requirements import Requirement

from automl_airflow import bootstrap, plugin
from automl_airflow.supported import BELOW, OLDEST, UnsupportedAirflow, check_airflow
from tests.sources import ROOT


def test_airflow_finds_the_plugin_by_its_entry_point_and_meets_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PLUGINS_FOLDER", str(ROOT / "plugins"))
    plugins, problems = plugins_manager._get_plugins.__wrapped__()
    ours = [each for each in plugins if each.name == "automl"]
    assert [type(each.source).__name__ for each in ours] == ["EntryPointSource"]
    assert not [text for name, text in problems.items() if "automl" in f"{name} {text}"]


def test_without_a_package_the_plugins_folder_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for installed in (True, False):
        found = [EntryPoint("automl", "automl_airflow.plugin:AutoMLPlugin", "airflow.plugins")] if installed else []

        def entry_points(found: list[EntryPoint] = found, **_: Any) -> EntryPoints:
            return EntryPoints(found)

        monkeypatch.setattr(plugin, "entry_points", entry_points)
        plugin.is_installed.cache_clear()
        monkeypatch.delitem(sys.modules, "automl_plugin", raising=False)
        scanned = importlib.import_module("automl_plugin")
        assert getattr(scanned, "AutoMLPlugin", None) is (None if installed else plugin.AutoMLPlugin)
    plugin.is_installed.cache_clear()


def test_the_entry_point_registers_the_importer_in_every_process() -> None:
    """With nothing of ours in a folder of Airflow's: as `pip install` leaves it."""
    program = (
        "import sys, airflow.settings\n"
        "from airflow.dag_processing.importers import get_importer_registry\n"
        "assert type(get_importer_registry().get_importer('experiments/x.yaml')).__name__ == 'ExperimentImporter'\n"
        "from airflow.dag_processing.manager import list_py_file_paths\n"
        "assert list_py_file_paths.lists_experiments\n"
        "policies = airflow.settings.get_policy_plugin_manager()\n"
        "assert policies.get_plugin('automl').__name__ == 'automl_airflow.bootstrap'\n"
        "heavy = {'numpy', 'scipy', 'boto3', 'kubernetes', 'odps', 'automl_core.study', 'automl_airflow.factory'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["3.3.0", "3.3.2", "3.3.10", "3.3.0rc1", "3.3.3.dev0"])
def test_these_are_supported(version: str) -> None:
    check_airflow(version)


@pytest.mark.parametrize("version", ["2.11.2", "3.2.2", "3.4.0", "3.4.0.dev0", "4.0.0"])
def test_another_airflow_is_refused_with_what_to_do(version: str) -> None:
    with pytest.raises(UnsupportedAirflow, match=r"below 3\.4") as caught:
        check_airflow(version)
    assert f"this is Airflow {version}" in str(caught.value)
    assert "apache-airflow>=3.3.0,<3.4" in str(caught.value), "what may be installed"


def test_the_plugin_of_another_airflow_is_an_import_error_and_no_process_dies(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import airflow

    monkeypatch.setattr(airflow, "__version__", "3.9.1")
    monkeypatch.setattr(settings, "PLUGINS_FOLDER", str(ROOT / "plugins"))
    plugins, problems = plugins_manager._get_plugins.__wrapped__()
    assert "automl" not in [each.name for each in plugins]
    assert any("this is Airflow 3.9.1" in text for text in problems.values()), problems
    assert bootstrap.register() is False
    assert "this is Airflow 3.9.1" in caplog.text


def test_the_range_of_the_package_is_the_one_that_is_checked() -> None:
    project = tomllib.loads((ROOT / "plugins/pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = [r for r in map(Requirement, project["dependencies"]) if r.name == "apache-airflow"]
    stated = {spec.operator: spec.version for spec in asked.specifier}
    assert stated == {">=": ".".join(map(str, OLDEST)), "<": ".".join(map(str, BELOW))}
