"""What a model gets right and wrong, on its trial's page: in a real browser, over Airflow's API server."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.running.details import make_missing
from automl_core.running.simulation import SimulatedTraining
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study
from tests.e2e.browser import Browser
from tests.e2e.test_pages import address, page, place, window  # noqa: F401
from tests.unit.web.conftest import World, api_server

MARKUP = "<img src=x onerror=alert(1)>"
CLASSES = [MARKUP, "01", "1"]
RUN = "manual__2026-11-29T04:00:00+00:00"

SPEC = """\
name: {name}
output: {{storage: "file://{storage}"}}
goal: {{metric: val_loss, direction: minimize}}
search: {{algorithm: random, seed: 7}}
space:
  lr: {{type: loguniform, low: 1.0e-4, high: 0.1}}
trials: {{max: 3, concurrency: 3}}
tasks:
  - {{name: train, command: ["true"]}}
"""


def training(binding: Binding, params: Any) -> SimulatedTraining:
    """Learns by heart from epoch 4 on."""
    curve = {
        step: {"train_loss": 1 / step, "val_loss": 0.4 + abs(step - 4) / 10, "val_accuracy": step / 10}
        for step in range(1, 9)
    }
    return SimulatedTraining(curve)


def model_folder(study: Study, trial: int) -> Path:
    folder = study.journal.store.local_path(f"{study.journal.prefix}experiment_{trial}/model")
    assert folder is not None
    folder.mkdir(parents=True)
    return folder


def classified(folder: Path) -> None:
    rng = random.Random(1)
    lines = ["id,truth,prediction,score,score_01,city"]
    for number in range(300):
        truth = rng.choice(CLASSES)
        prediction = truth if rng.random() < 0.8 else rng.choice(CLASSES)
        score = 0.4 + 0.6 * rng.random()
        lines.append(f"{2**60 + number},{truth},{prediction},{score},{rng.random()},{MARKUP if number % 2 else 'Ulm'}")
    (folder / "predictions.csv").write_text("\n".join(lines))


def predicted(folder: Path) -> None:
    rng = random.Random(2)
    rows = [(number / 7, number / 7 + rng.gauss(0, 1)) for number in range(200)]
    body = "\n".join(f"{number},{truth},{found}" for number, (truth, found) in enumerate(rows))
    (folder / "predictions.csv").write_text("id,truth,prediction\n" + body)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A run with a trial of classes, one of numbers, and one whose predictions are none."""
    with api_server(tmp_path_factory.mktemp("details")) as made:
        text = SPEC.format(name="fits", storage=made.storage)
        made.know(text)
        study = made.simulate(text, RUN, training=training)
        classified(model_folder(study, 0))
        predicted(model_folder(study, 1))
        (model_folder(study, 2) / "predictions.csv").write_text("label,guess\n1,2\n")
        assert make_missing(study, lambda _: None) == 3
        assert isinstance(study.journal.store, FolderStore)
        made.begin("fits", RUN, "success")
        yield made


def at(trial: int) -> str:
    return place(f"/trials/{trial}", "fits", RUN)


def in_view(page: Browser, title: str) -> None:  # noqa: F811
    """Scroll to a plot and wait until it is drawn."""
    css = f"[data-panel='{title}']"
    page.one(css)
    page.js("document.querySelector(arguments[0]).scrollIntoView()", css)
    page.until(lambda: page.js("return document.querySelector(arguments[0]).dataset.drawn", css), 30, f"{title}, drawn")
    assert page.js("return document.querySelector(arguments[0] + ' canvas').width > 100", css)


def test_training_stands_beside_validation_with_the_gap_in_a_line(page: Browser) -> None:  # noqa: F811
    page.open(at(0))
    in_view(page, "train_loss and val_loss")
    words = page.text("[data-panel='train_loss and val_loss']")
    assert "val_loss was best at step 4" in words
    assert "from there on it overfits" in words
    assert page.all("[data-panel='train_loss']") == [], "not once more alone"
    in_view(page, "val_accuracy")


def test_the_matrix_the_curves_and_the_worst_errors_of_classes(page: Browser) -> None:  # noqa: F811
    page.open(at(0))
    for title in ("Confusion matrix", "ROC curve", "Precision and recall"):
        in_view(page, title)
    page.tap("[data-panel='Confusion matrix'] summary")
    numbers = page.until(lambda: page.text("[data-panel='Confusion matrix'] table"), 20, "its numbers")
    assert MARKUP[:10] in numbers
    cells = page.js(
        "return [...document.querySelectorAll(\"[data-panel='Confusion matrix'] tbody td\")].map((e) => e.innerText)"
    )
    counts = [int(cell) for k, cell in enumerate(cells) if k % 4]
    assert len(counts) == 9
    assert sum(counts) == 300
    assert page.all(".worst table") == [], "rows of data are asked for by a person"
    page.tap(".worst summary")
    page.one(".worst table")
    worst = page.text(".worst")
    assert str(2**60)[:10] in worst
    assert "Ulm" in worst
    ids = page.js("return [...document.querySelectorAll('.worst tbody td:first-child')].map((e) => e.innerText)")
    assert all(2**60 <= int(each) < 2**60 + 300 for each in ids), "ids keep all their digits"
    assert page.js("return document.querySelectorAll('img[onerror]').length") == 0, "markup of a class is text"
    assert page.grave_accessibility_problems() == []


def test_numbers_have_their_errors(page: Browser) -> None:  # noqa: F811
    page.open(at(1))
    for title in ("Prediction against truth", "Errors"):
        in_view(page, title)
    assert "R² 0.98" in page.text("[data-panel='Prediction against truth']")
    page.tap(".worst summary")
    found = page.until(
        lambda: page.js(
            "return [...document.querySelectorAll('.worst tbody td:nth-child(4)')].map((e) => e.innerText)"
        ),
        20, "the worst errors",
    )  # fmt: skip
    sizes = [abs(float(each)) for each in found]
    assert sizes == sorted(sizes, reverse=True)
    assert math.isfinite(sizes[0])


def test_predictions_that_are_none_say_why(page: Browser) -> None:  # noqa: F811
    page.open(at(2))
    words = page.until(lambda: page.text("[aria-label='Model details']"), 20, "why there are none")
    assert "no column truth and no column prediction; it has label, guess" in words


def test_the_page_is_readable_in_the_dark_and_on_a_phone(page: Browser) -> None:  # noqa: F811
    page.open(at(0))
    in_view(page, "Confusion matrix")
    page.js("document.documentElement.dataset.theme = 'dark'; document.dispatchEvent(new CustomEvent('automl:theme'))")
    page.plots_drawn()
    assert page.grave_accessibility_problems() == []
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.open(at(0))
    in_view(page, "Confusion matrix")
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")
