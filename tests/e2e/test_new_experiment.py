"""From *New experiment* to a run in five clicks, from a template: in a real browser, over Airflow's API server.

There is no DAG processor here: what it would read is handed to Airflow by the test when the file has been saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser
from tests.e2e.test_pages import address, page, window  # noqa: F401
from tests.support.template_folders import NET, make_template
from tests.unit.web.conftest import World, api_server, body_of

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with api_server(tmp_path_factory.mktemp("new")) as made:
        place = made.files.parent / "templates"
        make_template(place, NET.replace("For tests.", f"'For tests. {MARKUP}'"))
        make_template(place, NET.replace("template: net", "template: other").replace("A small network", "Another one"))
        yield made


def saved(world: World) -> list[Path]:
    return sorted(world.files.glob("*.yaml"))


def typed(page: Browser, name: str, text: str) -> None:  # noqa: F811
    element = page.one(f"input[name='{name}']")
    element.send_keys(Keys.CONTROL, "a")
    element.send_keys(text)


def fine(page: Browser, name: str) -> str:  # noqa: F811
    """Wait until what is typed is checked; what the page says of it."""
    page.until(lambda: f"{name} is fine" in page.text("#validation"), 30, f"{name}, checked")
    return page.text("#validation")


def test_five_clicks_from_the_page_to_a_run(page: Browser, world: World) -> None:  # noqa: F811
    page.open("")
    page.press("New experiment", "nav")  # 1
    cards = page.until(lambda: page.all("a.card.template"), 30, "the cards")
    assert {"net", "other", "mlp-classification"} <= {each.get_attribute("data-template") for each in cards}
    assert MARKUP in page.text("#templates"), "a description is text"
    assert page.js("return document.querySelectorAll('img[onerror]').length") == 0
    page.tap("a.card.template[data-template=net]")  # 2
    page.until(lambda: "Data: train: the table" in page.text("#validation"), 30, "what is still to say")
    assert not page.button("Start").is_enabled()
    assert not page.one("input[name='data.train']").get_attribute("value")
    assert not page.all("input[name='data.valid']")[0].is_displayed(), "what is not needed is folded away"
    page.tap("input[name='data.train']")  # 3
    typed(page, "data.train", "s3://lake/churn 2026/part-*.csv")
    page.tap("input[name='columns.target']")  # 4
    typed(page, "columns.target", "churned")
    said = fine(page, "part-net")
    assert "Trials" in said
    assert "20" in said
    assert page.grave_accessibility_problems() == []
    page.until(lambda: page.button("Start").is_enabled(), 20, "the start")
    page.press("Start")  # 5
    page.until(lambda: saved(world), 30, "the file")
    text = saved(world)[0].read_text()
    assert "template: net@1" in text
    assert 'train: "s3://lake/churn 2026/part-*.csv"' in text
    world.know(text)
    page.until(lambda: "/experiments/part-net/runs/" in page.driver.current_url, 60, "the run's page")
    runs = body_of(world.client().get("/automl/api/v1/experiments/part-net/runs"))
    assert runs["total"] == 1


def test_what_is_searched_and_the_budget_can_be_changed(page: Browser, world: World) -> None:  # noqa: F811
    page.open("new?template=net")
    typed(page, "data.train", "s3://lake/train.csv")
    typed(page, "columns.target", "y")
    typed(page, "name", "mine")
    typed(page, "trials.max", "6")
    typed(page, "stop.deadline", "30m")
    typed(page, "trial_seconds", "2m")
    fine(page, "mine")
    said = page.until(lambda: (said := page.text("#validation")) and "Time, about" in said and said, 30, "the forecast")
    assert "Training time at most\t1 h 0 min" in said
    page.tap("#parameters > summary")
    page.tap("input[name='set.epochs']")
    typed(page, "set.epochs", "50")
    page.js(
        "[...document.querySelectorAll('#parameters tbody tr')].find((e) => e.innerText.includes(arguments[0]))"
        ".querySelector('input').click()",
        "momentum",
    )
    page.tap("aside details summary")
    text = page.until(
        lambda: (found := page.text("aside pre")) and "epochs: 50" in found and "momentum" in found and found, 30, "it"
    )
    assert "name: mine" in text
    assert "trials: {max: 6, concurrency: 2}" in text
    assert "search: {remove: [momentum]}" in text
    assert "stop: {deadline: 30m}" in text
    typed(page, "set.epochs", "5000")
    page.until(lambda: page.all("input[name='set.epochs'][aria-invalid=true]"), 30, "the field, marked")
    assert "set.epochs" in page.text("#validation")
    assert not page.button("Start").is_enabled()
    typed(page, "set.epochs", "60")
    fine(page, "mine")
    page.press("Edit as a file")
    page.until(lambda: "epochs: 60" in page.text(".cm-content"), 30, "the file in the editor")
    assert not page.all("#templates a")


HOLD = """
const reach = window.fetch;
window.held = [];
window.fetch = (place, options) => {
  const sent = reach(place, {...options, signal: undefined});
  if (!String(place).endsWith('/draft')) return sent;
  return new Promise((answered, refused) => {
    window.held.push(() => sent.then(answered, refused));
    options.signal?.addEventListener('abort', () => refused(new DOMException('given up', 'AbortError')));
  });
};
"""
"""Answers about what is typed wait in the page until the test lets them go."""

TYPE_AND_ANSWER = """
const field = document.querySelector("input[name='trials.max']");
field.value = '2';
field.dispatchEvent(new Event('input', {bubbles: true}));
window.held[0]();
return new Promise((done) => setTimeout(() => done(
  [...document.querySelectorAll('button')].find((each) => each.innerText === 'Start').disabled), 200));
