"""The network policy of a closed run: made and proven before its first pod, once, and gone after its last."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TaskSuccessEvent
from kubernetes import client, config

from automl_airflow.kubernetes import fences
from automl_airflow.kubernetes.fences import NotFenced, fence_run, lift
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.naming import journal_label
from automl_core.study import Study, StudyJournal
from automl_core.study.stages import begin_stage
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.plugins.kubernetes_trials import GOOD, Setting, context, prepare, run

LOG = logging.getLogger("test")

CONNECT = (
    "import socket,sys\n"
    "for port in sys.argv[1:]:\n"
    "    try:\n"
    "        socket.create_connection(('127.0.0.1', int(port)), 2).close(); print('reached', port)\n"
    "    except OSError as error:\n"
    "        print('not', port)\n"
    "print('accuracy=0.5 step=1')\n"
)


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """Two servers of this machine: one that closed pods may reach, and one that they may not."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        for server in (one, two):
            threading.Thread(target=_accept, args=(server,), daemon=True).start()
        yield one.getsockname()[1], two.getsockname()[1]


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


def closed(patch: pytest.MonkeyPatch, ports: tuple[int, int], folder: Path, **more: str) -> None:
    lists = {
        "closed": "True", "closed_images": "python", "closed_stores": f"file://{folder}/runs",
        "closed_network": f"127.0.0.1/32:{ports[0]}", "closed_reachable": f"127.0.0.1:{ports[0]}",
        "closed_forbidden": f"127.0.0.1:{ports[1]}", **more,
    }  # fmt: skip
    for option, value in lists.items():
        patch.setenv(f"AIRFLOW__AUTOML__{option.upper()}", value)


@pytest.fixture
def setting(
    tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch, ports: tuple[int, int]
) -> Iterator[Setting]:
    closed(monkeypatch, ports, tmp_path)
    monkeypatch.setattr(fences, "LOOK", 0.05)
    yield prepare(tmp_path, standin, monkeypatch)
    standin.clear_faults()


def network(setting: Setting) -> Any:
    return client.NetworkingV1Api(config.new_client_from_config(str(setting.standin.kubeconfig)))


def notes(setting: Setting) -> list[str]:
    setting.study.refresh()
    return [act.text for act in setting.study.state.acts if act.act == "closed"]


def policies(setting: Setting) -> list[Any]:
    label = journal_label(f"{setting.journal.store.url}/{setting.journal.prefix}")
    return list(
        network(setting).list_namespaced_network_policy("default", label_selector=f"automl/closed={label}").items
    )


def probes(setting: Setting) -> int:
    """How many pods of the name of this run's probe were ever made."""
    label = journal_label(f"{setting.journal.store.url}/{setting.journal.prefix}")
    return sum(each["name"] == f"automl-closed-{label}-probe" for each in setting.standin.pod_times())


def test_a_policy_is_proven_once_and_holds_the_trials_pods(setting: Setting, ports: tuple[int, int]) -> None:
    setting.create(["python3", "-c", CONNECT, *map(str, ports)], "holds")
    fence_run(setting.study, LOG)
    fence_run(setting.study, LOG)
    assert len(notes(setting)) == 1
    assert f"forbidden and not reached: 127.0.0.1 {ports[1]}" in notes(setting)[0]
    assert f"reached: 127.0.0.1 {ports[0]}" in notes(setting)[0]
    binding = setting.bind()
    event = run(setting.trigger(binding, setting.launch(binding)))
    assert isinstance(event, TaskSuccessEvent)
    printed = (setting.folder / "runs" / setting.journal.prefix / "experiment_0" / "log.txt").read_text()
    assert f"reached {ports[0]}\nnot {ports[1]}\n" in printed
    setting.launch(setting.bind(1))
    assert (probes(setting), len(notes(setting))) == (1, 1)


