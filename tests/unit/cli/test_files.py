"""automl validate, schema, preview and algorithms: without Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.unit.cli.conftest import DIGITS, Automl, Lived


def test_a_valid_file(automl: Automl, home: Path) -> None:
    path = home / "experiments" / "digits.yaml"
    said = automl("validate", str(path))
    assert (said.code, said.out, said.err) == (0, f"{path}: valid\n", "")


def test_a_pattern_that_needs_a_process_of_its_own_is_told(automl: Automl, home: Path) -> None:
    patterns = "metrics: {source: stdout, patterns: {accuracy: '(?<=acc=)(.*)', loss: 'loss=(.*)'}}"
    path = home / "a.yaml"
    path.write_text(DIGITS.replace("tasks: [{", f"tasks: [{{{patterns}, "))
    said = automl("validate", str(path))
    assert (said.code, len(said.out.splitlines())) == (0, 2)
    valid, note = said.out.replace(f"{home}/", "").splitlines()
    assert valid == "a.yaml: valid"
    line = 1 + next(n for n, text in enumerate(path.read_text().splitlines()) if "tasks:" in text)
    assert note.startswith(f"a.yaml:{line}: note: tasks[0].metrics.patterns.accuracy: it is matched in a process of")
    assert "(a look-around)" in note


def test_every_problem_of_every_file(automl: Automl, home: Path) -> None:
    (home / "a.yaml").write_text(DIGITS.replace("maximize", "up").replace("low: 1e-5", "lo: 1"))
    (home / "b.yaml").write_text(DIGITS.replace("algorithm: random", "algorithm: randm, options: {x: 1}"))
    said = automl("validate", *map(str, (home / "a.yaml", home / "experiments/digits.yaml", home / "b.yaml")))
    assert said.code == 1
    lines = [line.replace(f"{home}/", "") for line in said.out.splitlines()]
    assert [line.split(" ")[0] for line in lines] == ["experiments/digits.yaml:", "a.yaml:2:", "a.yaml:5:", "b.yaml:3:"]
    assert "Did you mean 'random'?" in lines[-1]


def test_problems_as_json(automl: Automl, home: Path) -> None:
    (home / "a.yaml").write_text(DIGITS.replace("maximize", "up"))
    said = automl("validate", "--json", str(home / "a.yaml"))
    (problem,) = json.loads(said.out)
    assert said.code == 1
    assert (problem["line"], problem["path"], problem["allowed"]) == (2, "goal.direction", ["maximize", "minimize"])
    assert json.loads(automl("validate", "--json", str(home / "experiments/digits.yaml")).out) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("algorithm: random", "algorithm: grid, options: {resolution: 1}", "search.options.resolution: 1 is too low."),
        ("algorithm: random", "algorithm: grid, options: {shufle: 1}", "grid has no such option. Allowed: resolution,"),
        ("algorithm: random", "algorithm: grid", "search.options.resolution: missing; the grid of space.lr has no end"),
        ("algorithm: random", "warm_start: [{lr: 1}]", "search.warm_start[0].lr: 1 lies outside 1e-05..0.1"),
        ("algorithm: random", "warm_start: [{lt: 1}]", "there is no parameter 'lt'. Allowed: lr, solver."),
        ("tasks:", "schedule: '@dayly'\ntasks:", "schedule: '@dayly' is neither a cron line nor a preset."),
        ("tasks:", "schedule: '61 * * * *'\ntasks:", "schedule: '61 * * * *' is neither"),
        ("tasks:", "schedule: '0 0 31 2 *'\ntasks:", "a.yaml:9: schedule: '0 0 31 2 *' names no date that ever comes"),
        ("tasks:", "schedule: {assets: [\"名字\"]}\ntasks:", "a.yaml:9: schedule.assets[0]: '名字' has other"),
        ("tasks:", "schedule: {assets: [\"\"]}\ntasks:", "schedule.assets[0]: an asset's name must not be empty"),
        ("tasks:", "schedule: {assets: [\" \"]}\ntasks:", "schedule.assets[0]: an asset's name must not be empty"),
        ("tasks:", "schedule: {assets: [\"airflow://x\"]}\ntasks:", "schedule.assets[0]: 'airflow://x': the scheme"),
        ("tasks:", "schedule: {assets: [a, a]}\ntasks:", "schedule.assets[1]: 'a' stands there twice"),
        ("tasks:", "schedule: {assets: []}\ntasks:", "a.yaml:9: schedule.assets: at least one entry is needed here"),
        ("tasks:", "schedule: {cron: x, assets: [a]}\ntasks:", "a.yaml:9: schedule: give exactly one of"),
        ("tasks:", "schedule: {timezone: UTC}\ntasks:", "a.yaml:9: schedule: give exactly one of"),
        ("tasks:", "schedule: {assets: [a], timezone: UTC}\ntasks:", "timezone: found 'UTC'; timezone is that"),
        ("tasks:", "schedule: {cron: '@dayly'}\ntasks:", "schedule.cron: '@dayly' is neither a cron line nor"),
        ("tasks:", "schedule: {cron: '@once', timezone: UTC}\ntasks:", "schedule.cron: '@once' is neither"),
        ("tasks:", "schedule: {cron: '@daily', timezone: Europe/Berlim}\ntasks:", "Did you mean 'Europe/Berlin'?"),
        ("tasks:", "schedule: {cron: '@daily', timezone: ../UTC}\ntasks:", "'../UTC' is no time zone"),
        ("tasks:", "airflow: {pols: a}\ntasks:", "a.yaml:9: airflow.pols: the key 'pols' is not known here."),
        ("tasks:", "airflow: {pool_slots: 0}\ntasks:", "airflow.pool_slots: 0 is too low."),
        ("tasks:", "airflow: {weight_rule: up}\ntasks:", "airflow.weight_rule: 'up' is not known."),
        ("tasks:", "airflow: {pool: '${lr}'}\ntasks:", "airflow.pool: found '${lr}'; ${…} has no meaning here"),
    ],
)  # fmt: skip
def test_what_the_search_and_the_calendar_say(automl: Automl, home: Path, old: str, new: str, says: str) -> None:
    (home / "a.yaml").write_text(DIGITS.replace(old, new))
    said = automl("validate", str(home / "a.yaml"))
    assert (said.code, len(said.out.splitlines())) == (1, 1)
    assert says in said.out


def test_a_name_that_another_file_has_already(automl: Automl, home: Path) -> None:
    (home / "experiments" / "more").mkdir()
    (home / "experiments" / "more" / "copy.yml").write_text(DIGITS)
    (home / "experiments" / "quoted.yaml").write_text(DIGITS.replace("name: digits", "name: 'digits'"))
    (home / "experiments" / "_draft.yaml").write_text(DIGITS)  # Airflow doesn't read it
    said = automl("validate", str(home / "experiments"))
    lines = [line.replace(f"{home}/", "") for line in said.out.splitlines()]
    assert said.code == 1
    assert lines[0] == "experiments/digits.yaml: valid"
    taken = "name: 'digits' is the name of experiments/digits.yaml already, and each experiment's DAG has a name of its"
    assert lines[1:] == [f"experiments/{name}:1: {taken} own." for name in ("more/copy.yml", "quoted.yaml")]
    assert automl("validate", str(home / "experiments" / "quoted.yaml")).code == 1
    assert automl("validate", str(home / "experiments" / "digits.yaml")).code == 0


def test_two_files_of_one_name_anywhere(automl: Automl, home: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (home / name).write_text(DIGITS.replace("digits", "twice"))
    said = automl("validate", str(home / "a.yaml"), str(home / "b.yaml"), str(home / "a.yaml"))
    assert (said.code, len(said.out.splitlines())) == (1, 3)
    assert "b.yaml:1: name: 'twice' is the name of" in said.out


def test_the_schema_to_the_terminal_and_to_a_file(automl: Automl, home: Path) -> None:
    schema = json.loads(automl("schema").out)
    assert automl("schema", "--output", str(home / "s.json")).code == 0
    assert json.loads((home / "s.json").read_text()) == schema
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(DIGITS.replace("1e-5", "1.0e-5")))
    assert "can't be written: No such file" in automl("schema", "-o", str(home / "no/s.json")).err


def test_preview(automl: Automl, home: Path) -> None:
    said = automl("preview", str(home / "experiments/digits.yaml"), "--trial-time", "3m", "-n", "2")
    assert said.code == 0
    assert "endless in the space, 4 trials at most, 2 at a time" in said.out
    assert "6m 00s at most" in said.out  # four trials of three minutes, two at a time
    assert "cost         7.2 at most" in said.out  # twelve minutes at 36 an hour
    assert "2 of 4 combinations known before the start" in said.out
    assert said.out.count("solver=") == 2


def test_preview_with_a_budget(automl: Automl, home: Path) -> None:
    text = DIGITS.replace("algorithm: random", "algorithm: hyperband, options: {R: 27}")
    (home / "b.yaml").write_text(text.replace("max: 4,", "max: 50, budget: {max: 27},"))
    said = json.loads(automl("preview", str(home / "b.yaml"), "--unit-time", "2s", "--json").out)
    assert (said["trials"], said["slots"], said["units"], said["unit"]) == (42, 61, 234, "epochs")
    assert said["forecast"]["units_left"] == 234
    assert said["first"][0]["budget"] == 1


def test_preview_takes_the_pace_of_the_last_run(automl: Automl, home: Path) -> None:
    path = str(home / "experiments/digits.yaml")
    assert "unknown: give --trial-time" in automl("preview", path).out
    run = Lived(home)
    run.lab.trial(0.9, seconds=30)
    run.lab.trial(0.8, seconds=30)
    said = automl("preview", path)
    assert f"1m 00s at most, at the pace of {run.folder}" in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trial-time", "3m", "--unit-time", "1s"], "not both"),
        (["--unit-time", "1s"], "has no budget"),
        (["--trial-time", "3x"], "a duration such as 45s"),
    ],
)
def test_times_that_make_no_sense(automl: Automl, home: Path, arguments: list[str], says: str) -> None:
    said = automl("preview", str(home / "experiments/digits.yaml"), *arguments)
    assert said.code == 2
    assert says in " ".join(said.err.replace("│", " ").split())


def test_algorithms(automl: Automl) -> None:
    said = automl("algorithms")
    assert said.code == 0
    for name in ("auto", "grid", "random", "sobol"):
        assert f"\n{name} " in said.out
    assert "resolution, shuffle" in said.out


def test_a_command_that_does_not_exist(automl: Automl) -> None:
    said = automl("frobnicate")
    assert said.code == 2
    assert "No such command 'frobnicate'" in said.err


def test_the_command_line_is_light_to_import() -> None:
    program = (
        "import sys, automl_core.cli\n"
        "heavy = {'pydantic', 'rich', 'httpx', 'yaml', 'numpy', 'airflow', 'automl_core.spec'} & set(sys.modules)\n"
        "sys.exit(f'loads {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_warnings_are_said_with_their_lines_and_fail_nothing(automl: Automl, home: Path) -> None:
    path = home / "w.yaml"
    path.write_text(DIGITS.replace('"${lr}"', "$lr"))
    said = automl("validate", str(path))
    assert said.code == 0
    assert said.out.splitlines()[0] == f"{path}: valid, with {len(said.out.splitlines()) - 1} to look at"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "$lr" in text)
    assert f"{path}:{line}: warning: tasks[0].command[3]: $lr is taken as it stands. Did you mean ${{lr}}?" in said.out
    found = json.loads(automl("validate", "--json", str(path)).out)
    assert {each["severity"] for each in found} == {"warning"}
    shown = automl("preview", str(path))
    assert (shown.code, "$lr is taken as it stands" in shown.out) == (0, True)
    warnings = json.loads(automl("preview", "--json", str(path)).out)["warnings"]
    assert [each["line"] for each in warnings if "$lr" in each["message"]] == [line]


def test_a_file_that_is_not_there_is_told_near_names_only(automl: Automl, home: Path) -> None:
    (home / "unquoted.yaml").write_text(DIGITS)
    assert automl("validate", str(home / "nothere.yaml")).out == f"{home}/nothere.yaml: there is no such file.\n"
    assert "Did you mean 'unquoted.yaml'?" in automl("validate", str(home / "unqoted.yml")).out


def test_a_placeholder_without_quotes_is_shown_with_them(automl: Automl, home: Path) -> None:
    (home / "a.yaml").write_text(DIGITS.replace('"${lr}"', "${lr}"))
    assert 'Put quotes around what has ${…} in it: "${lr}".' in automl("validate", str(home / "a.yaml")).out


def test_preview_shows_what_goes_along_and_the_first_spec_file(automl: Automl, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print(1)\n")
    file = tmp_path / "x.yaml"
    file.write_text(
        "name: x\ngoal: {metric: m, direction: maximize}\ncode: src\nsearch: {algorithm: grid}\n"
        "space: {'optim.lr': {type: choice, values: [1e-5, 0.1]}}\n"
        "spec_file: {base: {out: '${model_dir}', epochs: 3}}\n"
        "tasks: [{cwd: code, command: [python, train.py, '${spec_file}']}]\n"
    )
    said = automl("preview", str(file))
    assert "code         1 file, 9 bytes (" in said.out
    assert 'spec file    spec.yaml of the first combination:\n    | out: "${model_dir}"\n    | epochs: 3' in said.out
    assert "    |   lr: 1.0e-05" in said.out
    body = json.loads(automl("preview", str(file), "--json").out)
    assert (body["code"]["files"], len(body["code"]["digest"])) == (1, 64)
    assert "lr: 1.0e-05" in body["spec_file"]
