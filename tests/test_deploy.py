"""The files to deploy with: valid by their specifications, and true to the code that they deploy."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yaml"
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::([-?])((?:[^{}]|\{[^{}]*\})*))?\}")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def airflow_options(environment: dict[str, Any]) -> list[tuple[str, str]]:
    names = [name.split("__") for name in environment if name.startswith("AIRFLOW__")]
    return [(section.lower(), option.lower()) for _, section, option in names]


def known_options() -> set[tuple[str, str]]:
    from airflow.configuration import conf

    return {(s.lower(), option) for s, body in conf.configuration_description.items() for option in body["options"]}


def test_docker_compose_follows_the_compose_specification() -> None:
    # tests/assets/compose-spec.json: schema/compose-spec.json of github.com/compose-spec/compose-spec (Apache-2.0)
    schema = json.loads((ROOT / "tests/assets/compose-spec.json").read_text())
    body = compose()
    assert [error.message for error in Draft202012Validator(schema).iter_errors(body)] == []
    broken = {**body, "services": {**body["services"], "s3": {"imagee": "x"}}}
    assert list(Draft202012Validator(schema).iter_errors(broken)), "the schema would find a mistake"


def test_every_part_of_airflow_is_there_and_comes_up_in_order() -> None:
    services = compose()["services"]
    commands = {body.get("command") for body in services.values()}
    assert {"api-server", "scheduler", "dag-processor", "triggerer"} <= commands
    for name, body in services.items():
        assert all(other in services for other in body.get("depends_on", {})), name
        if name != "init":
            assert "healthcheck" in body, name


def test_every_setting_is_one_of_airflows() -> None:
    known = known_options()
    for name, body in compose()["services"].items():
        for option in airflow_options(body.get("environment", {})):
            assert option in known, (name, option)
    dockerfile = dict.fromkeys(re.findall(r"(AIRFLOW__\w+)=", (ROOT / "Dockerfile").read_text()))
    assert dockerfile
    assert set(airflow_options(dockerfile)) <= known
    values = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())
    assert {(s, option) for s, options in values["config"].items() for option in options} <= known


def test_parts_of_airflow_have_the_same_patience_wherever_it_is_set() -> None:
    """Airflow's 5 s cost tasks their tries on a busy machine: each has as many as the documentation says."""
    from automl_airflow.busy import PATIENT

    rows = re.findall(r"^\| `\[(\w+)\] (\w+)` \| `(\d+)`(.*)", (ROOT / "docs/deployment.md").read_text(), re.M)
    told = {(section, option): (value, rest) for section, option, value, rest in rows}
    timeout = told["workers", "execution_api_timeout"][0]
    assert PATIENT["WORKERS__EXECUTION_API_TIMEOUT"] == timeout
    assert f"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT={timeout} " in (ROOT / "Dockerfile").read_text()
    values = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())
    assert str(values["config"]["workers"]["execution_api_timeout"]) == timeout
    threshold = PATIENT["SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD"]
    assert f"`{threshold}` on a machine" in told["scheduler", "scheduler_health_check_threshold"][1]
    assert {(name.split("__")[0].lower(), name.split("__")[1].lower()) for name in PATIENT} <= known_options()


