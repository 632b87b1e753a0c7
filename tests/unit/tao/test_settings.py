"""TAO's settings as an experiment file: each row of docs/tao.md's table, in both vocabularies."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.tao.containers import CONTAINERS
from automl_core.tao.settings import Brought, experiment_of
from automl_core.tao.settings_goal import guessed
from automl_core.tao.settings_search import ALGORITHMS
from automl_core.tao.settings_text import text_of
from automl_core.tao.vocabulary import ALIASES, REFUSED, SAID, USED
from automl_core.templates.loading import parse_experiment
from automl_core.templates.places import Places
from automl_core.templates.version import Template, read_template
from tests.sources import ROOT
from tests.support.tao_networks import folder_of

GOAL = {"metric": "val_mAP50", "direction": "maximize"}


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return read_template(folder_of("dino", tmp_path_factory.mktemp("templates")))


@pytest.fixture
def brought(dino: Template) -> Any:
    """Bring settings; the file that comes of it is a whole experiment."""

    def bring(call: dict[str, Any], **more: Any) -> tuple[Brought, Experiment]:
        found = experiment_of(call, dino, **more)
        places = Places((dino.folder.parents[2],))
        return found, parse_experiment(text_of(found), "file", places)

    return bring


def refused(call: dict[str, Any], template: Template) -> list[str]:
    with pytest.raises(SpecError) as error:
        experiment_of(call, template)
    return [str(problem) for problem in error.value.problems]


def hyperband(**more: Any) -> dict[str, Any]:
    return {"budget": {"name": "epochs", "min": 1, "max": 27, "factor": 3}, "max": 42, **more}


@pytest.mark.parametrize(
    ("settings", "search", "trials"),
    [
        ({"algorithm": "bayesian"}, {"algorithm": "bayesian"}, {"max": 20}),
        ({"algorithm": "B", "num_recommendations": 7}, {"algorithm": "bayesian"}, {"max": 7}),
        ({"automl_algorithm": "bayesian", "automl_max_recommendations": "12"}, {"algorithm": "bayesian"}, {"max": 12}),
        ({"algorithm": "bfbo"}, {"algorithm": "bayesian"}, {"max": 20}),
        ({"algorithm": "hyperband"}, {"algorithm": "hyperband"}, hyperband()),
        ({"algorithm": "h", "automl_R": 9, "automl_nu": 3, "epoch_multiplier": 2}, {"algorithm": "hyperband"},
         {"max": 12, "budget": {"name": "epochs", "min": 2, "max": 18, "factor": 3}}),
        ({"algorithm": "hyperband", "automl_max_epochs": 16, "automl_reduction_factor": 4,
          "automl_max_recommendations": 5}, {"algorithm": "hyperband"},
         {"max": 5, "budget": {"name": "epochs", "min": 1, "max": 16, "factor": 4}}),
        ({"algorithm": "hes", "automl_min_early_stop_epochs": 4}, {"algorithm": "hyperband"},
         hyperband(early_stopping={"rule": "learning_curve", "delay": 4})),
        ({"algorithm": "bohb", "automl_kde_samples": 32, "automl_top_n_percent": 20},
         {"algorithm": "bohb", "options": {"candidates": 32, "good": 0.2}}, hyperband()),
        ({"algorithm": "dehb", "automl_mutation_factor": 0.6, "automl_crossover_prob": 0.7},
         {"algorithm": "dehb", "options": {"F": 0.6, "CR": 0.7}}, hyperband()),
        ({"algorithm": "asha"}, {"algorithm": "asha"}, hyperband(max=135, concurrency=4)),
        ({"algorithm": "asha", "automl_max_trials": 30, "automl_max_concurrent": 8}, {"algorithm": "asha"},
         hyperband(max=30, concurrency=8)),
        ({"algorithm": "asha", "automl_min_top_configs": 2}, {"algorithm": "asha"}, hyperband(max=54, concurrency=4)),
        ({"algorithm": "pbt", "automl_population_size": 6, "automl_max_generations": 5, "automl_eval_interval": 2,
          "automl_perturbation_factor": 1.5},
         {"algorithm": "pbt", "options": {"population": 6, "perturbation": 1.5}},
         {"max": 30, "budget": {"name": "epochs", "min": 2, "max": 10}}),
    ],
)  # fmt: skip
def test_algorithms_and_their_settings(
    settings: dict[str, Any], search: dict[str, Any], trials: dict[str, Any], brought: Any
) -> None:
    found, experiment = brought({**settings, **GOAL})
    assert found.body["search"] == search
    assert found.body["trials"] == trials
    assert experiment.search.algorithm == search["algorithm"]


def test_tables_of_tao_have_as_many_combinations(brought: Any) -> None:
    """tests/assets/tao_hyperband.json: R = 27, nu = 3 has brackets of 27, 9 and 6."""
    found, _ = brought({"algorithm": "hyperband", **GOAL})
    assert found.body["trials"]["max"] == 27 + 9 + 6


def test_brackets_that_end_below_the_maximum_in_tao_are_said(brought: Any) -> None:
    found, _ = brought({"algorithm": "hyperband", "automl_max_epochs": 50, **GOAL})
    assert any("schedule: tao" in note for note in found.notes)
    found, _ = brought({"algorithm": "asha", "automl_max_epochs": 50, **GOAL})
    assert any("schedule: tao" in note for note in found.notes)
    found, _ = brought({"algorithm": "asha", "automl_max_epochs": 27, **GOAL})
    assert not any("schedule: tao" in note for note in found.notes)
    found, _ = brought({"algorithm": "hyperband", "epoch_multiplier": 2.7, **GOAL})
    assert found.body["trials"]["budget"]["max"] == 54
    assert any("epoch_multiplier 2.7: 2" in note for note in found.notes)


@pytest.mark.parametrize("name", ["llm", "Hybrid", "autoresearch"])
def test_what_asks_a_language_model_is_refused_with_what_to_use(name: str, dino: Template) -> None:
    [problem] = refused({"algorithm": name, **GOAL}, dino)
    assert "asks a language model" in problem
    assert "Use bayesian" in problem
    [problem] = refused({"algorithm": "bayesian", "enable_llm_range_narrowing": True, **GOAL}, dino)
    assert "enable_llm_range_narrowing" in problem


def test_unknown_ones_are_refused_with_the_nearest_name(dino: Template) -> None:
    problems = refused({"algorithm": "bayesain", "automl_max_recomendations": 3, "nonsense": 1, **GOAL}, dino)
    assert any("Did you mean 'automl_max_recommendations'?" in each for each in problems)
    assert any("Did you mean 'bayesian'?" in each for each in problems)
    assert any(each.startswith("nonsense: TAO has no such setting") for each in problems)
    assert "which algorithm searches" in refused(GOAL, dino)[0]


def test_two_names_of_one_setting_must_not_differ(dino: Template, brought: Any) -> None:
    [problem] = refused({"algorithm": "h", "automl_R": 9, "automl_max_epochs": 27, **GOAL}, dino)
    assert "it is the same as automl_R, which is 9" in problem
    found, _ = brought({"algorithm": "h", "automl_R": 9, "automl_max_epochs": 9, **GOAL})
    assert found.body["trials"]["budget"]["max"] == 9


@pytest.mark.parametrize("value", [0, -1, "many", 2.5, True, None, [3], 1e30])
def test_numbers_that_are_none_are_refused(value: Any, dino: Template) -> None:
    call = {"algorithm": "bayesian", "settings": {"automl_max_recommendations": value}, **GOAL}
    assert refused(call, dino)[0].startswith("automl_max_recommendations: ")


@pytest.mark.parametrize(
    ("settings", "goal"),
    [
        (GOAL, GOAL),
        ({"metric": "val_loss"}, {"metric": "val_loss", "direction": "minimize"}),
        ({"metric": "loss"}, {"metric": "val_loss", "direction": "minimize"}),
        ({"metric": "kpi"}, GOAL),
        ({"metric": "answer_accuracy"}, {"metric": "answer_accuracy", "direction": "maximize"}),
        ({}, None),
        ({"metric": "val_mAP50", "latency_objective": True, "latency_weight": 2, "latency_scale": 100},
         {"metric": {"val_mAP50": 1.0, "latency": -0.02}, "direction": "maximize"}),
        ({"metric": "val_loss", "metric_weight": 3, "multi_objective": "true", "latency_metric": "ms"},
         {"metric": {"val_loss": -3.0, "ms": -1.0}, "direction": "maximize"}),
        ({"objectives": ["val_mAP50", {"name": "params", "direction": "minimize", "weight": 0.5, "scale": 1000}]},
         {"metric": {"val_mAP50": 1.0, "params": -0.0005}, "direction": "maximize"}),
    ],
)  # fmt: skip
def test_metric_direction_and_objectives(settings: dict[str, Any], goal: Any, brought: Any) -> None:
    found, experiment = brought({"algorithm": "bayesian", **settings})
    assert found.body.get("goal") == goal
    if goal is None:
        assert experiment.goal.metric == "val_mAP50", "the template's: what TAO watches"
    if settings not in (GOAL,):
        assert found.notes, "what was not stated is said"


def test_a_direction_that_a_name_does_not_tell_is_asked_for(dino: Template) -> None:
    [problem] = refused({"algorithm": "bayesian", "metric": "fancy_thing"}, dino)
    assert "direction: whether more of fancy_thing is better" in problem
    [problem] = refused({"algorithm": "bayesian", "metric": "x", "direction": "up"}, dino)
    assert "maximize, minimize" in problem
    for wrong in ([], "val_mAP50", [3], [{"weight": 1}], [{"metric": "val_mAP50", "scale": 0}]):
        assert refused({"algorithm": "bayesian", "objectives": wrong}, dino)


@pytest.mark.parametrize("network", sorted(name for name, each in CONTAINERS.items() if each.metric))
def test_the_direction_of_what_a_network_watches_is_known(network: str) -> None:
    metric = CONTAINERS[network].metric
    assert metric is not None
    expected = "minimize" if any(part in metric for part in ("loss", "fid")) else "maximize"
    assert guessed(metric, network) == expected
    assert guessed(metric, "") in (expected, None), "and by its name never the other one"


def test_lists_of_parameters(brought: Any, dino: Template) -> None:
    default = [name for name, known in dino.parameters.items() if known.searched is True]
    offered = next(name for name, known in dino.parameters.items() if known.searched == "offered")
    found, experiment = brought(
        {"algorithm": "bayesian", "automl_hyperparameters": ["train.optim.lr", offered], **GOAL}
    )
    assert found.body["search"]["add"] == [offered]
    assert found.body["search"]["remove"] == [name for name in default if name != "train.optim.lr"]
    searched = {name for name, each in experiment.space.items() if each.type != "fixed"}
    assert searched == {"train.optim.lr", offered}
    found, _ = brought(
        {"algorithm": "bayesian", "automl_add_hyperparameters": f"['{offered}', 'train.optim.lr']",
         "remove_default_automl_parameters": ["train.optim.momentum"], **GOAL}
    )  # fmt: skip
    assert found.body["search"] == {"algorithm": "bayesian", "add": [offered], "remove": ["train.optim.momentum"]}
    assert any("train.optim.lr is searched by default" in note for note in found.notes)
    problems = refused({"algorithm": "bayesian", "automl_hyperparameters": ["train.optim.lrr"], **GOAL}, dino)
    assert "Did you mean 'train.optim.lr'?" in problems[0]
    assert "Leave it out" in refused({"algorithm": "bayesian", "automl_hyperparameters": [], **GOAL}, dino)[0]


def test_ranges(brought: Any, dino: Template) -> None:
    ranges = {
        "train.optim.lr": {"valid_min": 1e-5, "valid_max": 1e-3},
        "train.optim.momentum": {"valid_max": 0.95},
    }
    found, experiment = brought({"algorithm": "bayesian", "custom_param_ranges": ranges, **GOAL})
    assert found.body["space"] == {
        "train.optim.lr": {"low": 1e-5, "high": 1e-3}, "train.optim.momentum": {"high": 0.95}
    }  # fmt: skip
    lr: Any = experiment.space["train.optim.lr"]
    assert (lr.low, lr.high) == (1e-5, 1e-3)
    assert brought(
        {"algorithm": "b", "custom_param_ranges": [{"parameter": "train.optim.lr", "valid_max": 0.01}], **GOAL}
    )[0].body["space"] == {"train.optim.lr": {"high": 0.01}}
    for override, words in (
        ({"train.optim.lr": {"valid_min": 5, "valid_max": 1}}, "above"),
        ({"train.optim.lr": {"valid_maximum": 1}}, "Did you mean 'valid_max'?"),
        ({"train.optim.lrr": {"valid_max": 1}}, "Did you mean 'train.optim.lr'?"),
        ({"train.optim.lr": {"disable_list": True}}, "turns TAO's own rule"),
        ({"train.optim.lr": {"depends_on": "x"}}, "at_least or at_most"),
    ):
        assert words in refused({"algorithm": "b", "custom_param_ranges": override, **GOAL}, dino)[0]


def test_a_range_outside_of_the_schema_is_refused_by_the_file(brought: Any) -> None:
    with pytest.raises(SpecError, match="momentum"):
        brought({"algorithm": "b", "custom_param_ranges": {"train.optim.momentum": {"valid_max": 50}}, **GOAL})


def test_what_is_kept_and_what_runs_before_and_after(brought: Any, dino: Template) -> None:
    found, experiment = brought(
        {"algorithm": "bayesian", "automl_delete_intermediate_ckpt": False, "run_final_evaluation": True,
         "automl_checkpoint_retention_strategy": "terminal", "session_id": "my run/1", **GOAL}
    )  # fmt: skip
    assert found.body["name"] == "my-run-1"
    assert found.body["tasks"] == {"train": {"env": {"TAO_DELETE_INTERMEDIATE": "false", "TAO_KEEP": "terminal"}}}
    assert [task.name for task in experiment.conclude] == ["evaluate"]
    assert experiment.tasks[0].env["TAO_RESUME"] == "train.resume_training_checkpoint_path", "the template's stays"
    [problem] = refused({"algorithm": "b", "automl_checkpoint_retention_strategy": "bests", **GOAL}, dino)
    assert "Did you mean 'best'?" in problem


def test_actions_on_the_best_trial_in_the_end(brought: Any, dino: Template) -> None:
    found, experiment = brought(
        {"algorithm": "b", "run_final_evaluation": True, **GOAL}, conclude=["export", "evaluate", "quantize"]
    )
    assert [task.name for task in experiment.conclude] == ["evaluate", "export", "quantize"]
    assert json.loads(found.body["conclude"][1]["env"]["TAO_PUT"])["export.checkpoint"] == "{checkpoint}"
    for action, words in (("exprt", "Did you mean 'export'?"), ("train", "what trials do"), ("prune", "no action")):
        with pytest.raises(SpecError, match=re.escape(words)):
            experiment_of({"algorithm": "b", **GOAL}, dino, conclude=[action])


@pytest.mark.parametrize(("algorithm", "combinations"), [("bayesian", 20), ("hyperband", 42)])
def test_a_baseline_takes_no_place_of_the_search(algorithm: str, combinations: int, brought: Any) -> None:
    found, experiment = brought({"algorithm": algorithm, "run_baseline": True, **GOAL})
    assert found.body["search"] == {"algorithm": algorithm, "baseline": True}
    assert experiment.trials.max == combinations + 1
    assert "the defaults are one trial more" in text_of(found)
    found, _ = brought({"algorithm": algorithm, "run_baseline": "false", **GOAL})
    assert "baseline" not in found.body["search"]
    assert found.body["trials"]["max"] == combinations


def test_a_bucket_and_an_action_in_the_end_do_not_go_together(brought: Any, dino: Template) -> None:
    for more in ({"run_final_evaluation": True}, {}):
        with pytest.raises(SpecError, match="TAO reads no buckets"):
            experiment_of(
                {"algorithm": "b", **more, **GOAL}, dino, conclude=() if more else ("export",),
                output={"storage": "s3://models/automl"},
            )  # fmt: skip
    found, _ = brought({"algorithm": "b", **GOAL}, output={"storage": "s3://models/automl"})
    assert found.body["output"] == {"storage": "s3://models/automl"}
    found, _ = brought({"algorithm": "b", "run_final_evaluation": True, **GOAL}, output={"storage": "file:///shared"})
    assert found.body["conclude"]


def test_a_container_and_a_base_spec(brought: Any) -> None:
    specs = {"train": {"num_gpus": 2}, "dataset.num_classes": 3, "dataset": {"batch_size": 8}}
    found, experiment = brought(
        {"network": "dino", "train_specs": specs, "settings": {"algorithm": "bayesian", **GOAL},
         "run_final_evaluation": True},
        pod={"image": "registry.example.com/tao:6", "storage_mount": {"path": "/mnt/runs", "claim": "runs"}},
        concurrency=3, name="mine",
    )  # fmt: skip
    assert experiment.name == "mine"
    assert experiment.trials.concurrency == 3
    train: Any = experiment.tasks[0]
    assert (train.backend, train.image, train.resources.gpu) == ("kubernetes", "registry.example.com/tao:6", 2)
    assert train.command[:2] == ["python3", "${code_dir}/run_tao.py"]
    assert found.body["conclude"][0]["command"] == ["python3", "${code_dir}/run_tao.py", "dino", "evaluate"]
    assert experiment.spec_file is not None
    assert experiment.spec_file.base == {"train": {"num_gpus": 2}, "dataset": {"num_classes": 3, "batch_size": 8}}


def test_nothing_is_dropped_in_silence(brought: Any, dino: Template) -> None:
    for name in SAID:
        found, _ = brought({"algorithm": "bayesian", name: "something", **GOAL})
        assert any(note.startswith(name) for note in found.notes), name
    found, _ = brought({"algorithm": "bayesian", "llm_api_key": "sk-secret", **GOAL})
    assert "sk-secret" not in text_of(found)
    for name in REFUSED:
        [problem] = refused({"algorithm": "bayesian", name: "something", **GOAL}, dino)
        assert problem.startswith(f"{name}: "), name
    found, _ = brought({"algorithm": "bayesian", "automl_nu": 3, "automl_population_size": 4, **GOAL})
    assert any(note.startswith("automl_nu 3: bayesian trains each trial to its end") for note in found.notes)
    assert any(note.startswith("automl_population_size 4: bayesian has nothing of the kind") for note in found.notes)


def test_the_file_is_what_a_person_would_write(brought: Any) -> None:
    found, _ = brought({"algorithm": "bayesian", "automl_max_recommendations": 10, **GOAL})
    text = text_of(found, "settings.json")
    assert len(text.splitlines()) <= 10
    assert text.startswith("# From TAO's settings (settings.json).\nname: dino\n")
    assert yaml.safe_load(text)["search"] == {"algorithm": "bayesian"}


def test_the_documentation_has_every_setting() -> None:
    text = (ROOT / "docs" / "tao.md").read_text()
    section = text.partition("## Settings\n")[2].partition("\n## ")[0]
    missing = [name for name in {*USED, *ALIASES, *REFUSED, *SAID} if f"`{name}`" not in section]
    assert missing == []
    assert all(f"`{name}`" in section for name in ALGORITHMS)
