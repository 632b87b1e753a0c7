"""What is wrong with a model's file: said with its line, what is allowed, and the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.models.file import parse_model_document
from automl_core.spec.errors import SpecError
from tests.unit.models.file.files import BATCH, FEEDBACK, GOOD, problems, text_of


def test_each_problem_has_its_line() -> None:
    text = """\
kind: model
name: churn
candidates:
  experiments: [churn, churn]
evaluate:
  data: feedback
accept:
  by: nobody
"""
    with pytest.raises(SpecError) as caught:
        parse_model_document(text, "churn.model.yaml")
    assert [(each.line, each.path) for each in caught.value.problems] == [
        (4, ("candidates", "experiments", 1)),
        (6, ("evaluate", "data")),
        (7, ("accept", "when")),
    ]
    assert str(caught.value).startswith("churn.model.yaml:4: candidates.experiments[1]: 'churn' stands there twice.")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"evaluate": {"data": "x.csv", "metrik": "auc"}}, "evaluate.metrik: the key 'metrik' is not known here"),
        ({"evaluate": {"data": "x.csv", "metrik": "auc"}}, "Did you mean 'metric'?"),
        ({"schedule": "@daily"}, "schedule: the key 'schedule' is not known here"),
        ({"schedule": "@daily"}, "It belongs under 'deploy'"),
        ({"worse_by": "2%"}, "worse_by: the key 'worse_by' is not known here"),
        ({"name": "a b"}, "name: found 'a b'; a name starts with a letter or digit"),
        ({"output": {"storage": "s3://key:secret@bucket/x"}}, "credentials don't belong in the path"),
        ({"output": {"storage": "gs://bucket/x"}}, "gs:// is not known"),
        ({"candidates": {"experiments": []}}, "candidates.experiments: at least one entry is needed"),
        ({"candidates": {"experiments": [{"storage": "s3://bucket/x"}]}}, "'experiment' is missing"),
        ({"candidates": {"experiments": ["a"], "look": "soon"}}, "candidates.look: found 'soon'; a duration such as"),
        ({"candidates": {"experiments": ["a"], "look": "5s"}}, "candidates.look: once a minute is the most"),
        ({"evaluate": {"data": "s3://key:secret@lake/x"}}, "holds credentials; name an Airflow connection"),
        ({"evaluate": {"data": "s3://lake/${dss}/x"}}, "${dss} has no meaning in a place of data"),
        ({"evaluate": {"data": "x.csv", "confidence": 95}}, "evaluate.confidence: 95 is too high"),
        ({"evaluate": {"data": "x.csv", "slices": ["a", "a"]}}, "evaluate.slices: 'a' stands there twice"),
        ({"evaluate": {"data": "x.csv", "tests": "tests.txt"}}, "evaluate.tests: found 'tests.txt'; a list of tests"),
        ({"evaluate": {"data": "x.csv", "tests": [{"test": "metrik"}]}}, "tests[0].test: 'metrik' is not known"),
        ({"evaluate": {"data": "x.csv", "tests": [{"test": "metrik"}]}}, "Did you mean 'metric'?"),
        ({"evaluate": {"data": "x.csv", "program": {}}}, "For example: command: [python, score.py]"),
        ({"evaluate": {"data": "x.csv", "program": {"command": "a ${row}"}}}, "Did you mean 'rows'?"),
        ({"evaluate": {"data": "x.csv", "program": {"command": "a ${rows"}}}, "has no closing brace"),
        ({"evaluate": {"data": "x.csv", "program": {"command": " "}}}, "an empty command can't be run"),
        ({"accept": {"by": []}}, "accept.by: a list without a name lets nobody accept"),
        ({"accept": {"by": "anna"}}, "accept.by: 'anna' is neither anybody nor nobody; people are a list: [anna]"),
        ({"accept": {"by": ["anna", "nobody"]}}, "nobody stands alone, not among names"),
        ({"accept": {"when": "beter"}}, "accept.when: 'beter' is not known. Allowed: better, not_worse, passes"),
        ({"accept": {"within": 0}}, "accept.within: a duration above 0 is wanted here"),
        ({"accept": {"within": "-3d"}}, "accept.within: found '-3d'; a duration such as"),
        ({"deploy": {**BATCH, "to": "servers"}}, "deploy.data: the key 'data' is not known here. Allowed: to, key"),
        ({"deploy": {"to": "server"}}, "deploy.to: 'server' is not known. Allowed: batch, servers, kubernetes. Did"),
        ({"deploy": {**BATCH, "to": "bach"}}, "Allowed: batch, servers, kubernetes. Did you mean 'batch'?"),
        ({"deploy": {"bake": "1h"}}, "deploy.to: 'to' is missing. Allowed: batch, servers, kubernetes"),
        ({"deploy": {"to": "servers", "bakes": "1h"}}, "Did you mean 'bake'?"),
        ({"deploy": {"to": "servers", "steps": [5, "100%"]}}, "deploy.steps[0]: a share such as 5% is wanted here; w"),
        ({"deploy": {"to": "servers", "steps": ["0%", "100%"]}}, "a share above 0 and of at most 100% is wanted here"),
        ({"deploy": {"to": "servers", "steps": ["101%"]}}, "a share above 0 and of at most 100% is wanted here"),
        ({"deploy": {"to": "servers", "steps": [True]}}, "a share such as 5%, or a number such as 0.05, is wanted"),
        ({"deploy": {"to": "servers", "steps": []}}, "deploy.steps: at least one entry is needed here"),
        ({"deploy": {"to": "servers", "ab": {"metric": "errors", "share": "100%"}}}, "a share below 100% is wanted"),
        ({"deploy": {"to": "servers", "ab": {"metric": "error"}}}, "deploy.ab.metric: found 'error'. Allowed: a map"),
        ({"deploy": {"to": "servers", "ab": {}}}, "deploy.ab.metric: 'metric' is missing"),
        ({"deploy": {"to": "servers", "safeguard": {"metric": {"name": "mae"}}}}, "'worse_by' is missing"),
        ({"deploy": {"to": "servers", "safeguard": {"metric": {"name": "acuracy", "worse_by": "1%"}}}},
         "deploy.safeguard.metric.name: acuracy can't be followed in a rollout: allowed are means over rows, accuracy"),
        ({"deploy": {"to": "servers", "safeguard": {"metric": {"name": "acuracy", "worse_by": "1%"}}}}, "'accuracy'?"),
        ({"deploy": {"to": "servers", "ab": {"metric": {"name": "roc_auc"}}}}, "ab.metric.name: roc_auc can't be"),
        ({"deploy": {"to": "servers", "safeguard": {"errors": "100%"}}}, "a share below 100% is wanted here; err"),
        ({"deploy": {"to": "servers", "shadow": {"for_": "1h"}}}, "the key 'for_' is not known here"),
        ({"deploy": {**BATCH, "backend": "kubernets"}}, "Did you mean 'kubernetes'?"),
        ({"deploy": {**BATCH, "image": "x"}}, "deploy.image: the key 'image' is not known here"),
        ({"deploy": {**BATCH, "backend": "kubernetes", "hints": {}}}, "deploy.hints: the key 'hints' is not known"),
        ({"deploy": {**BATCH, "schedule": "@dayly"}}, "deploy.schedule: '@dayly' is neither a cron line nor a preset"),
        ({"deploy": {**BATCH, "schedule": {"cron": "@daily", "timezone": "Europe/Berln"}}}, "'Europe/Berlin'?"),
        ({"watch": {"every": "1w"}}, "watch.every: '1w' is neither a cron line nor a preset"),
        ({"watch": {"every": "@once"}}, "'@once' is neither a cron line nor a preset"),
        ({"watch": {"every": 5}}, "watch.every: found 5; once a minute is the most"),
        ({"watch": {"retrain": {}}}, "watch.retrain: nothing says when it is trained anew"),
        ({"watch": {"retrain": {"when": {"worse_by": "2 percent"}}}}, "a loss is wanted here: a share such as 2%"),
        ({"watch": {"retrain": {"when": {"worse_by": 0}}}}, "a loss above 0 is wanted here"),
        ({"watch": {"retrain": {"every": "1d", "at_most": 0}}}, "watch.retrain.at_most: 0 is too low"),
        ({"watch": {"retrain": {"every": "1d", "inn": "7d"}}}, "Did you mean 'in'?"),
        ({"watch": {"retrain": {"every": "1d", "in_": "7d"}}}, "the key 'in_' is not known here"),
        ({"alerts": {"on": ["new_best"], "url_connection": "x"}}, "'new_best' is not known. Allowed: failure, asked"),
        ({"feedback": {"data": "x.csv", "outcome": ""}}, "feedback.outcome: at least one entry is needed here"),
        ({"tags": [f"t{index}" for index in range(101)]}, "tags: 101 tags are too many"),
    ],
)  # fmt: skip
def test_what_a_group_says_by_itself(groups: dict[str, Any], said: str) -> None:
    assert any(said in each for each in problems(**groups)), problems(**groups)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"candidates": {"experiments": ["a", {"experiment": "a", "storage": "file://./runs/"}]}},
         "candidates.experiments[1]: 'a' stands there twice"),
        ({"evaluate": {"data": "feedback"}}, "the data are those of `feedback`, and the file has none"),
        ({"evaluate": {"data": "x.csv", "key": "y", "target": "y"}}, "evaluate.key: 'y' is the target"),
        ({"evaluate": {"data": "x.csv", "slices": ["a", "y"], "target": "y"}}, "evaluate.slices[1]: 'y' is the target"),
        ({"accept": {"by": "nobody"}}, "the condition under which a version is accepted has to stand in the file"),
        ({"accept": {"when": "passes"}}, "accept.when: `when: passes` asks for regression tests, and"),
        ({"accept": {"when": "passes", "margin": 0.1}}, "accept.margin: margin is that of a difference"),
        ({"deploy": {**BATCH, "out": "s3://lake/out/"}}, "deploy.out: `data` has ${ds} in it and this has no date"),
        ({"deploy": {**BATCH, "out": {"place": "s3://lake/out/"}}}, "deploy.out.place: `data` has ${ds} in it"),
        ({"deploy": {**BATCH, "out": BATCH["data"]}}, "deploy.out: it lies where `deploy.data` is read from"),
        ({"deploy": {**BATCH, "out": "s3://lake/in/ds=${ds}/scores/"}}, "deploy.out: it lies where `deploy.data`"),
        ({"deploy": {**BATCH, "out": "s3://lake/latest/${ds}"}}, "deploy.out: it lies where `evaluate.data`"),
        ({"deploy": {**BATCH, "data": "odps://p/t/ds=${ds}", "out": "odps://p/T/ds=${ds}"}}, "lies where `deploy"),
        ({"deploy": {**BATCH, "data": "in/*.csv", "out": "in/scores.csv"}}, "it lies where `deploy.data` is read from"),
        ({"deploy": {**BATCH, "out": "s3://lake/out/${ds}/*.csv"}}, "is a pattern, and predictions go to one place"),
        ({"deploy": {**BATCH, "data": "odps://p/t/ds=${ds}", "out": "odps://p/u/ds=${ds}*", "backend": "maxcompute"}},
         "is a pattern, and predictions go to one place"),
        ({"deploy": {**BATCH, "data": "odps://p/t/ds=${ds}*", "out": "odps://p/u/ds=${ds}", "backend": "maxcompute"}},
         "deploy.data: odps://p/t/ds=${ds}* is a pattern of partitions, and SQL scores one of them"),
        ({"deploy": {**BATCH, "out": "${bundle_dir}/${ds}"}}, "nothing is written into a DAG bundle"),
        ({"deploy": {**BATCH, "backend": "maxcompute"}}, "deploy.data: SQL scores tables of MaxCompute, and"),
        ({"deploy": {**BATCH, "backend": "kubernetes"}}, "deploy.image: 'image' is missing"),
        ({"feedback": FEEDBACK}, "feedback.answers: nothing says where answers are logged"),
        ({"feedback": {**FEEDBACK, "timezone": "Berlin"}, "deploy": BATCH}, "feedback.timezone: 'Berlin' is no"),
        ({"feedback": {**FEEDBACK, "outcome": "request_id"}, "deploy": BATCH}, "'request_id' is the key, which is no"),
        ({"feedback": {**FEEDBACK, "key": "order"}, "deploy": BATCH}, "has no column 'order' to join outcomes by"),
        ({"feedback": {**FEEDBACK, "key": "order"}, "deploy": BATCH}, "keep: [order, request_id]"),
        ({"feedback": {**FEEDBACK, "data": BATCH["out"]}, "deploy": BATCH}, "it lies where `feedback.data` is read"),
        ({"deploy": {"to": "servers", "steps": ["5%", "5%", "100%"]}}, "deploy.steps[1]: shares grow from step"),
        ({"deploy": {"to": "servers", "steps": ["25%", "5%"]}}, "For example: steps: [5%, 25%, 100%]"),
        ({"deploy": {"to": "servers", "steps": ["5%", "50%"]}}, "deploy.steps[1]: the last step is 50%: the version"),
        ({"deploy": {"to": "servers", "steps": ["5%", "50%"]}}, "Add it: steps: [5%, 50%, 100%]"),
        ({"deploy": {"to": "servers", "steps": ["100%"], "ab": {"metric": "errors"}}}, "an A/B test holds one share"),
        ({"deploy": {"to": "servers", "bake": "8d"}}, "deploy.bake: each step lasts 8d 00h at least, and what"),
        ({"deploy": {"to": "servers", "within": "1h", "shadow": {}}}, "deploy.shadow.for: the shadow lasts 1h 00m"),
        ({"deploy": {"to": "servers", "safeguard": {"metric": {"name": "mae", "worse_by": "1%"}}}},
         "deploy.safeguard.metric: a metric needs what came true, and the file has no `feedback`"),
        ({"deploy": {"to": "servers", "ab": {"metric": {"name": "mae"}}}}, "Give `feedback: {data: …, key: request_id"),
        ({"deploy": {"to": "servers", "key": "y"}, "evaluate": {"data": "x.csv", "target": "y"}},
         "deploy.key: 'y' is the target, which no request has"),
        ({"deploy": {"to": "servers"}, "feedback": {**FEEDBACK, "data": "file://./runs/_models/churn/answers/"}},
         "feedback.data: it lies where the servers write their answers (file://./runs/_models/churn/answers/)"),
        ({"candidates": {"experiments": ["a", "b"]}, "watch": {"retrain": {"every": "9d"}}}, "which one trains it"),
        ({"watch": {"retrain": {"every": "9d", "experiment": "chrun"}}}, "would never be offered. Allowed: churn. Did"),
    ],
)  # fmt: skip
def test_what_groups_say_of_one_another(groups: dict[str, Any], said: str) -> None:
    assert any(said in each for each in problems(**groups)), problems(**groups)


@pytest.mark.parametrize(
    "groups",
    [
        {"accept": {"by": "nobody", "when": "better"}},
        {"accept": {"when": "passes"}, "evaluate": {"data": "x.csv", "tests": [{"test": "golden"}]}},
        {"accept": {"when": "passes"}, "evaluate": {"data": "x.csv", "tests": "_tests.yaml"}},
        {"deploy": {**BATCH, "data": "s3://lake/in/", "out": "s3://lake/out/"}},
        {"deploy": {**BATCH, "data": "s3://lake/in/", "out": "s3://lake/input/"}},
        {"deploy": {**BATCH, "data": "s3://lake/in/", "out": "s3://other/in/"}},
        {"deploy": {**BATCH, "data": "in/*.csv", "out": "scores/a.csv"}},
        {"deploy": {**BATCH, "data": "odps://p/rows/ds=${ds}", "out": "odps://p/scores/ds=${ds}",
                    "backend": "maxcompute", "hints": {"odps.sql.mapper.split.size": 64}}},
        {"deploy": {**BATCH, "backend": "kubernetes", "image": "x", "resources": {"cpu": 2}, "namespace": "ml"}},
        {"deploy": {**BATCH, "backend": "kubernetes", "pod_template": {"spec": {}}}},
        {"deploy": BATCH, "feedback": {**FEEDBACK, "answers": BATCH["out"]}},
        {"deploy": {**BATCH, "schedule": {"cron": "@daily", "timezone": "Europe/Berlin"}}},
        {"deploy": {**BATCH, "data": "a/", "out": "b/", "schedule": {"assets": ["rows"]}}},
        {"watch": {"every": "@weekly"}},
        {"watch": {"retrain": {"every": "9d"}}},
        {"candidates": {"experiments": ["a", {"experiment": "a", "storage": "s3://other/x"}]}},
    ],
)  # fmt: skip
def test_what_is_right_is_taken(groups: dict[str, Any]) -> None:
    assert problems(**groups) == []


def test_secrets_are_not_repeated() -> None:
    for groups in (
        {"output": {"storage": "s3://key:se/cret@bucket/x"}},
        {"evaluate": {"data": "s3://key:se/cret@lake/x"}},
        {"deploy": {**BATCH, "out": {"place": "oss://key:se/cret@lake/${ds}"}}},
        {"candidates": {"experiments": [{"experiment": "a", "storage": "s3://key:se/cret@bucket"}]}},
    ):
        found = problems(**groups)
        assert found
        assert not any("cret" in each for each in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty. A model's file has at least: kind, name, candidates, evaluate."),
        ("[1]", "found a list where the file's keys are wanted"),
        ("name: churn\ngoal: {metric: x, direction: maximize}\n", "this is the file of an experiment, and a model is"),
        ("kind: experiment\nname: x\n", "this is the file of an experiment, and a model is wanted here"),
        ("kind: modell\nname: x\n", "'modell' is no kind of file. Allowed: experiment, model, annotation. Did"),
        ("kind: annotation\nname: x\n", "this is the file of an annotation project, and a model is wanted here"),
        ("kind: [model]\nname: x\n", "a list is no kind of file. Allowed: experiment, model, annotation."),
        ("name: churn\ncandidates: {experiments: [a]}\nevaluate: {data: x.csv}\n", "kind: 'kind' is missing"),
        ("kind: model\nkind: model\n", "kind"),
        ("kind: model\nname: [\n", ""),
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
    assert GOOD["kind"] == "model"
    assert text_of().startswith("kind: model\n")
