"""The pages as people use them, in a real browser, over Airflow's API server in this process.

There is no scheduler: journals are made by the simulation. What needs one is in test_web.py.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
import uvicorn
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from automl_airflow.processes import free_port
from automl_core.models.life import Step
from automl_core.results.publish import publish_study
from automl_core.running.simulation import SimulatedTraining
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding
from tests.e2e.browser import Browser, open_window
from tests.support.patience import stretched
from tests.unit.web.conftest import World, api_server
from tests.unit.web.lives import DAG, HOSTILE, Author, model_text
from tests.unit.web.watched import watch

LONG = "model_optimizer_learning_rate_schedule_warmup_share_of_a_step"
RUN = "manual__2026-11-21T04:00:00+00:00"
NAME = "digits_mlp"

SPEC = """\
name: {name}
output: {{storage: "file://{storage}"}}
goal: {{metric: accuracy, direction: maximize}}
search: {{algorithm: random, seed: 7}}
space:
  lr: {{type: loguniform, low: 1.0e-4, high: 0.1}}
  units: {{type: int, low: 1, high: 64}}
  {long}: {{type: uniform, low: 0.0, high: 0.5}}
  solver: {{type: choice, values: [adam, sgd]}}
trials: {{max: 30, concurrency: 4, retries: 1, max_failed: 30}}
{more}
tasks:
  - {{name: train, command: ["true"]}}
