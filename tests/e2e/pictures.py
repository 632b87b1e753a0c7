"""The screenshots in docs/images, taken of a demonstration that was left running.

``make demo KEEP=1``, then ``python -m tests.e2e.pictures``: starts a run of 60 trials and takes them while it goes on.
Those of annotation: ``make demo FILE=experiments/intents.annotation.yaml KEEP=1``, and ``… annotation`` once people are
asked in a round after the first.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from automl_core.client import AutoML, find_credentials
from automl_core.client.credentials import credentials_file
from tests.e2e.browser import Browser, open_browser

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
EXPERIMENT, PROJECT = "digits_mlp", "intents"
SETTLED = 2.0
"""Seconds in which plots move into place."""


def main(home: Path = ROOT) -> None:
    """Take them all; ``home`` is where the demonstration was started."""
    credentials = find_credentials(home)
    with (
        AutoML(credentials) as automl,
        open_browser(credentials.url, credentials_file(home)) as page,
        tempfile.TemporaryDirectory() as folder,
    ):
        run = automl.start(EXPERIMENT, {"trials": {"max": 60}, "stop": {"no_improvement": None}})
        place = f"experiments/{EXPERIMENT}/runs/{run.run_id}"
        page.open(place)
        page.until(lambda: trials_done(page) >= 30, 600, "half of the trials")
        for name, rest, theme in (
            ("overview", "", "light"), ("trials", "#trials", "dark"), ("parameters", "#parameters", "light"),
            ("time", "#time", "dark"), ("trial", "/trials/10", "light"),
        ):  # fmt: skip
            page.open(place + rest, theme=theme)
            take(page, f"web-{name}-{theme}")
        wrong = Path(folder) / f"{EXPERIMENT}.yaml"
        wrong.write_text(
            (ROOT / "experiments" / wrong.name).read_text().replace("type: loguniform", "type: logunifrom", 1)
        )
        page.open("new")
        page.one("#upload").send_keys(str(wrong))
        page.until(lambda: "One problem" in page.text("#validation"), 30, "the problem")
        take(page, "web-problem")
        run.stop(cancel=True)


def annotation(home: Path = ROOT) -> None:
    """Take those of an annotation project in which people are asked."""
    with open_browser(find_credentials(home).url, credentials_file(home)) as page:
        take_annotation(page, PROJECT)


def take_annotation(page: Browser, project: str) -> None:
    """The page for labelling, and the ledger."""
    page.open(f"annotations/{project}/label")
    page.one(".annotate-class")
    take(page, "web-label-light")
    page.open(f"annotations/{project}/ledger", theme="dark")
    take(page, "web-ledger-dark")


def trials_done(page: Browser) -> int:
    """How many the page says have ended."""
    found = re.search(r"Trials\n(\d+) of", page.text(".figures"))
    return int(found[1]) if found else 0


def take(page: Browser, name: str) -> None:
    """Keep what is seen."""
    page.plots_drawn()
    time.sleep(SETTLED)
    page.driver.save_screenshot(str(IMAGES / f"{name}.png"))


if __name__ == "__main__":
    annotation() if sys.argv[1:] == ["annotation"] else main()
