"""Airflow's plugin where the product is not installed as a package: the one file that is scanned in this folder.

An installed one is found by its entry point, and Airflow reports a plugin that it meets twice as an error.
"""

from __future__ import annotations

from automl_airflow import plugin

if not plugin.is_installed():
    AutoMLPlugin = plugin.AutoMLPlugin