"""

REASON = """exit code 1. Its last lines:
epoch=1 loss=0.5
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    raise ValueError("bad <b>units</b>")
ValueError: bad <b>units</b>"""


def training(binding: Binding, params: Any) -> SimulatedTraining:
    """Every seventh trial fails."""
    curve = {step: {"accuracy": params["units"] / 64 - 1 / step, "loss": 1 / step} for step in (1, 2, 3)}
    return SimulatedTraining(curve, ending="fails" if binding.trial % 7 == 3 else "succeeds", reason=REASON)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An API server, a run that has ended and was published, and an experiment that never ran."""
    with api_server(tmp_path_factory.mktemp("pages")) as made:
        text = SPEC.format(name=NAME, storage=made.storage, long=LONG, more="")
        made.know(text)
        study = made.simulate(text, RUN, training=training)
        folder = FolderStore(made.storage).local_path(study.journal.prefix.rstrip("/"))
        assert folder is not None
        for trial in study.state.trials:
            model = folder / f"experiment_{trial.number}" / "model"
            model.mkdir(parents=True)
            (model / "weights.bin").write_bytes(b"w" * 1000)
        publish_study(study)
        made.begin(NAME, RUN, "success")
        made.know(SPEC.format(name="nightly", storage=made.storage, long="x", more='schedule: "0 3 * * *"'))
        yield made


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """Where the API server listens."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(world.app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + stretched(60)
    while not server.started:
        assert thread.is_alive(), "the API server has ended"
        assert time.monotonic() < deadline, "the API server doesn't listen"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    server.force_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def window(world: World, address: str) -> Iterator[Browser]:
    """One window for all tests of this file."""
    with open_window(address, world.tokens["ann"]) as opened:
        yield opened


@pytest.fixture
def page(window: Browser) -> Iterator[Browser]:
    """The window, on nothing yet and with nothing kept; no script of a page may fail in it."""
    window.faults()
    window.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    yield window
    assert window.faults() == []


def place(rest: str = "", name: str = NAME, run: str = RUN) -> str:
    return f"experiments/{name}/runs/{quote(run, safe='')}{rest}"


def rows(page: Browser) -> list[int]:
    """Trials in view."""
    return [int(each) for each in page.column("Trial") if each != "…"]


def narrow(page: Browser) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def test_a_failed_trial_is_told_by_its_exception_in_table_and_page(page: Browser) -> None:
    page.open(place("#trials"))
    page.tap("button[data-state=FAILED]")
    page.until(lambda: set(page.column("State")) == {"✕ Failed"}, 30, "failed trials")
    assert set(page.column("Why")) == {"exit code 1: ValueError: bad <b>units</b>"}
    page.open(place("/trials/3"))
    shown = page.one("pre.reason")
    assert "\n    raise ValueError" in str(page.js("return arguments[0].innerText", shown))
    assert page.js("return getComputedStyle(arguments[0]).whiteSpaceCollapse", shown) == "preserve"
    assert page.text("div.problems").startswith("exit code 1: ValueError: bad <b>units</b>")
    assert page.text("table[aria-label=Attempts]").count("Traceback") == 0
    link = page.one("h1 + span + a")  # beside the state
    assert link.text == "Log of attempt 2"
    box = page.js("const b = arguments[0].getBoundingClientRect(); return [b.left, b.right]", link)
    assert 0 < box[0] < box[1] < 1280


def test_a_view_of_the_trials_is_kept_by_a_reload_and_by_its_link(page: Browser) -> None:
    page.open(place("#trials"))
    page.until(lambda: len(rows(page)) > 5, 30, "the trials")
    page.press("Rank", "thead")
    page.tap("button[data-state=SUCCEEDED]")
    page.one("select[aria-label='Filter by']").send_keys("units")
    page.one("input[aria-label=from]").send_keys("20")
    page.press("Add")
    page.until(lambda: all(int(each) >= 20 for each in page.column("units")), 30, "20 units at least")
    seen = rows(page)
    assert page.column("Rank")[:2] == ["1", "2"]
    link = page.driver.current_url
    assert parse_qs(urlsplit(link).query) == {"sort": ["rank"], "state": ["SUCCEEDED"], "filter": ["params.units:20.."]}
    page.driver.get("about:blank")
    page.driver.get(link)
    page.settled()
    page.until(lambda: rows(page) == seen, 30, "the same rows")
    assert page.one("button[data-state=SUCCEEDED]").get_attribute("aria-pressed") == "true"
    assert page.button("units 20 to … ×").is_displayed()


def test_columns_are_chosen_and_resized_and_the_sheet_has_what_is_seen(page: Browser, world: World) -> None:
    page.open(place("?state=FAILED&sort=-number#trials"))
    page.until(lambda: len(rows(page)) > 2, 30, "failed trials")
    page.tap("details.menu > summary")
    for label in ("lr", "Cost"):
        page.tap(f".checks label:has(> [title='{label}']) input") if page.all(f".checks [title='{label}']") else (
            next(e for e in page.all(".checks label") if e.text.strip() == label).click()
        )
    page.until(lambda: not page.column("lr"), 20, "the column to go")
    page.one("details.menu > summary").send_keys(Keys.ESCAPE)
    assert "lr" not in page.text("table.rows thead")
    assert "column=params.units" in page.driver.current_url
    page.driver.refresh()
    page.settled()
    page.until(lambda: len(rows(page)) > 2, 30, "failed trials")
    assert "lr" not in page.text("table.rows thead")
    handle = "[data-resize='params.units']"
    before = page.js("return document.querySelector(arguments[0]).closest('th').offsetWidth", handle)
    for _ in range(4):
        page.one(handle).send_keys(Keys.ARROW_RIGHT)
    after = page.js("return document.querySelector(arguments[0]).closest('th').offsetWidth", handle)
    assert after >= before + 4 * 16
    sheet = page.one("a[download]").get_attribute("href")
    answer = httpx.get(str(sheet), cookies={"_token": world.tokens["ann"]}, timeout=30)
    head, *lines = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert "params.units" in head
    assert "params.lr" not in head
    assert [int(line[0]) for line in lines] == rows(page) == sorted(rows(page), reverse=True)


def test_trials_are_picked_and_compared(page: Browser) -> None:
    page.open(place("#trials"))
    for trial in (5, 3, 8):
        page.tap(f"[data-key=pick-{trial}]")
    page.press("Compare 3")
    page.until(lambda: page.driver.current_url.endswith("/trials?n=5&n=3&n=8"), 20, "the comparison")
    page.settled()
    assert [e.text for e in page.all("table[aria-label='Side by side'] thead a")] == ["Trial 5", "Trial 3", "Trial 8"]
    assert "ValueError" in page.text("table[aria-label='Side by side']")
    assert page.all("table[aria-label='Side by side'] .differs")
    page.until(lambda: "Trial 8" in page.text("[data-panel='Intermediate values']"), 20, "their curves in words")


def test_a_brush_over_any_two_filters_the_table(page: Browser) -> None:
    page.open(place("?x=params.units&y=params.lr#trials"))
    panel = "[data-panel=Scatter]"
    page.until(lambda: page.all(f"{panel}[data-drawn]"), 30, "the plot")
    every = page.until(lambda: rows(page), 30, "the trials")
    plot = page.one(f"{panel} .plot")
    page.js("arguments[0].scrollIntoView({block: 'center'})", plot)
    width, height = plot.size["width"], plot.size["height"]
    drag = ActionChains(page.driver).move_to_element_with_offset(plot, -width // 4, -height // 4)
    drag.click_and_hold().move_by_offset(width // 4, height // 3).release().perform()
    page.until(lambda: 0 < len(rows(page)) < len(every), 30, "fewer trials")
    terms = parse_qs(urlsplit(page.driver.current_url).query)["filter"]
    assert {term.partition(":")[0] for term in terms} == {"params.units", "params.lr"}
    low, high = (float(each) for each in next(t for t in terms if "units" in t).partition(":")[2].split(".."))
    assert all(low <= int(each) <= high for each in page.column("units"))
    assert "30 trials over" in page.text(panel), "what is brushed away stays in view"


def test_a_long_name_is_shortened_in_its_middle_and_told_when_pointed_at(page: Browser) -> None:
    page.open(place("#trials"))
    page.until(lambda: rows(page), 30, "the trials")
    head = page.one(f"thead [title='{LONG}']")
    assert re.fullmatch(r"model_optim.*….*_a_step", head.text)
    assert head.size["width"] < 260
    page.open(place("/trials/0"))
    assert page.one(f"table[aria-label='Combination of trial 0'] [title='{LONG}']").size["width"] < 260


def option(page: Browser, module: str, data: dict[str, Any], rest: str = "return made") -> Any:
    """Something of the option that a plot's module makes, or of what is painted with it."""
    script = f"""
      const [module, data, done] = arguments;
      (async () => {{
        const js = document.querySelector('script[type=module]').src.replace(/[^/]*$/, '');
        const {{ default: plot }} = await import(`${{js}}plots/${{module}}.js`);
        const made = plot.option(data, {{}});
        const run = async () => {{ {rest} }};
        return run();
      }})().then(done, (error) => done({{ error: String(error) }}));
    """
    found = page.driver.execute_async_script(script, module, data)
    assert not (isinstance(found, dict) and "error" in found), found
    return found