def test_no_heartbeat_is_missed_of_a_worker_that_still_asks_for_the_api_server() -> None:
    """It would end beside the next try's worker, and Airflow may take the end of the one for that of the other."""
    from airflow.configuration import conf

    from automl_airflow.busy import PATIENT

    longest = conf.getfloat("workers", "execution_api_retry_wait_max")
    request = sum(min(2.0**each, longest) for each in range(conf.getint("workers", "execution_api_retries") - 1))
    kill = 5  # seconds between the signal that asks a task to end and the one that ends it
    # three heartbeats with a request of the task between each two, then the task's end, twice
    surely_ended = 2 * conf.getint("workers", "max_failed_heartbeats") * request + kill + 2 * request
    least = int(PATIENT["SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])
    assert surely_ended < least
    deployment = (ROOT / "docs/deployment.md").read_text()
    assert f"| `[scheduler] task_instance_heartbeat_timeout` | `{least}` or more" in deployment
    assert f"{least} s in `make demo`" in deployment
    values = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())
    text = COMPOSE.read_text() + (ROOT / "Dockerfile").read_text()
    deployed = [
        *re.findall(r"TASK_INSTANCE_HEARTBEAT_TIMEOUT\W+(\d+)", text),
        values["config"]["scheduler"].get("task_instance_heartbeat_timeout", least),
        conf.getint("scheduler", "task_instance_heartbeat_timeout"),
    ]
    assert all(int(seconds) >= least for seconds in deployed), deployed


def test_there_is_no_secret_in_it_and_every_one_is_made(tmp_path: Path) -> None:
    needed = {name for name, kind, _ in VARIABLE.findall(COMPOSE.read_text()) if kind == "?"}
    path = tmp_path / ".env"
    make = [sys.executable, ROOT / "deploy/compose/make_env.py", path]
    subprocess.run(make, check=True, capture_output=True)
    made = dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert needed == made.keys()
    assert all(len(value) >= 20 for value in made.values())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    said = subprocess.run(make, check=True, capture_output=True, text=True).stdout
    assert path.read_text() == before
    assert not any(value in said for value in made.values())
    for name, _, default in VARIABLE.findall(COMPOSE.read_text()):
        assert not (re.search("PASSWORD|SECRET|KEY$", name) and name != "S3_ACCESS_KEY" and default.startswith("-"))


def test_where_trials_run_there_is_no_file_of_passwords_and_no_key_of_the_bucket() -> None:
    """LocalExecutor runs them in the scheduler's container, as the same user."""
    services = compose()["services"]
    assert services["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    holders = {name for name, body in services.items() if any("auth:" in str(each) for each in body.get("volumes", []))}
    assert holders == {"init", "api-server"}
    with_keys = {name for name, body in services.items() if "AIRFLOW_CONN_AUTOML_S3" in (body.get("environment") or {})}
    assert with_keys == {"init", "api-server", "triggerer"}
    security = (ROOT / "docs" / "security.md").read_text()
    readable = {
        name for name in services["scheduler"]["environment"] if re.search("KEY|SECRET|SQL_ALCHEMY|PASSW", name)
    }
    assert readable, "what is left there is told"
    assert [name for name in readable if name not in security] == []


def test_what_a_killed_scheduler_has_open_is_ended_by_the_database() -> None:
    """Its forked workers keep its session "idle in transaction" for ever, and a new one passes the locked rows over."""
    setting = "idle_in_transaction_session_timeout"
    (told,) = re.findall(rf"ALTER DATABASE \w+ SET {setting} = '(\w+)';", (ROOT / "docs/deployment.md").read_text())
    assert f"-c {setting}={told}" in compose()["services"]["postgres"]["command"]
    assert re.fullmatch(r"[1-9]\d*(s|min)", told), "0 would be no limit"


def test_nothing_is_published_beyond_this_machine_unasked() -> None:
    for name, body in compose()["services"].items():
        for port in body.get("ports", []):
            assert str(port).startswith("${AIRFLOW_BIND:-127.0.0.1}:"), name


def test_the_image_has_all_that_the_product_is_made_of() -> None:
    copied = re.findall(r"^COPY --chown=\S+ (.+) /opt/automl\S*$", (ROOT / "Dockerfile").read_text(), re.M)
    names = {name for line in copied for name in line.split()}
    assert {"automl_core", "plugins", "dags", "experiments", "examples", "requirements.txt"} <= names
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in names:
        assert (ROOT / name).exists(), name
        assert name in kept, f"{name} is left out by .dockerignore"


def test_the_images_version_is_the_pinned_one() -> None:
    pinned = re.search(r"^apache-airflow==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert pinned
    for path in ("Dockerfile", "docker-compose.yaml"):
        assert set(re.findall(r"apache/airflow:([\d.]+)-", (ROOT / path).read_text())) == {pinned[1]}, path
    assert yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())["airflowVersion"] == pinned[1]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy/kubernetes").glob("rbac*.yaml")), ids=lambda path: path.stem)
def test_the_rights_name_what_is_there_and_nobody_beyond_it(path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text()))
    roles = {doc["metadata"]["name"]: doc["rules"] for doc in documents if doc["kind"] == "Role"}
    assert not [doc for doc in documents if doc["kind"].startswith("Cluster")]
    for doc in documents:
        if doc["kind"] == "RoleBinding":
            assert doc["roleRef"]["name"] in roles
    for rules in roles.values():
        for rule in rules:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert set(rule["verbs"]) <= {"create", "update", "delete"}, "whoever reads secrets has everything"
    for name in (each for each in roles if "triggerer" in each):
        assert not [rule for rule in roles[name] if "create" in rule["verbs"]], "a triggerer starts nothing"


@pytest.mark.parametrize("path", [*sorted((ROOT / "tests/deploy").glob("*.sh")), ROOT / "deploy/compose/init.sh"])
def test_scripts_are_executable_and_parse(path: Path) -> None:
    assert os.access(path, os.X_OK)
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", path], check=True)


def test_the_experiments_of_compose_are_valid() -> None:
    from automl_core.spec.loader import load_experiment

    files = sorted((ROOT / "deploy/compose/experiments").glob("*.yaml"))
    assert files
    for path in files:
        experiment = load_experiment(path)
        assert experiment.output.connection == "automl_s3"
        assert f"AIRFLOW_CONN_{experiment.output.connection.upper()}" in COMPOSE.read_text()


def test_the_image_of_servers_has_what_it_names_and_runs_as_nobody() -> None:
    from automl_core.extras import EXTRAS

    text = (ROOT / "deploy/serving/Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M) for name in line.split()]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert [name for name in copied if f"!{name}" not in kept] == []
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)$", text, re.M)
    assert set(extras.split(",")) <= set(EXTRAS)
    (user,) = re.findall(r"^USER (\d+):\d+$", text, re.M)
    assert int(user) > 0, "a number: runAsNonRoot can't look up a name"
    assert text.rindex("USER ") > text.rindex("COPY "), "the last stage ends as that user"
