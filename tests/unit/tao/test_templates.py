"""Networks as templates: found in folders, in schema files and in NVIDIA's package, and pulled from the latter two."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.tao import package
from automl_core.tao import templates as tao_templates
from automl_core.tao.pulling import Refused, is_network, pull_network
from automl_core.tao.templates import VARIABLE, digest_of_files, version_of
from automl_core.tao.writing import READING, files_of
from automl_core.templates import parse_experiment
from automl_core.templates.checking import check_template
from automl_core.templates.describing import listed
from automl_core.templates.digest import digest_of
from automl_core.templates.places import Different, Places, Reference
from automl_core.templates.version import read_template
from tests.support.tao_networks import folder_of, schema_of

NUMBER = version_of("7.2.0")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The package as it would be, with three networks; what was asked of it."""
    asked: list[tuple[str, ...]] = []

    def schemas(wanted: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        asked.append(wanted)
        return {name: schema_of(name) for name in wanted}

    monkeypatch.setattr(package, "installed_version", lambda: "7.2.0")
    monkeypatch.setattr(package, "networks", lambda: ("clip", "dino", "rtdetr"))
    monkeypatch.setattr(package, "schemas", schemas)
    tao_templates.from_package.cache_clear()
    return asked


@pytest.mark.parametrize(
    ("release", "number"), [("7.2.0", 7020001), ("7.10.3", 7100301), ("8.0", 8000001), ("7.3.0rc1", 7030101)]
)
def test_a_later_release_has_a_higher_number(release: str, number: int) -> None:
    assert version_of(release) == number


def test_a_network_of_the_installed_package_is_found_and_asked_for_once(
    installed: list[tuple[str, ...]], tmp_path: Path
) -> None:
    places = Places(())
    assert places.names() == ["tao/clip", "tao/dino", "tao/rtdetr"]
    assert places.versions("tao/dino") == [NUMBER]
    assert installed == [], "which there are needs no schema"
    folder = places.find(Reference("tao/dino", NUMBER))
    assert folder == places.find(Reference("tao/dino", NUMBER))
    assert read_template(folder).label == f"tao/dino@{NUMBER}"
    assert not check_template(folder).problems
    assert [each["name"] for each in listed(places)[0]] == ["tao/clip", "tao/dino", "tao/rtdetr"]
    assert len(installed) == 1, "those of all networks at once, kept in the cache"


def test_what_is_not_there_is_told_with_what_there_is(installed: list[tuple[str, ...]]) -> None:
    places = Places(())
    problem = places.problem(Reference("tao/dinu", 1))
    assert problem is not None
    assert problem.suggestion == "Did you mean 'tao/dino'?"
    problem = places.problem(Reference("tao/dino", None))
    assert problem is not None
    assert problem.suggestion == f"Write tao/dino@{NUMBER}, the latest"
    assert places.problem(Reference("tao/dino", 3)) is not None


def test_without_the_package_there_is_none(tmp_path: Path) -> None:
    assert package.installed_version() is None, "the extra tao is not part of the development environment"
    assert not [name for name in Places((tmp_path,)).names() if name.startswith("tao/")]
    problem = Places((tmp_path,)).problem(Reference("tao/dino", None))
    assert problem is not None
    assert "automl template pull tao/dino makes it" in problem.suggestion
    assert "the extra tao" in problem.suggestion


def test_a_schema_file_below_templates_is_a_template(tmp_path: Path) -> None:
    (tmp_path / "tao").mkdir()
    file = tmp_path / "tao" / "dino.json"
    file.write_text(json.dumps(schema_of("dino")))
    places = Places((tmp_path,))
    assert places.names() == ["tao/dino"]
    first = places.find(Reference("tao/dino", READING))
    assert first == places.find(Reference("tao/dino", READING))
    text = f"name: d\ntemplate: tao/dino@{READING}\nset: {{dataset.batch_size: 2}}\n"
    experiment = parse_experiment(text, "d.yaml", places)
    assert experiment.template is not None
    assert experiment.template.digest == digest_of(first)
    file.write_text(json.dumps(schema_of("rtdetr")))
    second = places.find(Reference("tao/dino", READING))
    assert digest_of(second) != experiment.template.digest, "another schema is another content, told as ever"


def test_what_lies_in_a_folder_goes_before_what_would_be_made(installed: list[tuple[str, ...]], tmp_path: Path) -> None:
    folder = folder_of("dino", tmp_path, NUMBER)
    assert Places((tmp_path,)).find(Reference("tao/dino", NUMBER)) == folder
    assert installed == []
    assert [name for name, _, _ in Places((tmp_path,)).all()] == ["tao/dino"]


def test_many_make_one_at_once(tmp_path: Path) -> None:
    files = files_of("dino", schema_of("dino"), version=1, made_from="a test")
    folder = tmp_path / "tao" / "dino" / "1"
    gone: list[Path] = []

    def make(_: int) -> None:
        tao_templates.lay(files, folder)
        if not (folder / "template.yaml").is_file():
            gone.append(folder)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(40)))
    assert not gone, "what somebody has made is never away for a moment"
    assert [each.name for each in folder.parent.iterdir()] == ["1"]