def test_small_steps_of_the_best_so_far_are_steps(page: Browser) -> None:
    """ECharts leaves out corners nearer than 0.7 pixels: the next level was reached by a slope."""
    page.open("")
    count = 1000
    columns = {
        "number": list(range(count)), "state": ["SUCCEEDED"] * count, "value": [n % 2 for n in range(count)],
        "best": [0.5 if n < 400 else 0.5022 for n in range(count)],
    }  # fmt: skip
    data = {"columns": columns, "metric": "m", "direction": "maximize", "seq": 1}
    paint = """
      const { Chart } = await import(`${js}chart.js`);
      const place = document.createElement('div');
      place.style.cssText = 'position:fixed;left:0;top:0;width:1200px;height:320px';
      document.body.append(place);
      const { chart } = new Chart(place, () => {});
      made.series = made.series.filter((each) => each.name === 'Best so far');
      made.yAxis.min = -0.06;
      made.yAxis.max = 1.06;
      made.yAxis.splitLine = { show: false };
      chart.setOption({ animation: false, ...made, tooltip: undefined }, { notMerge: true });
      chart.getZr().flush();
      const canvas = place.querySelector('canvas');
      const height = (at) => {
        const x = Math.round(chart.convertToPixel({ gridIndex: 0 }, [at, 0])[0]);
        const middle = Math.round(chart.convertToPixel({ gridIndex: 0 }, [at, 0.5])[1]);
        const pixels = canvas.getContext('2d').getImageData(x, middle - 8, 1, 16).data;
        let sum = 0, weight = 0;
        for (let y = 0; y < 16; y += 1) { weight += pixels[4 * y + 3]; sum += y * pixels[4 * y + 3]; }
        return weight ? sum / weight : null;
      };
      const found = [height(390), height(420), height(980)];
      place.remove();
      return found;
    """
    before, after, later = option(page, "history", data, paint)
    assert before is not None
    assert abs(after - later) < 0.05, "the line slopes"
    assert before - after > 0.3, "the step isn't there"


def test_the_colours_of_lines_are_told_and_ticks_can_be_read_over_them(page: Browser) -> None:
    page.open("")
    dimensions = [{"name": "lr", "kind": "float", "values": None, "low": 1e-4, "high": 0.1, "log": True}]
    columns = {"number": [0, 1], "value": [0.25, 0.75], "params": {"lr": [0.1, 0.01]}}
    data = {"columns": columns, "dimensions": dimensions, "metric": "m", "direction": "maximize", "total": 2}
    made = option(page, "parallel", data, "return {text: made.visualMap.text, axes: made.parallelAxis}")
    assert made["text"] == ["0.75", "0.25"]
    assert all(each["axisLabel"]["textBorderWidth"] >= 2 for each in made["axes"])