"""
"""The answer about 3 trials comes once the 2 is typed, before that is asked about. Whether Start is disabled then."""


def test_what_is_started_is_what_stands_in_the_form(page: Browser, world: World) -> None:  # noqa: F811
    page.open("new?template=net")
    typed(page, "data.train", "s3://lake/late.csv")
    typed(page, "columns.target", "y")
    fine(page, "late-net")
    page.js(HOLD)
    typed(page, "trials.max", "3")
    page.until(lambda: page.js("return window.held.length") == 1, 30, "the form to be checked")
    assert page.js(TYPE_AND_ANSWER) is True, "what was answered is not what stands in the form"
    page.until(lambda: page.js("return window.held.length") == 2, 30, "the form to be checked again")
    page.js("window.held[1]()")
    page.until(lambda: page.button("Start").is_enabled(), 30, "the start")
    page.press("Start")
    page.until(lambda: (world.files / "late-net.yaml").exists(), 30, "the file")
    assert "max: 2," in (world.files / "late-net.yaml").read_text()


def test_a_name_that_is_taken_is_refused_and_nothing_is_overwritten(page: Browser, world: World) -> None:  # noqa: F811
    other = world.files / "taken.yaml"
    other.write_text("mine")
    page.open("new?template=net")
    typed(page, "data.train", "s3://lake/train.csv")
    typed(page, "columns.target", "y")
    typed(page, "name", "taken")
    fine(page, "taken")
    page.until(lambda: page.button("Save").is_enabled(), 20, "the button")
    page.press("Save")
    page.until(lambda: "choose another name" in page.text("[role=alert]"), 20, "why not")
    assert other.read_text() == "mine"


def test_who_may_not_save_can_look(page: Browser, world: World) -> None:  # noqa: F811
    page.driver.add_cookie({"name": "_token", "value": world.tokens["vic"], "path": "/"})
    try:
        page.open("new?template=net")
        typed(page, "data.train", "s3://lake/train.csv")
        typed(page, "columns.target", "y")
        fine(page, "train-net")
        assert "It can be looked at but not saved here" in page.text("main")
        assert not page.button("Start").is_enabled()
    finally:
        page.driver.add_cookie({"name": "_token", "value": world.tokens["ann"], "path": "/"})
