"""The pages in a real browser on a real Airflow: an experiment is started, followed, steered and understood in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.browser import Browser, open_browser
from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(420)

HOSTILE = '<img src=x onerror="window.hacked = true">'


@pytest.fixture(scope="module")
def going(world: World) -> tuple[str, str]:
    """An experiment that runs while the tests look at it; some of its trials fail once."""
    command = world.command(mode="${mode}", steps=10, pause=0.7)
    name = world.experiment(
        "seen",
        description=HOSTILE,
        space={
            "x": {"type": "uniform", "low": 0, "high": 1},
            "mode": {"type": "choice", "values": ["good", "fails_once", HOSTILE], "weights": [4, 1, 1]},
        },
        search={"algorithm": "random", "seed": 3},
        trials={"max": 900, "concurrency": 3, "retries": 0, "max_failed": 900,
                "early_stopping": {"rule": "median", "interval": 1, "delay": 4}},
        tasks=[{"name": "train", "command": command, "cost_per_hour": 36}],
    )  # fmt: skip
    return name, world.start(name)


@pytest.fixture(scope="module")
def browser(world: World, going: tuple[str, str]) -> Iterator[Browser]:
    """One window for all."""
    with open_browser(world.airflow.url, world.airflow.credentials_file) as window:
        yield window


@pytest.fixture
def page(browser: Browser, going: tuple[str, str]) -> Iterator[Browser]:
    """The window; no page may leave an error in the console, or run what an experiment's text says."""
    browser.faults()
    yield browser
    assert browser.faults() == []
    assert not browser.js("return window.hacked ?? false")


def run_page(going: tuple[str, str], rest: str = "") -> str:
    return f"experiments/{quote(going[0], safe='')}/runs/{quote(going[1], safe='')}{rest}"


def trials_done(page: Browser) -> int:
    found = re.search(r"Trials\n(\d+) of", page.text(".figures"))
    return int(found[1]) if found else -1


def test_the_list_is_in_airflows_own_ui_and_leads_to_the_run_and_back(page: Browser, going: tuple[str, str]) -> None:
    page.driver.get(f"{page.url}/plugin/automl")
    with page.frame():
        page.one("table.rows")
        page.until(lambda: going[0] in page.column("Experiment"), 40, "the experiment in the list")
        page.one("input[type=search]").send_keys("no such thing")
        page.until(lambda: going[0] not in page.text("table.rows"), 20, "the list to be filtered")
        page.one("input[type=search]").clear()
        page.one("input[type=search]").send_keys("see")
        page.until(lambda: page.column("Experiment") == [going[0]], 20, "the experiment alone")
        page.press(going[0])
        page.one("pre.source")
        page.press(going[1])
        page.one("[role=tablist]")
        page.press("in Airflow")
    page.until(lambda: f"/dags/{going[0]}/runs/" in page.driver.current_url, 20, "Airflow's own page of the run")
    page.driver.get(f"{page.url}/dags/{going[0]}/runs/{quote(going[1], safe='')}/plugin/automl-run")
    with page.frame():
        page.one("[role=tablist]", 40)
        page.until(lambda: trials_done(page) >= 0, 20, "the run in its tab of Airflow's run")


def test_a_run_is_followed_live_without_a_reload(page: Browser, going: tuple[str, str]) -> None:
    page.open(run_page(going))
    page.js("window.same = true")
    before = max(1, trials_done(page))
    page.until(lambda: trials_done(page) > before + 1, 90, "further trials to end")
    assert page.js("return window.same") is True
    page.until(lambda: "trials have ended" in page.text("[data-panel=History]"), 20, "the history in words")
    for title in ("History", "Intermediate values"):
        assert page.js("return document.querySelector(`[data-panel='${arguments[0]}'] canvas`) !== null", title)
    page.tap("[data-panel=History] summary")
    page.until(lambda: bool(page.all("[data-panel=History] tbody tr")), 20, "the history as a table")
    assert "live" in page.text("#live")
    assert "Current trial" in page.text(".figures")
    assert "Time left" in page.text(".figures")
    assert "Time per trial" in page.text(".figures")


def test_a_page_that_nobody_sees_holds_no_connection_and_one_that_comes_back_is_live(
    page: Browser, going: tuple[str, str]
) -> None:
    """A browser has six connections for all pages of a server, Airflow's own among them."""
    page.open(run_page(going))
    page.until(lambda: "live" in page.text("#live"), 20, "the connection")
    page.js("""
        window.closings = 0;
        const close = EventSource.prototype.close;
        EventSource.prototype.close = function () { window.closings += 1; close.call(this); };
        window.see = (seen) => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => !seen });
          document.dispatchEvent(new Event('visibilitychange'));
        };
        window.see(false);
    """)
    assert page.js("return window.closings") == 1
    before = trials_done(page)
    page.js("window.see(true)")
    page.until(lambda: trials_done(page) > before, 90, "what has happened since, and more")
    assert "live" in page.text("#live")


