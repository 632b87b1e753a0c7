"""What is wrong with an annotation project's file: said with its line, what is allowed, and the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.annotation.file import parse_annotation_document
from automl_core.spec.errors import SpecError
from tests.unit.annotation.file.files import GOOD, PROGRAM, problems, text_of

ITEMS = {"data": "x.csv"}
TWO = [{"experiment": "a"}, {"experiment": "b"}]
STUDIO = {"where": "label-studio"}


def test_each_problem_has_its_line() -> None:
    text = """\
kind: annotation
name: intents
items: {data: messages/, columns: [text, id], key: id}
labels:
  classes: [order, refund]
  keys: {ordr: o}
models:
  - experiment: trees
  - experiment: trees
people:
  who: [anna]
  votes: 2
"""
    with pytest.raises(SpecError) as caught:
        parse_annotation_document(text, "intents.annotation.yaml")
    assert [(each.line, each.path) for each in caught.value.problems] == [
        (3, ("items", "columns", 1)),
        (6, ("labels", "keys", "ordr")),
        (9, ("models", 1, "experiment")),
        (12, ("people", "votes")),
    ]
    assert str(caught.value.problems[1]) == (
        "intents.annotation.yaml:6: labels.keys.ordr: 'ordr' is no class. Allowed: order, refund. Did you mean 'order'?"
    )


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"item": ITEMS}, "item: the key 'item' is not known here"),
        ({"item": ITEMS}, "Did you mean 'items'?"),
        ({"rounds": 3}, "It belongs under 'stop'"),
        ({"price": 3}, "It belongs under 'people'"),
        ({"name": "a b"}, "name: found 'a b'; a name starts with a letter or digit"),
        ({"output": {"storage": "s3://key:secret@bucket/x"}}, "credentials don't belong in the path"),
        ({"items": {"data": []}}, "items.data: no place is named"),
        ({"items": {"data": "s3://key:secret@lake/x"}}, "holds credentials; name an Airflow connection"),
        ({"items": {"data": ["a.csv", "s3://lake/${dss}/x"]}}, "items.data[1]: ${dss} has no meaning in a place"),
        ({"items": {**ITEMS, "kind": "texts"}}, "items.kind: 'texts' is not known. Allowed: row, text, image, audio"),
        ({"items": {**ITEMS, "kind": "texts"}}, "Did you mean 'text'?"),
        ({"items": {**ITEMS, "columns": []}}, "items.columns: at least one entry is needed here"),
        ({"items": {**ITEMS, "columns": ["a", "a"]}}, "items.columns: 'a' stands there twice"),
        ({"items": {**ITEMS, "show": [" "]}}, "items.show: a column must have a name"),
        ({"items": {**ITEMS, "colums": ["a"]}}, "Did you mean 'columns'?"),
        ({"labels": {"classes": ["a"]}}, "labels.classes: two classes are the fewest"),
        ({"labels": {"classes": ["a", "b", "a"]}}, "labels.classes: 'a' stands there twice"),
        ({"labels": {"classes": ["a", "b", " "]}}, "labels.classes: a class must have a name"),
        ({"labels": {"classes": ["a", "b "]}}, "'b ' has spaces at an end, which nobody sees"),
        ({"labels": {"classes": [0, "0"]}}, "labels.classes: '0' stands there twice"),
        ({"labels": {"classes": [True, "b"]}}, "labels.classes[0]: found true"),
        ({"models": []}, "models: at least one entry is needed here"),
        ({"models": [{}]}, "models[0]: give either an experiment, or a program with its name, family and command"),
        ({"models": [{"experiment": "a", **PROGRAM}]}, "give either an experiment, or a program"),
        ({"models": [{"experiment": "a", "family": "ctc"}]}, "models[0].family: "),
        ({"models": [{"experiment": "a", "family": "ctc"}]}, "this is a program's, and the model is an experiment"),
        ({"models": [{"experiment": "a", "name": "x"}]}, "this is a program's, and the model is an experiment"),
        ({"models": [{"experiment": "a", "timeout": "1h"}]}, "this is a program's, and the model is an experiment"),
        ({"models": [{**PROGRAM, "families": 2}]}, "this is an experiment's, and the model is a program"),
        ({"models": [{**PROGRAM, "storage": "s3://b/x"}]}, "this is an experiment's, and the model is a program"),
        ({"models": [{"name": "x", "command": "a ${items} ${out}"}]}, "'family' is missing: a program has a name"),
        ({"models": [{**PROGRAM, "command": "a ${items}"}]}, "${out} is missing: a program reads ${items} and writes"),
        ({"models": [{**PROGRAM, "command": "a ${item} ${out}"}]}, "Did you mean 'items'?"),
        ({"models": [{**PROGRAM, "command": "a ${items ${out}"}]}, "has no closing brace"),
        ({"models": [{**PROGRAM, "command": [" "]}]}, "an empty command can't be run"),
        ({"models": [{"experiment": "a", "families": 3}]}, "models[0].families: 3 is too high"),
        ({"models": ["a", "b"]}, "models[0]: found 'a'. Allowed: a mapping (experiment, families"),
        ({"models": [*TWO, {"experiment": "c"}]}, "3 models are too many. Allowed: at most 2"),
        ({"select": {"by": "margins"}}, "Did you mean 'margin'?"),
        ({"select": {"many": 0}}, "select.many: 0 is too low"),
        ({"select": {"random_share": 0}}, "a share above 0 and of at most 100% is wanted here"),
        ({"select": {"random_share": "100%"}}, "select.random_share: a share below 100% is wanted here"),
        ({"select": {"bad_share": -1}}, "a share above 0"),
        ({"select": {"bad_share": 25}}, "a share such as 5% is wanted here; write 25%"),
        ({"agree": "on"}, "agree: found 'on'. Allowed: a mapping (accuracy, confidence), off"),
        ({"agree": {"accuracy": "100%"}}, "agree.accuracy: a share below 100% is wanted here"),
        ({"agree": {"accuracy": 97}}, "agree.accuracy: a share such as 5% is wanted here; write 97%"),
        ({"people": {"where": "paper"}}, "people.where: 'paper' is not known. Allowed: page, files, label-studio"),
        ({"people": {"where": "label_studio"}}, "Did you mean 'label-studio'?"),
        ({"people": {"who": []}}, "people.who: at least one entry is needed here"),
        ({"people": {"who": ["anna", "anna"]}}, "people.who: 'anna' stands there twice"),
        ({"people": {"lease": "soon"}}, "people.lease: found 'soon'; a duration such as"),
        ({"people": {"price": -1}}, "people.price: -1 is too low"),
        ({"people": {"currency": "E U R"}}, "people.currency"),
        ({"stop": {"target": 1}}, "stop.target: a share below 100% is wanted here"),
        ({"stop": {"rounds": 0}}, "stop.rounds: 0 is too low"),
        ({"stop": {"money": 0}}, "stop.money: 0 is too low"),
        ({"schedule": "@dayly"}, "schedule: '@dayly' is neither a cron line nor a preset"),
        ({"schedule": {"cron": "@daily", "timezone": "Europe/Berln"}}, "'Europe/Berlin'?"),
        ({"alerts": {"on": ["asked"], "url_connection": "x"}}, "alerts.on[0]: 'asked' is not known"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_group(groups: dict[str, Any], said: str) -> None:
    assert any(said in each for each in problems(**groups)), problems(**groups)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"items": {**ITEMS, "columns": ["text", "id"], "key": "id"}}, "items.columns[1]: 'id' is `key`, by which eac"),
        ({"items": {**ITEMS, "columns": ["y"], "label": "y"}}, "models that see what they are to say learn nothing"),
        ({"items": {**ITEMS, "columns": ["y"], "gold": "y"}}, "items.columns[0]: 'y' is `gold`"),
        ({"items": {**ITEMS, "label": "y", "gold": "y"}}, "items.gold: 'y' is `label` already"),
        ({"items": {**ITEMS, "show": ["text", "y"], "gold": "y"}}, "items.show[1]: 'y' is the right answer (`gold`)"),
        ({"items": {**ITEMS, "kind": "image"}}, "items.address: nothing says which column has the address of the imag"),
        ({"items": {**ITEMS, "kind": "audio", "columns": ["a", "b"]}}, "nothing says which column has the address of"),
        ({"items": {**ITEMS, "address": "url"}}, "items.address: the address is that of an image or of audio"),
        ({"items": {**ITEMS, "kind": "image", "columns": ["urls", "b"], "address": "url"}}, "Did you mean 'urls'?"),
        ({"items": {"data": ["x.csv", "y.csv", "x.csv"]}}, "items.data[2]: x.csv stands there twice"),
        ({"items": {"data": "runs/_annotation/intents/newest/"}}, "the project itself lies there"),
        ({"items": {"data": "runs/_annotation/"}}, "the project itself lies there (file://./runs/_annotation/intents/)"),
        ({"items": {"data": "runs/_*/intents/items/*.jsonl"}}, "the project itself lies there"),
        ({"items": {"data": "runs/_annotation/**/*.csv"}}, "the project itself lies there"),
        ({"items": {"data": "runs/_annotation/*/newest/*.csv"}}, "what it writes would come in as items"),
        ({"items": {"data": "./runs/_annotation/intents/*.jsonl"}}, "Name the folder of the items alone"),
        ({"items": {"data": {"place": "runs/_annotation/intents"}}}, "items.data.place: the project itself lies there"),
        ({"labels": {"classes": ["a", "b"], "hints": {"c": "…"}}}, "labels.hints.c: 'c' is no class. Allowed: a, b"),
        ({"labels": {"classes": ["a", "b"], "keys": {"a": "x", "b": "x"}}}, "labels.keys.b: 'a' has the key x already"),
        ({"labels": {"classes": ["a", "b"], "keys": {"a": "x", "b": "X"}}}, "Large letters count as small ones"),
        ({"labels": {"classes": ["a", "b"], "keys": {"a": "xy"}}}, "labels.keys.a: 'xy' is no key. Allowed: one char"),
        ({"labels": {"classes": ["a", "b"], "keys": {"a": " "}}}, "labels.keys.a: the space bar is the page's own"),
        ({"labels": {"classes": ["a", "b"], "keys": {"a": "\t"}}}, "is no key"),
        ({"models": [{"experiment": "a"}, {"experiment": "a"}]}, "models[1].experiment: 'a' stands there twice, and t"),
        ({"models": [{"experiment": "a"}, {"experiment": "a"}]}, "Say `families: 2` for its two best models"),
        ({"models": [{"experiment": "a"}, {"experiment": "a", "storage": "file://./runs/"}]}, "'a' stands there twice"),
        ({"models": [{"experiment": "a", "families": 2}, {"experiment": "b"}]}, "models: these are 3 models, and two"),
        ({"models": [{"experiment": "a"}]}, "models: one model agrees with nobody"),
        ({"models": [PROGRAM]}, "one model agrees with nobody: two of different families are needed"),
        ({"models": [PROGRAM, {**PROGRAM, "name": "b"}]}, "models[1].family: both programs are of the family 'ctc'"),
        ({"models": [PROGRAM, {**PROGRAM, "name": "b", "family": "CTC"}]}, "both programs are of the family 'CTC'"),
        ({"models": [PROGRAM, {**PROGRAM, "family": "b"}]}, "models[1].name: two programs are called 'engine-a'"),
        ({"models": [{"experiment": "a"}], "agree": "off", "select": {"by": "vote"}}, "select.by: vote is that of two"),
        ({"select": {"bad_share": "50%", "random_share": "50%"}}, "select.bad_share: with random_share 50% and bad_sh"),
        ({"select": {"random_share": "80%"}}, "select.random_share: with random_share 80% and bad_share 25% nothing"),
        ({"people": {"who": ["anna"], "votes": 2}}, "people.votes: 2 people label each item, and `who` names 1"),
        ({"people": STUDIO}, "label_studio: people label in Label Studio, and nothing says where that is"),
        ({"label_studio": {"connection": "x"}}, "label_studio: people label on the page in Airflow, so no server"),
        ({"label_studio": {"connection": "x"}, "people": {"where": "files"}}, "people label in files, so no server"),
        ({"people": {"where": "files", "who": ["anna", "role:Op"]}}, "people.who[1]: roles are Airflow's, and people"),
        ({"stop": {"money": 5}}, "stop.money: labels cost nothing here, so money would never end it"),
    ],
)  # fmt: skip
def test_what_groups_say_of_one_another(groups: dict[str, Any], said: str) -> None:
    assert any(said in each for each in problems(**groups)), problems(**groups)


@pytest.mark.parametrize(
    "groups",
    [
        {"agree": "off", "models": [{"experiment": "a"}]},
        {"models": [{"experiment": "a", "families": 2}]},
        {"models": [{"experiment": "a"}, {"experiment": "a", "storage": "s3://other/runs"}]},
        {"models": [PROGRAM, {**PROGRAM, "name": "b", "family": "transformer"}]},
        {"models": [PROGRAM, {"experiment": "engine-a"}]},
        {"models": [PROGRAM, {**PROGRAM, "name": "b"}], "agree": "off"},
        {"people": {"where": "files"}},
        {"people": STUDIO, "label_studio": {"connection": "x"}},
        {"people": {"votes": 3}},
        {"people": {"votes": 3, "who": ["role:Op"]}},
        {"people": {"price": 1}, "stop": {"money": 5}},
        {"items": {"data": "runs/_annotation/other/*.jsonl"}},
        {"items": {"data": "*.jsonl"}},
        {"items": {"data": "*.csv"}},
        {"items": {"data": "."}},
        {"items": {"data": "runs"}},
        {"items": {"data": "[z-a].csv"}},
        {"items": {"data": "runs/**/*.csv"}},
        {"items": {"data": "runs/_annotation/*.csv"}},
        {"items": {"data": "runs/messages/"}},
        {"items": {"data": "s3://runs/_annotation/intents/"}},
        {"items": {"data": ["odps://p/messages/ds=${ds}", "x.csv"]}},
        {"items": {**ITEMS, "kind": "image", "address": "url"}},
        {"labels": {"classes": ["a", "b"], "keys": {"a": "b", "b": "a"}}},
        {"schedule": {"assets": ["messages"]}},
        {"stop": {"rounds": None}},
    ],
)
def test_what_is_right_is_taken(groups: dict[str, Any]) -> None:
    assert problems(**groups) == []


def test_secrets_are_not_repeated() -> None:
    for groups in (
        {"output": {"storage": "s3://key:se/cret@bucket/x"}},
        {"items": {"data": ["x.csv", "s3://key:se/cret@lake/x"]}},
        {"items": {"data": {"place": "oss://key:se/cret@lake/${ds}"}}},
        {"models": [{"experiment": "a", "storage": "s3://key:se/cret@bucket"}]},
    ):
        found = problems(**groups)
        assert found
        assert not any("cret" in each for each in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty. An annotation project's file has at least: kind, name, items, labels, models."),
        ("[1]", "found a list where the file's keys are wanted"),
        ("name: a\ngoal: {metric: x}\n", "this is the file of an experiment, and an annotation project is wanted here"),
        ("kind: model\nname: x\n", "this is the file of a model, and an annotation project is wanted here"),
        ("kind: annotations\nname: x\n", "'annotations' is no kind of file"),
        ("kind: annotations\nname: x\n", "Did you mean 'annotation'?"),
        ("name: a\nitems: {data: x.csv}\n", "kind: 'kind' is missing"),
        ("name: a\nkind: annotation\n", "items: 'items' is missing. Allowed: a mapping (data, kind"),
        ("name: a\nkind: annotation\n", "For example: items: {data: messages/*.jsonl, kind: text, columns: [text]}"),
        ("name: a\nkind: annotation\n", "For example: labels: {classes: [order, refund, other]}"),
        ("name: a\nkind: annotation\n", "For example: models: [{experiment: intents_trees}, {experiment: intents_li"),
        ("kind: annotation\nkind: annotation\n", "kind"),
        ("kind: annotation\nname: [\n", ""),
    ],
)
def test_files_that_are_none(text: str, said: str) -> None:
    found = problems(text)
    assert found
    assert any(said in each for each in found), found


def test_very_many_problems_are_cut_off() -> None:
    found = problems(**{f"key{index}": 1 for index in range(500)})
    assert len(found) == 100
    assert "there are more problems than these" in found[-1]


def test_the_text_of_the_tests_is_right_before_it_is_broken() -> None:
    assert problems() == []
    assert GOOD["kind"] == "annotation"
    assert text_of().startswith("kind: annotation\n")