def test_the_tab_follows_the_address(page: Browser) -> None:
    page.open(place("#trials"))
    page.js("location.hash = '#time'")
    page.until(lambda: page.one("[role=tab][aria-selected=true]").text == "Time and cost", 20, "the other tab")


def test_results_are_grouped_and_come_as_a_zip(page: Browser, world: World) -> None:
    page.open(place("#details"))
    card = "section:has(> h2)"
    page.until(lambda: "Download the best model" in page.text("main"), 30, "the published files")
    folded = [each.text for each in page.all("details.fold > summary")]
    assert any(text.startswith("recommendation_….yaml 30 files") for text in folded), folded
    assert not [e for e in page.all(f"{card} a") if e.is_displayed() and "recommendation_1.yaml" in e.text]
    for label in ("Download the best model", "Everything as a zip"):
        address = str(page.button(label).get_attribute("href"))
        answer = httpx.get(address, cookies={"_token": world.tokens["ann"]}, timeout=60)
        assert answer.headers["content-type"] == "application/zip"
        assert answer.content[:2] == b"PK"


def test_underscores_stand_above_the_line_below_links(page: Browser) -> None:
    page.open("")
    link = page.until(lambda: page.all("table.rows a"), 30, "experiments")[0]
    offset = page.js("return parseFloat(getComputedStyle(arguments[0]).textUnderlineOffset)", link)
    size = page.js("return parseFloat(getComputedStyle(arguments[0]).fontSize)", link)
    assert offset >= 0.25 * size


def test_times_are_as_airflow_writes_them_in_its_zone(page: Browser) -> None:
    page.open("")
    page.js("localStorage.setItem('timezone', 'Asia/Tokyo')")
    try:
        page.open(place())
        found = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\)", page.text(".why"))
        assert found, page.text(".why")
        ended = page.js("return fetch(arguments[0]).then((r) => r.json()).then((b) => b.ended)", api(place()))
        wanted = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ended + 9 * 3600))
        assert found[1] == wanted
    finally:
        page.js("localStorage.removeItem('timezone')")


def api(rest: str) -> str:
    return f"/automl/api/v1/{rest}"


def test_a_run_that_is_not_there_is_said_to_be_so(page: Browser) -> None:
    page.open(place(run="nope"))
    assert f"{NAME} has no run 'nope'" in page.text("main")
    assert "Only DAGs" not in page.text("main")
    assert page.button(f"Runs of {NAME}").get_attribute("href").endswith(f"/experiments/{NAME}")
    page.open("experiments/none")
    assert "Only DAGs" in page.text("main")
    page.driver.get_log("browser")  # the 404s that were asked for


def test_a_phone_shows_what_matters_first(page: Browser) -> None:
    narrow(page)
    page.open(place())
    cards = page.js(
        "return [...document.querySelectorAll('.figures > div')].map((e) => e.querySelector('dd').innerText.trim())"
    )
    assert cards
    assert not [each for each in cards if each in ("–", "0", "")]
    top = page.js("return document.querySelector('[role=tablist]').getBoundingClientRect().top")
    assert top < 600
    page.open("")
    page.until(lambda: page.all("table.rows tbody td"), 30, "experiments")
    for label in ("Best", "Progress"):
        script = """
          const head = [...document.querySelectorAll('thead th')].find((e) => e.innerText.trim() === arguments[0]);
          return head ? head.getBoundingClientRect().right : null;
        """
        right = page.js(script, label)
        assert right is not None
        assert right <= 390, label
    assert page.js("return document.documentElement.scrollWidth") <= 390
    page.open(f"experiments/{NAME}")
    page.press("Start …")
    assert page.one("dialog input[name='trials.max']").is_displayed()


def test_an_experiment_that_waits_for_its_schedule_says_when(page: Browser) -> None:
    page.open("experiments/nightly")
    assert re.search(r"Schedule: 0 3 \* \* \*; next run \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", page.text("#schedule"))
    page.open("")
    page.until(lambda: "nightly" in page.text("table.rows"), 30, "the list")
    assert re.search(r"first run \d", page.text("table.rows"))