def test_a_page_that_the_back_button_brings_back_goes_on(page: Browser, going: tuple[str, str]) -> None:
    page.open(run_page(going))
    page.js("window.same = true")
    page.tap(".figures a")
    page.until(lambda: "/trials/" in page.driver.current_url, 20, "the trial's page")
    page.settled()
    page.driver.back()
    page.settled()
    before = trials_done(page)
    page.until(lambda: trials_done(page) > before + 1, 90, "further trials to end")


PLACES = ["#overview", "#trials", "#parameters", "#time", "#details"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(page: Browser, going: tuple[str, str], theme: str) -> None:
    places = {
        "list": "", "new": "new", "housekeeping": "housekeeping",
        "experiment": f"experiments/{going[0]}", "nothing": "experiments/none",
        "trial": run_page(going, "/trials/0"), "compare": f"compare?run={quote('/'.join(going), safe='')}",
        **{place: run_page(going, place) for place in PLACES},
    }  # fmt: skip
    problems = {}
    for name, place in places.items():
        page.open(place, theme=theme)
        assert page.js("return document.documentElement.dataset.theme") == theme
        page.plots_drawn()
        problems[name] = page.grave_accessibility_problems()
    assert {name: found for name, found in problems.items() if found} == {}


def test_the_trial_table_is_filtered_searched_and_sorted(page: Browser, going: tuple[str, str]) -> None:
    page.open(run_page(going, "#trials"))
    page.until(lambda: len(page.column("Trial")) > 4, 60, "some trials")
    page.tap("button[data-state=FAILED]")
    page.until(lambda: set(page.column("State")) == {"✕ Failed"}, 60, "only failed trials")
    assert set(page.column("mode")) == {"fails_once"}
    page.tap("button[data-state=FAILED]")
    page.until(lambda: len(set(page.column("State"))) > 1, 30, "all trials")
    page.press("Rank", "thead")
    page.until(lambda: page.column("Rank")[:3] == ["1", "2", "3"], 30, "the best first")
    values = [float(each) for each in page.column("accuracy")[:3]]
    assert values == sorted(values, reverse=True)
    search = page.one("input[type=search]")
    search.send_keys("onerror")
    page.until(lambda: set(page.column("mode")) == {HOSTILE}, 30, "the trials with that value, as text")
    search.clear()
    search.send_keys(" ")
    page.one("select[aria-label='Filter by']").send_keys("x")
    page.one("input[aria-label=from]").send_keys("0.5")
    page.press("Add")
    page.until(
        lambda: page.column("x") and all(v == "…" or float(v) >= 0.5 for v in page.column("x")), 30, "x from 0.5"
    )


def test_a_failed_trial_runs_again_and_its_page_tells_it(page: Browser, world: World, going: tuple[str, str]) -> None:
    page.open(run_page(going, "#trials"))
    page.tap("button[data-state=FAILED]")
    page.until(lambda: set(page.column("State")) == {"✕ Failed"}, 60, "a failed trial")
    trial = int(page.column("Trial")[0])
    page.tap(f"button[data-key=rerun-{trial}]")
    page.until(lambda: f"Run trial {trial} again?" in page.text("dialog"), 10, "the question")
    page.press("Run again", "dialog")
    page.until(lambda: bool(page.text("#toasts")), 30, "what was done")
    page.open(run_page(going, f"/trials/{trial}"))
    page.until(
        lambda: "Succeeded" in page.text("h1 + span") and "accuracy over" in page.text(), 90, "its second attempt"
    )
    assert len(page.all("table[aria-label=Attempts] tbody tr")) == 2
    assert "fails_once" in page.text(f"table[aria-label='Combination of trial {trial}']")
    assert page.until(lambda: page.all("table[aria-label='Files of the trial'] a"), 30, "its files")
    answer = page.driver.execute_async_script(
        "fetch(arguments[0]).then(async (r) => arguments[1]([r.status, r.headers.get('content-disposition')]))",
        page.one("table[aria-label='Files of the trial'] a").get_attribute("href"),
    )
    assert answer[0] == 200
    assert answer[1].startswith("attachment")
    page.tap("table[aria-label=Attempts] tbody tr a")
    page.until(lambda: f"/dags/{going[0]}/runs/" in page.driver.current_url, 20, "Airflow's log of the attempt")
    study = world.study(*going)
    assert [act.act for act in study.state.acts if act.trial == trial] == ["rerun"]


def test_a_running_experiment_is_edited_and_what_is_wrong_is_refused_in_words(
    page: Browser, world: World, going: tuple[str, str]
) -> None:
    page.open(run_page(going))
    page.press("Edit …")
    most = page.one("dialog input[name='trials.concurrency']")
    most.clear()
    most.send_keys("99")
    page.press("Save the changes", "dialog")
    page.until(lambda: "concurrency" in page.text("dialog .problems"), 20, "why it is refused")
    most.clear()
    most.send_keys("2")
    target = page.one("dialog input[name='trials.max']")
    target.clear()
    target.send_keys("250")
    page.press("Save the changes", "dialog")
    page.until(lambda: "of 250" in page.text(".figures"), 30, "the new number of trials")
    page.press("Settings and changes")
    page.until(lambda: "250" in page.text("table[aria-label='What people did']"), 30, "who changed it")
    edits = [act for act in world.study(*going).state.acts if act.act == "edit"]
    assert [act.by for act in edits] == ["admin"]
    assert world.study(*going).experiment.trials.max == 250


def test_a_running_experiment_is_stopped_and_says_why_it_ended(
    page: Browser, world: World, going: tuple[str, str]
) -> None:
    page.open(run_page(going))
    page.press("Stop …")
    page.tap("dialog input[value=cancel]")
    page.press("Stop the experiment", "dialog")
    page.until(lambda: "Ended:" in page.text(".head"), 90, "the end")
    assert "admin" in page.text(".head")
    assert "Cancelled by a user" in page.text(".head")
    page.until(lambda: page.all(".head button") and page.button("Extend …"), 30, "it can be extended now")
    assert world.study(*going).state.stop is not None


def test_an_experiment_is_started_from_an_uploaded_file_that_is_checked_as_it_is_typed(
    page: Browser, world: World, tmp_path: Path
) -> None:
    good = world.root / "experiments" / "seen.yaml"
    text = good.read_text().replace("name: seen", "name: uploaded").replace("max: 900", "max: 2")
    file = tmp_path / "uploaded.yaml"
    file.write_text(text.replace("type: uniform", "type: unifrom"))
    page.open("new")
    page.until(lambda: "is fine" in page.text("#validation"), 30, "the example to be checked")
    page.one("#upload").send_keys(str(file))
    page.until(lambda: "One problem" in page.text("#validation"), 30, "the problem")
    assert "unifrom" in page.text("#validation")
    assert page.all(".cm-lint-marker-error"), "its line is marked"
    assert not page.button("Save and start").is_enabled()
    file.write_text(text)
    page.one("#upload").send_keys(str(file))
    page.until(lambda: "uploaded is fine" in page.text("#validation"), 30, "the file to be fine")
    page.press("Save and start")
    page.until(lambda: "/experiments/uploaded/runs/" in page.driver.current_url, 90, "the page of the new run")
    page.settled()
    page.until(lambda: "Finished" in page.text(".head"), 120, "its end")
    assert trials_done(page) == 2
    wait_until(lambda: (world.root / "experiments" / "uploaded.yaml").exists(), 5, "the file")
    page.js("window.same = true")
    page.until(lambda: page.button("Extend …").get_attribute("aria-disabled") is None, 40, "its run to end in Airflow")
    page.press("Extend …")
    most = page.one("dialog input[name='trials.max']")
    most.clear()
    most.send_keys("3")
    page.press("Extend", "dialog")
    page.until(lambda: trials_done(page) == 3 and "Finished" in page.text(".head"), 120, "the third trial, live")
    assert page.js("return window.same") is True


def test_an_experiment_that_was_saved_a_moment_ago_is_waited_for(page: Browser, world: World) -> None:
    page.open("new")
    page.until(lambda: "is fine" in page.text("#validation"), 30, "the example to be checked")
    page.press("Save")
    page.until(lambda: page.driver.current_url.endswith("/experiments/my-experiment"), 30, "its page")
    page.until(lambda: "It has not run yet." in page.text(), 90, "Airflow to have read it")
    assert "Nothing to show" not in page.text()


def test_a_shipped_template_trains_from_the_page_with_five_clicks(page: Browser, world: World, tmp_path: Path) -> None:
    from sklearn.datasets import load_iris

    data = load_iris()
    table = tmp_path / "iris.csv"
    rows = [
        ",".join([*map(str, row), data.target_names[kind]]) for row, kind in zip(data.data, data.target, strict=True)
    ]
    table.write_text("\n".join(["a,b,c,d,species", *rows]))
    page.open("")
    page.press("New experiment", "nav")  # 1
    page.tap("a.card.template[data-template=mlp-classification]")  # 2
    page.tap("input[name='data.train']")  # 3
    page.one("input[name='data.train']").send_keys(str(table))
    page.tap("input[name='columns.target']")  # 4
    page.one("input[name='columns.target']").send_keys("species")
    trials = page.one("input[name='trials.max']")
    trials.clear()
    trials.send_keys("2")
    page.until(lambda: "iris-mlp-classification is fine" in page.text("#validation"), 40, "the file to be checked")
    page.until(lambda: page.button("Start").is_enabled(), 20, "the start")
    page.press("Start")  # 5
    page.until(lambda: "/experiments/iris-mlp-classification/runs/" in page.driver.current_url, 90, "the run's page")
    page.settled()
    page.until(lambda: "Finished" in page.text(".head"), 180, "its end")
    assert trials_done(page) == 2
    page.open(page.driver.current_url.split("/automl/")[1].split("#")[0] + "/trials/0")
    page.one("[data-panel='Confusion matrix']")
    assert "virginica" in page.text("table[aria-label=Classes]")