def test_an_open_run_has_neither(setting: Setting, monkeypatch: pytest.MonkeyPatch, ports: tuple[int, int]) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "False")
    setting.create(GOOD, "open")
    setting.launch(setting.bind())
    assert policies(setting) == []
    assert probes(setting) == 0


def test_workers_reach_one_another(setting: Setting) -> None:
    program = (
        "import os,socket,time\n"
        "rank, port = int(os.environ['RANK']), int(os.environ['MASTER_PORT'])\n"
        "if rank == 0:\n"
        "    server = socket.create_server((os.environ['MASTER_ADDR'], port))\n"
        "    server.settimeout(30); server.accept(); print('accuracy=0.7 step=1')\n"
        "else:\n"
        "    end = time.time() + 30\n"
        "    while time.time() < end:\n"
        "        try:\n"
        "            socket.create_connection((os.environ['MASTER_ADDR'], port)).close(); break\n"
        "        except ConnectionRefusedError:\n"
        "            time.sleep(0.1)\n"
    )
    setting.create(["python3", "-c", program], "workers", workers=2, port=29431)
    fence_run(setting.study, LOG)
    binding = setting.bind()
    assert isinstance(run(setting.trigger(binding, setting.launch(binding))), TaskSuccessEvent)


def test_where_policies_are_not_enforced_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ports: tuple[int, int]
) -> None:
    closed(monkeypatch, ports, tmp_path)
    monkeypatch.setattr(fences, "PATIENCE", 0.0)
    with KubernetesStandIn(unfenced=True) as standin:
        setting = prepare(tmp_path, standin, monkeypatch)
        setting.create(GOOD, "unfenced")
        with pytest.raises(NotFenced, match="does not hold pods to network policies") as caught:
            fence_run(setting.study, LOG)
        assert f"reaches 127.0.0.1 {ports[1]}, which is forbidden" in str(caught.value)
        assert notes(setting) == []
        with pytest.raises(StartError) as refused:  # nor where somebody goes around propose
            setting.launch(setting.bind())
        assert refused.value.systematic
        assert setting.pods() == []