def test_a_run_is_started_and_cloned_with_the_fields_of_an_edit(page: Browser, world: World) -> None:
    page.open(f"experiments/{NAME}")
    page.press("Start …")
    fields = "search.seed trials.max trials.concurrency trials.max_failed trials.retries stop.target stop.max_cost"
    for name in (*fields.split(), "stop.no_improvement.trials", "stop.max_duration"):
        assert page.one(f"dialog input[name='{name}']")
    for name, value in (("trials.max", "5"), ("stop.target", "0.9"), ("stop.max_duration", "2h")):
        page.one(f"dialog input[name='{name}']").clear()
        page.one(f"dialog input[name='{name}']").send_keys(value)
    page.tap("dialog summary")
    bound = page.one("dialog input[data-parameter=lr][data-bound=high]")
    bound.clear()
    bound.send_keys("0.05")
    page.press("Start", "dialog")
    page.until(lambda: "/runs/" in page.driver.current_url, 30, "the new run")
    run = page.driver.current_url.rpartition("/runs/")[2]
    wanted = {
        "trials": {"max": 5}, "stop": {"target": 0.9, "max_duration": "2h"}, "space": {"lr": {"high": 0.05}},
    }  # fmt: skip
    conf = world.client().get(f"/api/v2/dags/{NAME}/dagRuns/{run}").json()["conf"]
    assert {key: value for key, value in conf.items() if key in wanted} == wanted
    page.open(place())
    page.press("Clone …")
    most = page.one("dialog input[name='trials.max']")
    assert most.get_attribute("value") == "30"
    most.clear()
    most.send_keys("7")
    page.press("Start", "dialog")
    page.until(lambda: RUN not in page.driver.current_url and "04%3A00" not in page.driver.current_url, 30, "the clone")
    run = page.driver.current_url.rpartition("/runs/")[2]
    assert world.client().get(f"/api/v2/dags/{NAME}/dagRuns/{run}").json()["conf"]["trials"] == {"max": 7}
    page.driver.get_log("browser")  # a run that has not begun has no journal: 404


def test_a_name_tags_and_a_comment_are_written_and_seen(page: Browser, world: World) -> None:
    page.open(place("/trials/6"))
    page.press("Name, tags …")
    page.one("dialog input[name=name]").send_keys("<i>candidate</i>")
    page.one("dialog input[name=tags]").send_keys("prod, fast")
    page.one("dialog textarea").send_keys("holds on new data")
    page.press("Save", "dialog")
    page.until(lambda: "<i>candidate</i>" in page.text(".written"), 30, "what was written")
    assert "ann" in page.text(".written")
    page.open(place("?filter=tags:prod#trials"))
    page.until(lambda: page.column("Name") == ["<i>candidate</i>"], 30, "the tagged trial")
    page.open(place())
    page.press("Name, tags …")
    page.one("dialog input[name=name]").send_keys("baseline")
    page.press("Save", "dialog")
    page.until(lambda: "baseline" in page.text(".written"), 30, "the run's name")
    page.open(f"experiments/{NAME}")
    assert "baseline" in page.text("table[aria-label=Runs]")


def test_a_trials_log_is_in_its_page(page: Browser, world: World) -> None:
    log = log_of(NAME, RUN, 9)
    log.parent.mkdir(parents=True, exist_ok=True)

    def line(text: str) -> str:
        return json.dumps({"timestamp": "2026-11-21T04:00:01Z", "event": text, "level": "info"}) + "\n"

    log.write_text(line("::group::before") + line("epoch=1 <b>loss</b>=0.5"))
    page.open(place("/trials/9"))
    page.js("document.querySelector('#log').scrollIntoView()")
    page.until(lambda: "epoch=1 <b>loss</b>=0.5" in page.text("pre.log"), 30, "the first line")
    assert "::group::" not in page.text("pre.log")