def test_what_was_made_is_made_again_where_somebody_has_changed_it(installed: list[tuple[str, ...]]) -> None:
    places = Places(())
    folder = places.find(Reference("tao/dino", NUMBER))
    digest = digest_of(folder)
    (folder / "template.yaml").write_text("changed: true\n")
    assert digest_of(places.find(Reference("tao/dino", NUMBER))) == digest


def test_a_broken_schema_breaks_no_neighbour(tmp_path: Path) -> None:
    (tmp_path / "tao").mkdir()
    (tmp_path / "tao" / "good.json").write_text(json.dumps(schema_of("rtdetr")))
    (tmp_path / "tao" / "bad.json").write_text("{")
    found, errors = listed(Places((tmp_path,)))
    assert [each["name"] for each in found] == ["tao/good"]
    assert "bad.json:1: no JSON" in str(errors[0])
    with pytest.raises(SpecError, match=r"bad\.json:1: no JSON"):
        parse_experiment(f"name: x\ntemplate: tao/bad@{READING}\n", "x.yaml", Places((tmp_path,)))


def test_a_package_that_cant_be_read_is_told(monkeypatch: pytest.MonkeyPatch, installed: list[tuple[str, ...]]) -> None:
    def broken(wanted: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        raise package.Unreadable("nvidia-tao-automl 7.2.0 can't be read: no module named omegaconf")

    monkeypatch.setattr(package, "schemas", broken)
    with pytest.raises(SpecError, match="no module named omegaconf"):
        parse_experiment(f"name: x\ntemplate: tao/dino@{NUMBER}\n", "x.yaml", Places(()))


def test_why_the_package_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(package.Unreadable, match="can't be read: ModuleNotFoundError: No module named 'tao_automl'"):
        package.schemas(("dino",))


def test_pull_from_the_package_and_again(installed: list[tuple[str, ...]], tmp_path: Path) -> None:
    done = pull_network(Reference("tao/dino", None), tmp_path)
    assert (done.label, done.new) == (f"tao/dino@{NUMBER}", True)
    assert done.folder == tmp_path / "tao" / "dino" / str(NUMBER)
    assert digest_of(done.folder) == done.digest
    assert not pull_network(Reference("tao/dino", NUMBER), tmp_path).new
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache", "tao"], "nothing half made is left"
    (done.folder / "template.yaml").write_text("changed: true\n")
    with pytest.raises(Different, match="a version never changes"):
        pull_network(Reference("tao/dino", None), tmp_path)
    with pytest.raises(Refused, match=r"has no network 'dinu'\. Did you mean 'dino'"):
        pull_network(Reference("tao/dinu", None), tmp_path)
    with pytest.raises(Refused, match=f"makes version {NUMBER}, and not 3"):
        pull_network(Reference("tao/dino", 3), tmp_path)


def test_pull_without_the_package_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"comes with the extra tao, as automl-core\[tao\]; or give a schema file"):
        pull_network(Reference("tao/dino", None), tmp_path)


