"""Somebody who labels on the page in a real browser, with the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
from selenium.webdriver.common.action_chains import ActionChains

from tests.e2e.browser import Browser, open_window
from tests.e2e.world import World

QUEUE = Path(__file__).parent / "answer_queue.js"

READ = """
  return Object.fromEntries([...document.querySelectorAll('.annotate-row > div')]
    .map((e) => [e.querySelector('dt').innerText, e.querySelector('dd').innerText]));
"""

KEYS = """
  return Object.fromEntries([...document.querySelectorAll('.annotate-class')]
    .map((e) => [e.querySelector('strong').innerText, e.querySelector('kbd').innerText]));
"""


def label_by_keyboard(
    world: World, project: str, who: str, meant: Callable[[Mapping[str, str]], str], many: int
) -> None:  # fmt: skip
    """Label so many rows as somebody, and see that the page is one that everybody can use.

    Args:
        world: the Airflow.
        project: name of the project.
        who: a user, by name.
        meant: the class of a row, by its columns as the page shows them.
        many: how many items; all of these must be theirs to take.
    """
    passwords = json.loads((world.airflow.home / "passwords.json").read_text())
    url = json.loads(world.airflow.credentials_file.read_text())["url"]
    login = {"username": who, "password": passwords[who]}
    token = httpx.post(f"{url}/auth/token", json=login, timeout=60).json()["access_token"]
    with open_window(url, token) as browser:
        browser.open(f"annotations/{project}/label")
        browser.one(".annotate-row")
        assert not browser.grave_accessibility_problems()
        script = browser.js("return document.querySelector('script[src$=\"js/main.js\"]').src")
        assert browser.driver.execute_async_script(QUEUE.read_text(), script.removesuffix("main.js")) == []
        keys = browser.js(KEYS)
        for _ in range(many):
            _answer(browser, keys, meant)
        told = f"All {many} answers of this visit are saved."
        browser.until(lambda: told in browser.text(".annotate-saved"), 30, told)
        assert not browser.faults()
        browser.driver.get("about:blank")  # as who closes the page: what it has beyond these is given back


def _answer(browser: Browser, keys: Mapping[str, str], meant: Callable[[Mapping[str, str]], str]) -> None:
    shown = browser.js(READ)
    ActionChains(browser.driver).send_keys(keys[meant(shown)]).perform()
    browser.until(lambda: browser.js(READ) not in (shown, {}), 30, "the next item")
