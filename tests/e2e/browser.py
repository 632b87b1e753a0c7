"""Debian's chromium, driven as a person would, signed in to Airflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.support.patience import stretched

T = TypeVar("T")

AXE = Path(__file__).parent / "axe" / "axe.min.js"
GRAVE = {"serious", "critical"}


class Browser:
    """One window."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    # --- where ----------------------------------------------------------------------------------

    def open(self, path: str = "", *, theme: str = "light") -> None:
        """Show a page of ours, in Airflow's theme."""
        self.js("localStorage.setItem('theme', arguments[0])", theme)
        self.driver.get("about:blank")  # a fragment alone would not load anew
        self.driver.get(f"{self.url}/automl/{path}")
        self.settled()

    def settled(self, seconds: float = 40) -> None:
        """Wait until the page shows what it is about."""
        self.until(
            lambda: self.js("return document.querySelector('main:not([aria-busy])') !== null"), seconds, "a page"
        )

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Within Airflow's frame."""
        self.until(lambda: bool(self.all("iframe")), 40, "Airflow's frame")
        self.driver.switch_to.frame(self.all("iframe")[0])
        try:
            yield
        finally:
            self.driver.switch_to.default_content()

    # --- what is there --------------------------------------------------------------------------

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str, seconds: float = 30) -> WebElement:
        """The first that can be seen, waited for."""
        return self.until(lambda: next((e for e in self.all(css) if e.is_displayed()), None), seconds, css)

    def text(self, css: str = "main") -> str:
        return str(self.js("return document.querySelector(arguments[0])?.innerText ?? ''", css))

    def button(self, label: str, within: str = "") -> WebElement:
        """A button or link by the text on it."""
        return self.until(lambda: self._labelled(label, within), 30, f"a button {label!r}")

    def press(self, label: str, within: str = "") -> None:
        """Click a button or link by the text on it; a page that lives may replace it just then, so: again."""
        self._click(lambda: self._labelled(label, within), f"a button {label!r}")

    def tap(self, css: str) -> None:
        """Click the first that can be seen, as `press` does."""
        self._click(lambda: next((e for e in self.all(css) if e.is_displayed()), None), css)

    def _labelled(self, label: str, within: str) -> WebElement | None:
        script = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".find(e => e.textContent.trim() === arguments[1] && e.offsetParent !== null) ?? null"
        )
        found: WebElement | None = self.js(script, f"{within} button, {within} a", label)
        return found

    def _click(self, find: Callable[[], WebElement | None], what: str) -> None:
        def clicked() -> bool:
            element = find()
            if element is None:
                return False
            element.click()
            return True

        self.until(clicked, 30, what)

    def column(self, label: str) -> list[str]:
        """Texts of a column of the table in view."""
        script = """
          const texts = (css) => [...document.querySelectorAll(css)].map((e) => e.innerText.trim());
          const at = texts('table.rows thead th').map((e) => e.replace(/ [↑↓]$/, '')).indexOf(arguments[0]);
          return texts(`table.rows tbody tr:not(.gap) > td:nth-child(${at + 1})`);
        """
        return list(self.js(script, label))

    def until(self, find: Callable[[], T | None], seconds: float, what: str) -> T:
        """Wait until something is found; elements that went away meanwhile are looked for again."""
        deadline = time.monotonic() + stretched(seconds)
        while True:
            try:
                found = find()
                if found:
                    return found
            except (StaleElementReferenceException, ElementClickInterceptedException):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"waited {stretched(seconds):.0f} s for {what}; the page says: {self.text('body')[:1500]}"
                )
            time.sleep(0.15)

    def plots_drawn(self) -> None:
        """Wait until every plot in view has come."""
        script = """
          return [...document.querySelectorAll('[role=img]')].every((e) => !e.ariaLabel.endsWith(': loading')
            || e.offsetParent === null || e.getBoundingClientRect().top > innerHeight);
        """
        self.until(lambda: self.js(script), 40, "the plots in view")

    # --- what is wrong --------------------------------------------------------------------------

    def grave_accessibility_problems(self) -> list[str]:
        """What axe-core finds of serious or critical impact."""
        self.js(AXE.read_text())
        found = self.driver.execute_async_script(
            # of what passes nothing is told in full: a selector for each element of the page
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[0], (e) => arguments[0]({error: `${e}`}))"
        )
        assert "violations" in found, found
        return [
            f"{each['impact']} {each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
            for each in found["violations"] if each["impact"] in GRAVE
        ]  # fmt: skip

    def faults(self) -> list[str]:
        """Errors of scripts and refusals by the pages' policy that the console has."""
        rows = [
            row for row in self.driver.get_log("browser") if row["level"] == "SEVERE" and "/automl/" in row["message"]
        ]
        return [row["message"] for row in rows if row["source"] in ("javascript", "security", "violation")]


@contextmanager
def open_browser(url: str, credentials: Path) -> Iterator[Browser]:
    """A window that is signed in.

    Args:
        url: of Airflow's API server.
        credentials: file with url, username and password.
    """
    secret = json.loads(credentials.read_text())
    login = {"username": secret["username"], "password": secret["password"]}
    token = httpx.post(f"{url}/auth/token", json=login, timeout=60).json()["access_token"]
    with open_window(url, token) as window:
        yield window


@contextmanager
def open_window(url: str, token: str) -> Iterator[Browser]:
    """A window that is signed in with a token.

    Args:
        url: of Airflow's API server.
        token: as Airflow keeps it in its session cookie.
    """
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        if os.environ.get("CI"):
            raise RuntimeError("no chromium and chromium-driver: .ci/run installs Debian's")
        pytest.skip("no chromium and chromium-driver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1280,900",
        "--disable-component-update", "--disable-background-networking", "--force-prefers-reduced-motion",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        driver.set_script_timeout(60)
        driver.get(f"{url}/auth/login")
        driver.add_cookie({"name": "_token", "value": token, "path": "/"})
        yield Browser(driver, url)
    finally:
        try:
            driver.quit()
        except WebDriverException:
            driver.service.stop()