def test_a_dead_network_is_told_from_a_policy_that_holds(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, ports: tuple[int, int]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        dead = server.getsockname()[1]
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_NETWORK", f"127.0.0.1/32:{dead}")
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_REACHABLE", f"127.0.0.1:{dead}")
    monkeypatch.setattr(fences, "PATIENCE", 0.0)
    setting.create(GOOD, "dead")
    with pytest.raises(NotFenced, match="does not reach what it may"):
        fence_run(setting.study, LOG)
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_REACHABLE", f"no-such-host.invalid:{dead}")
    with pytest.raises(NotFenced, match="finds no name"):
        fence_run(setting.study, LOG)
    assert notes(setting) == []


def test_not_to_reach_a_name_that_nobody_knows_proves_nothing(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fences, "PATIENCE", 0.0)
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_FORBIDDEN", "no-such-host.invalid:443")
    setting.create(GOOD, "unknown-name")
    with pytest.raises(NotFenced, match="finds no name"):
        fence_run(setting.study, LOG)


def test_a_policy_that_somebody_widens_is_put_back_and_proven_anew(setting: Setting) -> None:
    setting.create(GOOD, "widened")
    fence_run(setting.study, LOG)
    found = policies(setting)[0]
    found.spec.egress = [{}]
    network(setting).replace_namespaced_network_policy(found.metadata.name, "default", found)
    setting.launch(setting.bind())
    assert policies(setting)[0].spec.egress[0].to is not None
    assert len(notes(setting)) == 2
    network(setting).delete_namespaced_network_policy(found.metadata.name, "default")
    setting.launch(setting.bind(1))
    assert len(policies(setting)) == 1
    assert len(notes(setting)) == 3


def test_a_probe_of_a_worker_that_died_is_taken_over(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create(GOOD, "died")

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    for point in ("finding_of", "_deleted"):  # while it runs; once it has ended
        with monkeypatch.context() as patch:
            patch.setattr(fences, point, die)
            with pytest.raises(Killed):
                fence_run(setting.study, LOG)
    assert notes(setting) == []
    fence_run(setting.study, LOG)
    assert (len(notes(setting)), probes(setting)) == (1, 1)


def test_a_kill_after_the_probe_was_removed_only_proves_again(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.create(GOOD, "removed")
    with monkeypatch.context() as patch:
        patch.setattr(setting.journal, "append", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fence_run(setting.study, LOG)
    fence_run(setting.study, LOG)
    assert len(notes(setting)) == 1


def test_many_at_once_note_it_once(setting: Setting) -> None:
    setting.create(GOOD, "many")
    studies = [Study.load(StudyJournal(setting.journal.store, setting.journal.prefix)) for _ in range(4)]
    failed: list[BaseException] = []

    def fence(study: Study) -> None:
        try:
            fence_run(study, LOG)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=fence, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(notes(setting)) == 1


def test_a_stages_pods_are_held_by_the_same_policy(setting: Setting, ports: tuple[int, int]) -> None:
    command = ["python3", "-c", CONNECT, *map(str, ports)]
    setting.create(command, "staged")
    body = setting.study.experiment.model_dump(mode="json")
    body["prepare"] = body["tasks"]
    experiment = type(setting.study.experiment).model_validate(body)
    prefix = setting.journal.prefix.replace("staged", "staged2")
    whole = Study.create(StudyJournal(setting.journal.store, prefix), experiment, "r", [])
    stage = begin_stage(whole, "prepare")
    binding = stage.ask(0)
    setting.operator().launch(context(), stage, setting.journal.store, binding)  # type: ignore[arg-type]
    whole.refresh()
    assert [act.act for act in whole.state.acts] == ["closed"]
    label = journal_label(f"{setting.journal.store.url}/{prefix}")
    pods = setting.core.list_namespaced_pod("default", label_selector=f"automl/closed={label}").items
    assert len(pods) == 1


def test_the_policy_goes_with_the_last_pod(setting: Setting) -> None:
    setting.create("sleep 600", "lifted")
    fence_run(setting.study, LOG)
    setting.launch(setting.bind())
    lift(setting.study, LOG)  # a pod is still there: it is left to that
    owners = policies(setting)[0].metadata.owner_references
    assert [each.name for each in owners] == setting.pods()
    setting.core.delete_namespaced_pod(setting.pods()[0], "default", grace_period_seconds=0)
    until = threading.Event()
    for _ in range(400):
        if not policies(setting):
            break
        until.wait(0.05)
    assert policies(setting) == []
    fence_run(setting.study, LOG)  # the run goes on: another policy, proven anew
    assert len(notes(setting)) == 2
    lift(setting.study, LOG)
    assert policies(setting) == []


def test_an_image_that_a_template_brings_later_is_refused_at_its_start(setting: Setting) -> None:
    template = setting.folder / "pod.yaml"
    template.write_text("kind: Pod\nspec: {containers: [{}]}\n")
    setting.create(GOOD, "template", pod_template="pod.yaml")
    fence_run(setting.study, LOG)
    template.write_text("kind: Pod\nspec: {containers: [{}], initContainers: [{name: x, image: evil.org/x}]}\n")
    with pytest.raises(StartError, match=r"the image 'evil\.org/x'") as caught:
        setting.launch(setting.bind())
    assert caught.value.systematic
    template.write_text("kind: Pod\nspec: {containers: [{}], hostNetwork: true}\n")
    with pytest.raises(StartError, match="its node's network"):
        setting.launch(setting.bind(1))


def test_a_probe_that_has_no_python_says_so(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.backends.kubernetes import fence

    monkeypatch.setattr(fence, "PROGRAM", "raise SystemExit('no such thing')")
    setting.create(GOOD, "no-python")
    with pytest.raises(NotFenced, match="its image needs python3"):
        fence_run(setting.study, LOG)


def test_want_of_rights_says_where_they_are(setting: Setting) -> None:
    setting.create(GOOD, "rights")
    setting.standin.fail(403, "create", "networkpolicies", message="networkpolicies is forbidden")
    with pytest.raises(NotFenced, match=r"rbac-closed\.yaml"):
        fence_run(setting.study, LOG)


def test_the_rights_are_those_that_are_used(setting: Setting, standin: KubernetesStandIn) -> None:
    """deploy/kubernetes/rbac-closed.yaml beside rbac.yaml: each of its rights is used, and no other is asked for."""
    from itertools import product

    import yaml

    from tests.sources import ROOT

    rules = {}
    for file in ("rbac.yaml", "rbac-closed.yaml"):
        documents = yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / file).read_text())
        rules |= {doc["metadata"]["name"]: doc["rules"] for doc in documents if doc["kind"] == "Role"}
    setting.create("sleep 600", "rights-used")
    standin.restrict([*rules["automl-worker"], *rules["automl-closed"]])
    standin.forget_requests()
    try:
        fence_run(setting.study, LOG)
        setting.launch(setting.bind())
        lift(setting.study, LOG)
        setting.standin.restrict(None)
        setting.core.delete_namespaced_pod(setting.pods()[0], "default", grace_period_seconds=0)
        setting.standin.restrict([*rules["automl-worker"], *rules["automl-closed"]])
        fence_run(setting.study, LOG)
        lift(setting.study, LOG)
        asked = standin.requests()
    finally:
        standin.restrict(None)
    assert [each for each in asked if each["status"] == 403] == []
    used = {(each["group"], each["resource"], each["verb"]) for each in asked if each["resource"] == "networkpolicies"}
    granted = {
        right
        for rule in rules["automl-closed"]
        for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }
    assert used == granted


def test_what_an_attempt_is_given_to_read_is_recorded(setting: Setting) -> None:
    from automl_core.audit import read_records
    from automl_core.running.reads import record_reads

    setting.create(GOOD, "reads")
    data = {
        "train": {"place": "s3://lake/data/x.csv", "digest": "abc", "rows": 7},
        "valid": {"place": "s3://y", "missing": True},
    }
    prefix = setting.journal.prefix.replace("reads", "reads2")
    journal = StudyJournal(setting.journal.store, prefix)
    study = Study.create(journal, setting.study.experiment, "r", [], inputs={"data": data})
    binding = study.ask(0)
    assert len(record_reads(study, binding)) == 2  # type: ignore[arg-type]
    record_reads(study, binding)  # type: ignore[arg-type]
    found = {each.more["data"]: each for each in read_records(setting.journal.store)}
    assert len(list(read_records(setting.journal.store))) == 2
    assert found["train"].more["fingerprint"] == "abc"
    assert found["train"].more["rows"] == 7
    assert found["train"].by == "reads@r: train of trial 0, attempt 1"
    assert found["valid"].more["fingerprint"] == ""


def test_nothing_starts_that_could_not_be_recorded(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.running import reads

    setting.create(GOOD, "unrecorded")
    data = {"train": {"place": "s3://lake/data/x.csv", "digest": "abc"}}
    prefix = setting.journal.prefix
    setting.journal.store.delete_prefix(prefix)
    journal = StudyJournal(setting.journal.store, prefix)
    setting.study = Study.create(journal, setting.study.experiment, "manual__1", [], inputs={"data": data})

    def refuse(*_: Any, **__: Any) -> str:
        raise RuntimeError("the audit is away")

    monkeypatch.setattr(reads, "read_data", refuse)
    binding = setting.bind()
    with pytest.raises(RuntimeError, match="the audit is away"):
        setting.operator()._start(context(), setting.study, setting.journal.store, binding)
    assert setting.pods() == []
