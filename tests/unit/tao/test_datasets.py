"""Where a network's data stand in its spec, against nvidia-tao-core 7.3.0; and that an experiment's get there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.tao.datasets import DATA, Source
from tests.sources import ROOT
from tests.support.tao import Attempt
from tests.support.tao_networks import leaves, recorded

NVIDIAS: dict[str, Any] = json.loads((ROOT / "tests" / "assets" / "tao" / "containers-7.3.0.json").read_text())
ROLES = {"train_datasets": "train", "eval_dataset": "valid", "inference_dataset": "test"}


def folder(path: str | None) -> str:
    return (path or "").removesuffix(".tar.gz")


@pytest.mark.parametrize(("network", "key"), [(network, key) for network, keys in DATA.items() for key in keys])
def test_keys_and_names_are_nvidias(network: str, key: str) -> None:
    ours, theirs = DATA[network][key], NVIDIAS[network]["data"]
    if key not in theirs:  # a group whose members stand alone there
        members = {name.removeprefix(f"{key}."): each for name, each in theirs.items() if name.startswith(f"{key}.")}
        assert ours.fields == {name: folder(each["path"]) for name, each in members.items() if folder(each.get("path"))}
        return
    source = theirs[key]
    mapping = {name: folder(each.get("path")) for name, each in source.get("mapping", {}).items()}
    if mapping:
        assert ours.fields == {name: each for name, each in mapping.items() if each}
        assert ours.listed == source.get("multiple_sources", False)
    else:
        assert ours.fields is None
        assert ours.name == folder(source.get("path"))
        assert ours.listed == (source.get("transform") == "wrap_in_list")
    if not key.startswith("dataset.val"):  # NVIDIA's detectors are validated on what they were trained on
        assert ROLES[source["source"]] in ours.data


@pytest.mark.parametrize("network", sorted(set(DATA) & set(recorded())))
def test_keys_are_in_the_networks_schema(network: str) -> None:
    known = set(leaves(network))
    for key in DATA[network]:
        parent = key.rpartition(".")[0]
        assert any(name == key or name.startswith((f"{key}.", f"{parent}.")) for name in known), key


def lay(root: Path) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "annotations.json").write_text("{}")
    return root


def test_data_sets_of_the_experiment_are_put_into_the_spec(tmp_path: Path) -> None:
    train, valid = lay(tmp_path / "coco" / "train"), lay(tmp_path / "coco" / "valid")
    attempt = Attempt(tmp_path)
    attempt.train(attempt.spec(num_epochs=1), AUTOML_DATA_TRAIN=str(train), AUTOML_DATA_VALID=str(valid))
    dataset = yaml.safe_load((attempt.model / "spec.yaml").read_text())["dataset"]
    coco = {"image_dir": str(train / "images"), "json_file": str(train / "annotations.json")}
    assert dataset["train_data_sources"] == [coco]
    assert dataset["val_data_sources"][0]["image_dir"] == str(valid / "images")
    test = lay(tmp_path / "coco" / "test")
    attempt.run("evaluate", AUTOML_DATA_TEST=str(test), AUTOML_DATA_TRAIN=str(train))
    evaluated = yaml.safe_load((attempt.model / "evaluate" / "spec.yaml").read_text())["dataset"]
    assert evaluated["train_data_sources"] == [coco], "as it was trained"


def test_what_the_spec_names_is_left_and_without_data_nothing_is_put(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    spec = tmp_path / "own.yaml"
    own = [{"image_dir": "/mine", "json_file": "/mine.json"}]
    body = {"results_dir": "x", "train": {"num_epochs": 1}, "dataset": {"train_data_sources": own}}
    spec.write_text(yaml.safe_dump(body))
    attempt.train(spec, AUTOML_DATA_TRAIN=str(tmp_path))
    dataset = yaml.safe_load((attempt.model / "spec.yaml").read_text())["dataset"]
    assert dataset == {"train_data_sources": own}


def test_an_archive_is_named_where_only_that_is_there_and_a_bucket_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images.tar.gz").write_bytes(b"")
    attempt = Attempt(tmp_path)
    attempt.train(attempt.spec(num_epochs=1), AUTOML_DATA_TRAIN=str(tmp_path / "data"))
    [source] = yaml.safe_load((attempt.model / "spec.yaml").read_text())["dataset"]["train_data_sources"]
    assert source["image_dir"].endswith("/data/images.tar.gz")
    told = attempt.train(attempt.spec(num_epochs=1), code=1, AUTOML_DATA_TRAIN="s3://lake/coco")
    assert "dataset.train_data_sources is to be in s3://lake/coco, and TAO reads folders" in told


def test_a_source_says_one_path_or_a_group() -> None:
    assert Source(("train",), "x").plain() == {"data": ["train"], "list": False, "name": "x"}
    assert Source(("train",), fields={"a": "b"}, listed=True).plain() == {
        "data": ["train"], "list": True, "fields": {"a": "b"}
    }  # fmt: skip