def test_the_log_of_a_trial_that_runs_is_read_on(page: Browser, world: World) -> None:
    text = SPEC.format(name="going", storage=world.storage, long="x", more="")
    world.know(text)
    study = world.simulate(text, RUN, until=7.5, training=training)
    world.begin("going", RUN)
    work = study.state.running[0]
    log = log_of("going", RUN, work.slot, running=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("epoch=1 loss=0.5\n")
    page.open(place(f"/trials/{work.trial}", "going"))
    page.js("document.querySelector('#log').scrollIntoView()")
    page.until(lambda: "epoch=1" in page.text("pre.log"), 30, "the first line")
    with log.open("a") as file:
        file.write("epoch=2 loss=0.25\n")
    page.until(lambda: "epoch=2 loss=0.25" in page.text("pre.log"), 30, "the second line, without a reload")
    assert page.text("pre.log").count("epoch=1") == 1


def log_of(name: str, run: str, index: int, *, running: bool = False) -> Path:
    """The file that Airflow reads the log of a mapped instance's try from."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.log.log_reader import TaskLogReader
    from airflow.utils.session import create_session
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    with create_session() as session:
        wanted = (TaskInstance.dag_id == name, TaskInstance.run_id == run, TaskInstance.task_id == "trial")
        instance = session.scalar(select(TaskInstance).where(*wanted, TaskInstance.map_index == index))
        assert instance is not None
        instance.try_number = 1
        if running:
            instance.state = TaskInstanceState.RUNNING
        handler = TaskLogReader().log_handler
        return Path(handler.local_base) / handler._render_filename(instance, 1)


def test_the_page_of_an_experiment_whose_file_is_gone_is_shown(page: Browser, world: World) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    text = SPEC.format(name="deleted", storage=world.storage, long="x", more="")
    world.know(text)
    world.simulate(text, RUN, training=training)
    world.begin("deleted", RUN, "success")
    with create_session() as session:
        model = session.get(DagModel, "deleted")
        assert model is not None
        model.is_stale = True
    page.open("experiments/deleted")
    assert "file of this experiment is gone" in page.text("main")
    page.press(RUN)
    page.until(lambda: "/runs/" in page.driver.current_url, 20, "the run")
    page.settled()
    assert "Best accuracy" in page.text(".figures")
    assert page.button("Extend …").get_attribute("aria-disabled") == "true"
    assert "its file is gone" in str(page.button("Clone …").get_attribute("title"))


def test_a_valid_file_shows_what_to_look_at_and_notes_beside_its_lines(page: Browser, tmp_path: Path) -> None:
    file = tmp_path / "slip.yaml"
    text = SPEC.format(name="slip", storage="x", long="x", more="").replace("file://x", "s3:/bucket/x")
    patterns = "metrics: {source: stdout, patterns: {accuracy: '(?<=acc=)(.*)', loss: 'loss=(.*)'}}"
    file.write_text(text.replace("{name: train,", f"{{name: train, {patterns},"))
    lines = file.read_text().splitlines()
    page.open("new")
    page.one("#upload").send_keys(str(file))
    page.until(lambda: "slip is fine" in page.text("#validation"), 30, "the file to be checked")
    warning = next(each.text for each in page.all("#warnings li") if "output.storage" in each.text)
    assert warning.startswith(f"line {1 + next(n for n, text in enumerate(lines) if 's3:/' in text)} output.storage: ")
    assert "Did you mean 's3://bucket/x'?" in warning
    (note,) = [each.text for each in page.all("#notes li")]
    assert note.startswith(
        f"line {len(lines)} tasks[0].metrics.patterns.accuracy: it is matched in a process of its own"
    )
    assert page.all(".cm-lint-marker-warning")
    assert page.all(".cm-lint-marker-info")
    assert not page.all(".cm-lint-marker-error")
    assert page.grave_accessibility_problems() == []


def test_a_file_is_tried_from_the_editor_where_the_deployment_allows_it(
    page: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, script = tmp_path / "attempt.yaml", tmp_path / "train.py"
    script.write_text("import sys\nprint('<b>units', sys.argv[1], flush=True)\nprint('accuracy=0.75 loss=0.5')\n")
    command = json.dumps(["python", str(script), "${units}"])
    text = SPEC.format(name="attempt", storage=tmp_path, long="x", more="")
    file.write_text(text.replace('command: ["true"]', f"command: {command}"))
    page.open("new")
    assert not page.all("#try"), "it is off by default"
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # places of its own: another suite may run on this machine
    page.open("new")
    page.one("#upload").send_keys(str(file))
    page.until(lambda: "attempt is fine" in page.text("#validation"), 30, "the file to be checked")
    page.one("#try input").send_keys("units=7")
    page.press("Try", "#try")
    page.until(lambda: "It works." in page.text("#try-result"), 90, "the try to end")
    assert "| <b>units 7" in page.text("#try pre")
    assert "units=7" in page.text("#try-result")
    metrics = page.text('#try-result table[aria-label="Metrics that were seen"]')
    assert "accuracy" in metrics
    assert "0.75" in metrics
    assert page.grave_accessibility_problems() == []
    script.write_text("import time\nprint('it goes on', flush=True)\ntime.sleep(600)\n")
    page.press("Try", "#try")
    page.until(lambda: "it goes on" in page.text("#try pre"), 90, "its first line")
    page.press("End it", "#try")
    page.until(lambda: "Ended, as you asked." in page.text("#try-state"), 30, "the try to end")
    script.write_text("raise ValueError('bad units')\n")
    page.until(lambda: tries_again(page), 60, "the place to be free")
    page.until(lambda: "It does not work" in page.text("#try-result"), 90, "the next one to end")
    assert "ValueError: bad units" in page.text("#try-result")


def tries_again(page: Browser) -> bool:
    """Press *Try*, and see whether it was let in: what was ended a moment ago may not be gone yet."""
    page.press("Try", "#try")
    page.until(lambda: page.button("End it", "#try").is_enabled() or page.text("#try [role=alert]"), 30, "an answer")
    time.sleep(0.5)
    return "goes on already" not in page.text("#try [role=alert]")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_what_is_new(page: Browser, theme: str) -> None:
    places = {
        "table": place("?x=params.lr&y=value&pick=1&pick=2#trials"), "trial": place("/trials/3"),
        "compare": place("/trials?n=3&n=5"), "details": place("#details"), "list": "",
    }  # fmt: skip
    problems = {}
    for name, rest in places.items():
        page.open(rest, theme=theme)
        page.plots_drawn()
        if name == "table":
            page.tap("details.menu > summary")
        problems[name] = page.grave_accessibility_problems()
    assert {name: found for name, found in problems.items() if found} == {}


def test_a_result_is_deployed_accepted_and_taken_back(page: Browser, world: World, tmp_path: Path) -> None:
    """The way of a result into use and out of it, on the pages alone; what tasks would do is done by the acts."""
    page.open("models")
    assert "There is no model yet" in page.text("main")
    page.open(place())
    page.press("Deploy …")
    page.until(lambda: "deploy=" in page.driver.current_url, 30, "the editor")
    page.until(lambda: "evaluate.data" in page.text("#validation"), 30, "what is not known, marked")
    file = tmp_path / "draft.yaml"
    draft = str(page.js("return sessionStorage.getItem('automl:draft')"))
    file.write_text(re.sub(r"\n  data:.*", '\n  data: "latest.csv"', draft))
    page.one("#upload").send_keys(str(file))
    page.until(lambda: f"The model {NAME} is fine" in page.text("#validation"), 30, "the file to be checked")
    page.press("Save and offer the result")
    saved = world.files / f"{NAME}.model.yaml"
    page.until(saved.exists, 30, "the file")
    world.know_model(saved.read_text())  # as the DAG processor does
    page.until(lambda: page.driver.current_url.endswith(f"/models/{NAME}/versions/1"), 60, "the first version")
    author = Author(world.storage, NAME, NAME, time.time())
    assert author.life.state.versions[1].source.run == RUN
    author.ask(1, author.evaluate(1))
    page.until(lambda: "Waits for an answer" in page.text(".head"), 30, "the question, without a reload")
    page.press("Accept …")
    page.one("dialog textarea").send_keys("<i>holds</i>")
    page.press("Accept", "dialog")
    page.until(lambda: "Accepted" in page.text(".head"), 30, "the answer")
    author.life.refresh()
    author.life.put_in_use(1, DAG)
    page.until(lambda: "In use" in page.text(".head"), 30, "its use, without a reload")
    author.ask(author.offer("run-2"), author.evaluate(2))
    looks = (("models", "dark"), (f"models/{NAME}#efficiency", "light"), (f"models/{NAME}", "dark"))
    for address, theme in (*looks, (f"models/{NAME}/versions/2", "light"), (f"models/{NAME}/versions/2", "dark")):
        page.open(address, theme=theme)
        page.plots_drawn()
        assert page.grave_accessibility_problems() == [], (address, theme)
        assert page.all("main img") == [], "text of data is text"
    page.until(lambda: HOSTILE in page.text("main"), 30, "hostile text as it is")
    page.tap("#cases summary")
    page.until(lambda: "regressed" in page.text("#cases"), 30, "bad cases with their rows")
    author.evaluate(2, 0.01, again=1)  # newer evidence than was asked about: the one that is on the page is answered on
    page.open(f"models/{NAME}/versions/2")
    page.one("main select")
    page.js(
        "const e = document.querySelector('main select'); e.selectedIndex = 1; e.dispatchEvent(new Event('change'))"
    )
    read = author.life.refresh().versions[2].evidence[0].digest
    page.until(lambda: f"evidence {read}" in page.text("main"), 30, "the older evidence")
    page.press("Accept …")
    assert "older evidence" in page.text("dialog")
    page.press("Accept", "dialog")
    page.until(lambda: "is not the newest" in page.text("dialog"), 30, "the refusal")
    assert author.life.refresh().versions[2].decision is None
    page.open(f"experiments/{NAME}.rollout/runs/version_1")  # where Airflow's tab on a run of the model's DAG leads
    page.until(lambda: page.driver.current_url.endswith(f"/models/{NAME}/versions/1"), 30, "the version's page")
    page.open(f"models/{NAME}")
    page.press("Take back …")
    page.one("dialog textarea").send_keys("wrong on <b>leap days</b>")
    page.press("Take back", "dialog")
    page.until(lambda: "nothing yet" in page.text(".figures"), 30, "nothing in use")
    assert author.life.refresh().versions[1].note == "wrong on <b>leap days</b>"
    page.driver.get_log("browser")  # a model's file that Airflow has not read yet: 404


def test_a_rollout_is_watched_moved_and_taken_back(page: Browser, world: World) -> None:
    """The card of a rollout as a guard writes what it shows: live, by the keyboard, in both themes, on a phone."""
    model = "served"
    world.know_model(model_text(world, model, NAME, served=True) + "watch: {every: 1h}\n")
    author = Author(world.storage, model, NAME, time.time() - 900)
    page.open(f"models/{model}")
    assert "Nothing is in use yet" in page.text(".rollout")
    author.use(author.offer("run-1"), author.evaluate(1))
    watch(author.store, model, 1, time.time() - 50_000)
    author.roll_out(author.offer("run-2"), [Step(0.05, 3600.0), Step(1.0, 60.0)])
    page.until(lambda: "Version 2 answers 5 % of the requests" in page.text(".rollout"), 30, "it, without a reload")
    assert "Nobody has looked at its tests yet" in page.text(".rollout")
    assert "does a triggerer run?" in page.text(".rollout .notice")
    author.clock.now = time.time()
    author.look(1)
    page.until(lambda: "Answers slower than 200ms" in page.text(".rollout"), 30, "its tests, without a reload")
    assert HOSTILE in page.text(".rollout .notice"), "text of data is text"
    assert "at the earliest" in page.text(".rollout")
    for address, theme in (("", "dark"), ("#traffic", "light"), ("#quality", "light"), ("#drift", "dark")):
        page.open(f"models/{model}{address}", theme=theme)
        page.plots_drawn()
        assert page.grave_accessibility_problems() == [], (address, theme)
        assert page.all("main img") == [], "text of data is text"
    assert "age" in page.text("[data-panel='Distance of each column'] .hint")
    page.open("models")
    assert "step 1 of 2" in page.text("main")
    page.open(f"models/{model}")
    button = page.button("Next step …", ".rollout")
    page.js("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)  # by the keyboard alone
    author.life.hold_rollout(1, True, author.person("ben"), "a holiday")  # nothing of what was seen has changed by that
    page.one("dialog textarea").send_keys("<b>quick</b>")
    page.press("Move", "dialog")
    page.until(lambda: "Version 2 answers 100 %" in page.text(".rollout"), 30, "the step")
    assert author.life.refresh().rollouts[1].acts[-1].why == "<b>quick</b>"
    page.press("Put in use …", ".rollout")
    author.life.step_rollout(1, 0, author.person("ben"), "not yet")
    page.press("Put in use", "dialog")
    page.until(lambda: "by ben" in page.text("dialog"), 30, "who was faster")
    page.press("Cancel", "dialog")
    page.until(lambda: "Version 2 answers 5 %" in page.text(".rollout"), 30, "where it stands now")
    page.press("Take back now", ".rollout")
    assert "version 1 answers all requests" in page.text("dialog")
    page.press("Take back now", "dialog")
    page.until(lambda: "was taken back" in page.text(".rollout"), 30, "the end")
    assert author.life.refresh().rollouts[1].outcome == "taken_back"
    page.open(f"models/{model}#traffic")
    page.until(lambda: "rollout 1" in page.text("main"), 30, "all rollouts")
    page.driver.set_window_size(390, 844)
    try:
        page.open(f"models/{model}")
        page.plots_drawn()
        assert page.js("return document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off on a phone"
    finally:
        page.driver.set_window_size(1280, 900)
    page.driver.get_log("browser")  # who was faster: 409