def test_pull_from_schemas_takes_the_next_number(tmp_path: Path) -> None:
    files = [tmp_path / f"{network}.json" for network in ("dino", "rtdetr")]
    for file in files:
        file.write_text(json.dumps(schema_of(file.stem)))
    labels = [pull_network(Reference("tao/own", None), tmp_path / "to", file).label for file in (*files, *files)]
    assert labels == ["tao/own@1", "tao/own@2", "tao/own@1", "tao/own@2"], "the same content has its number already"
    assert pull_network(Reference("tao/own", 9), tmp_path / "to", files[0]).label == "tao/own@9"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tao/dino", True),
        ("tao/dino@7020001", True),
        ("tao/dino/3", False),
        ("s3://b/tao/dino/3", False),
        ("x/y", False),
    ],
)
def test_which_addresses_are_networks(address: str, expected: bool) -> None:
    assert is_network(address) is expected


def test_the_digest_of_files_is_that_of_their_folder(tmp_path: Path) -> None:
    files = files_of("dino", schema_of("dino"), version=1, made_from="a test")
    assert digest_of_files(files) == digest_of(folder_of("dino", tmp_path))
    assert files == files_of("dino", schema_of("dino"), version=1, made_from="a test")


def test_looking_for_a_template_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from automl_core.templates.places import Places, Reference\n"
        "places = Places.of()\n"
        "places.find(Reference('tao/detectnet_v2', 1))\n"
        "heavy = {'airflow', 'numpy', 'pandas', 'scipy', 'omegaconf', 'requests', 'boto3', 'tao_automl'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


HAND = {
    "detectnet_v2": {
        "training_config.learning_rate.soft_start_annealing_schedule.min_learning_rate": 5e-6,
        "training_config.learning_rate.soft_start_annealing_schedule.soft_start": 0.1,
        "training_config.learning_rate.soft_start_annealing_schedule.annealing": 0.7,
        "training_config.regularizer.type": "L1",
    },
    "classification_tf1": {
        "train_config.lr_config.step.learning_rate": 0.06,
        "train_config.optimizer.sgd.lr": 0.01,
        "train_config.optimizer.sgd.nesterov": False,
        "train_config.reg_config.type": "L2",
        "train_config.reg_config.weight_decay": 5e-5,
    },
    "multitask_classification": {
        "training_config.learning_rate.soft_start_annealing_schedule.min_learning_rate": 1e-6,
        "training_config.learning_rate.soft_start_annealing_schedule.soft_start": 0.1,
        "training_config.regularizer.type": "L1",
        "training_config.regularizer.weight": 9e-5,
        "training_config.optimizer.sgd.momentum": 0.9,
        "training_config.optimizer.sgd.nesterov": False,
    },
}
"""The documented networks that today's package lacks → their default search with its defaults."""


@pytest.mark.parametrize("network", HAND)
def test_the_documents_networks_come_with_the_product(network: str) -> None:
    folder = Places.of().find(Reference(f"tao/{network}", READING))
    checked = check_template(folder)
    assert not checked.problems
    assert checked.template is not None
    searched = {each.name: each.default for each in checked.template.parameters.values() if each.searched is True}
    assert searched == HAND[network]
    spec = checked.template.document.data["spec_file"]
    assert spec["format"] == "prototxt"
    enums = {name for name in searched if name == "training_config.regularizer.type"}
    assert enums <= set(spec["enums"]), "written as values of an enum, without quotes"


def test_who_may_be_added_to_detectnets_search_and_who_may_not() -> None:
    def problems(search: str) -> str:
        try:
            parse_experiment(f"name: d\ntemplate: tao/detectnet_v2@{READING}\n{search}\n", "d.yaml")
        except SpecError as error:
            return str(error)
        return ""

    assert problems("search: {add: [training_config.batch_size_per_gpu]}") == ""
    assert "never searches 'training_config.num_epochs'" in problems("search: {add: [training_config.num_epochs]}")
    assert "Did you mean 'training_config.batch_size_per_gpu'?" in problems(
        "search: {add: [training_config.batch_size]}"
    )
    assert problems("search: {remove: [training_config.regularizer.type]}") == ""
    wider = (
        "search: {add: [training_config.batch_size_per_gpu]}\nspace: {training_config.batch_size_per_gpu: {high: 64}}"
    )
    assert "64 lies outside the template's 1 to 32" in problems(wider)
    assert problems("set: {training_config.num_epochs: 80, model_config.num_layers: 34}") == ""
    assert "600 lies outside 1..500" in problems("set: {training_config.num_epochs: 600}")
