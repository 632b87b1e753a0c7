"""Seconds until a page with many trials can be used, beside optuna-dashboard on the same trials, in one run.

    python -m benchmarks.web.pages --optuna ENVIRONMENT [--trials 1000 10000] [--times 5]

ENVIRONMENT is a virtual environment with optuna-dashboard (`uv venv E && uv pip install -p E optuna-dashboard`).
The machine is shared: CPU is what the page's main thread spent until then, which others' work changes little.

A page can be used when its history plot is drawn and its main thread has been free of tasks over 50 ms for half a
second; what is reported is the moment at which that half second began, from the start of the navigation, and beside it
when the plot stood. Each page has a browser of its own, cold in its cache the first time and warm later; the table has
the median of the warm ones, and the cold one; `inf` is a page that has
not come within two minutes, or took the browser down.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from urllib3.exceptions import HTTPError

from benchmarks.web.server import RUN

OURS = "[data-panel=History][data-drawn]"
THEIRS = ".js-plotly-plot .scatterlayer .trace, .js-plotly-plot .gl-canvas, .js-plotly-plot .point"

WATCH = """
window.__seen = null; window.__busy = 0;
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.__busy = Math.max(window.__busy, task.startTime + task.duration);
}).observe({type: 'longtask', buffered: true});
(function look() {
  if (window.__seen === null && document.querySelector(%s)) window.__seen = performance.now();
  if (window.__seen === null) requestAnimationFrame(look);
})();
"""

STANDING = """
if (window.__seen === null) return null;
const from = Math.max(window.__seen, window.__busy);
return performance.now() - from > 500 ? [window.__seen, from] : null;
"""


def free_port() -> int:
    """A port that nobody has."""
    import socket

    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with all that it started."""
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)


def wait_for(url: str, seconds: float = 1800) -> None:
    """Wait until somebody answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, timeout=10)
            return
        time.sleep(0.5)
    raise TimeoutError(url)


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A window of a laptop's size."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        with contextlib.suppress(WebDriverException, HTTPError):
            driver.quit()
        browser = driver.capabilities.get("goog:processID")  # a page that took it down leaves it there
        if browser is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(browser, signal.SIGKILL)


def open_page(driver: webdriver.Chrome, url: str, plot: str, seconds: float = 120) -> tuple[float, float, float]:
    """Open a page; returns seconds until its plot stood, until it could be used, and CPU seconds of its main thread."""
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH % json.dumps(plot)})
    try:
        driver.get("about:blank")
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        before = main_thread(driver)
        driver.get(url)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = driver.execute_script(STANDING)
            if found:
                spent = main_thread(driver)
                return found[0] / 1000, found[1] / 1000, spent - before if spent >= before else spent
            time.sleep(0.2)
        raise TimeoutError(f"{url} shows no {plot}")
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def main_thread(driver: webdriver.Chrome) -> float:
    """CPU seconds of the page's main thread so far."""
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def trials_of(url: str, token: str, sizes: list[int]) -> dict[str, Any]:
    """Combinations and values of the experiments, as columns."""
    found = {}
    for size in sizes:
        path = f"/automl/api/v1/experiments/trials-{size}/runs/{RUN.replace('+', '%2B')}/trials?limit=10000"
        answer = httpx.get(url + path, headers={"Authorization": f"Bearer {token}"}, timeout=300)
        answer.raise_for_status()
        columns = answer.json()["columns"]
        found[f"trials-{size}"] = {"params": columns["params"], "value": columns["value"]}
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--optuna", type=Path, required=True, help="virtual environment with optuna-dashboard")
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keeps the experiments for another time")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token.json").unlink(missing_ok=True)
        ours, theirs = free_port(), free_port()
        sizes = [str(each) for each in given.trials]
        serve = [sys.executable, "-m", "benchmarks.web.server", str(folder), str(ours), *sizes]
        stack.enter_context(process(serve, folder / "server.log"))
        wait_for(f"http://127.0.0.1:{ours}/")
        token = json.loads((folder / "token.json").read_text())
        trials, journal = folder / "trials.json", folder / "optuna.journal"
        trials.write_text(json.dumps(trials_of(f"http://127.0.0.1:{ours}", token, given.trials)))
        journal.unlink(missing_ok=True)
        python = given.optuna / "bin" / "python"
        subprocess.run([python, "benchmarks/web/optuna_study.py", trials, journal], check=True, capture_output=True)
        board = [str(given.optuna / "bin" / "optuna-dashboard"), str(journal), "--port", str(theirs)]
        stack.enter_context(process(board, folder / "optuna.log"))
        wait_for(f"http://127.0.0.1:{theirs}/dashboard")
        print("| trials | page | plot stands, s | can be used, s | cold, s | CPU, s |\n|---:|---|---:|---:|---:|---:|")
        for place, size in enumerate(given.trials):
            run = RUN.replace("+", "%2B").replace(":", "%3A")
            pages = {
                "ours": (f"http://127.0.0.1:{ours}/automl/experiments/trials-{size}/runs/{run}", OURS),
                "optuna-dashboard": (f"http://127.0.0.1:{theirs}/dashboard/studies/{place}", THEIRS),
            }
            taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in pages}
            for name, (url, plot) in pages.items():
                with chromium() as driver:
                    driver.get("/".join(url.split("/")[:3]))  # a cookie is set for the site that is shown
                    driver.add_cookie({"name": "_token", "value": token, "path": "/"})
                    for _ in range(given.times + 1):
                        try:
                            taken[name].append(open_page(driver, url, plot))
                        except (TimeoutError, WebDriverException, HTTPError):
                            taken[name] = [(float("inf"),) * 3] * 2
                            driver.service.process.kill()  # it may wait for a page that never answers
                            break
            for name, rows in taken.items():
                seen, usable, cpu = (statistics.median(row[k] for row in rows[1:]) for k in (0, 1, 2))
                print(f"| {size} | {name} | {seen:.2f} | {usable:.2f} | {rows[0][1]:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
