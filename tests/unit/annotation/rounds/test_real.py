"""Three rounds with real models, trained by the library for tables on the data set versions that rounds write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from automl_core import modelfile
from automl_core.annotation.project import Source
from automl_core.annotation.rounds import predict, predictions, write_set
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.choosing import suspected
from automl_core.data import read_table
from automl_core.tabular import Options
from automl_core.tabular.prepared import prepare
from automl_core.tabular.program.predictions import write_predictions
from automl_core.tabular.trial import run_trial
from tests.unit.annotation.rounds.world import BY, World, file_of, texts

ROLES = {"target": "label", "weight": "weight", "ids": ("item",), "ignore": ("source",), "structure": False}
LEARNERS = {"linear": "linear", "bayes": "naive_bayes"}


def trained(world: World, experiment: str, run: str) -> None:
    """What an experiment with the template for tables leaves: a model's folder, and what folds said of rows held out.

    Without its search: one pipeline, whose folds' models answer together.
    """
    options = Options(test_share=0.0, validation="k-fold", folds=3, repeats=1, **ROLES)  # type: ignore[arg-type]
    prepared = prepare(read_table(world.newest()), options)
    result = run_trial(prepared, {"learner": LEARNERS[experiment]})
    assert result.usable, result.reason
    members = [{"weight": 1 / len(result.models), **model} for model in result.models if model is not None]
    problem = {"kind": prepared.problem.kind, "target": "label", "classes": list(prepared.problem.classes)}
    model = modelfile.write(
        world.root / f"{experiment}-{run}", members=members, schema=prepared.schema, problem=problem,
        golden=[{"text": "i want to buy"}], made={},
    )  # fmt: skip
    world.publish(experiment, run, model)
    held = world.root / "runs" / experiment / run / "experiment_0" / "model"
    held.mkdir(parents=True)
    write_predictions(held, prepared, result.outputs)


def test_three_rounds_with_real_models(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, models=[{"experiment": "linear"}, {"experiment": "bayes"}], select={"many": 70, "random_share": 0.3},
        items={"columns": ["text"]}, stop={"rounds": 3},
    )  # fmt: skip
    world = World(tmp_path, file, texts(400, sure=0.8))
    accuracy = []
    for number in (1, 2, 3):
        predicted, settled, chosen = world.begin(number)
        assert chosen.items == 70
        if number == 2:  # in a process of its own it is the same
            apart = replace(world.reach, apart=True)
            again = predict(world.project, file, number, world.models(), apart, tmp_path)
            assert (again.key, again.held_out) == (predicted.key, predicted.held_out)
        if number > 1:
            assert predicted.models == (f"linear@r{number - 1}", f"bayes@r{number - 1}")
            assert predicted.held_out == world.project.state.sets[number - 1].rows
            assert settled.threshold == 1 or number == 3
        world.people()
        if number == 3:
            break
        version = write_set(world.project, file, number, BY)
        for experiment in LEARNERS:
            trained(world, experiment, f"r{number}")
            world.project.trained(number, version.number, experiment, f"r{number}", "FINISHED", {"name": "m"}, BY)
        world.end(number, {"linear": f"r{number}", "bayes": f"r{number}"})
        evidence = world.project.state.rounds[number].evaluation.evidence  # type: ignore[union-attr]
        accuracy.append(max(each["accuracy"] for each in evidence["models"]))
    assert accuracy[-1] > 0.85
    assert [each.look for each in world.project.state.thresholds.values()][:1] == [1]
    taken = {number: each.label for number, each in world.project.state.taken.items()}
    right = [world.truth[str(world.project.catalog.content(world.project.catalog.id_of(number))["text"])] == label
             for number, label in taken.items()]  # fmt: skip
    assert len(taken) > 40
    assert np.mean(right) > 0.9


def test_labels_that_are_probably_wrong_are_found_by_folds_that_had_not_seen_them(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, models=[{"experiment": "linear"}, {"experiment": "bayes"}],
        select={"many": 200, "random_share": 0.1, "stratum_share": 0.2}, agree="off",
    )  # fmt: skip
    world = World(tmp_path, file, texts(220, sure=0.95), errors=0.06)
    world.begin(1)
    world.people()
    write_set(world.project, file, 1, BY)
    trained(world, "bayes", "r1")
    predicted, _, chosen = world.begin_again(2)
    table = predictions.read(world.store, str(predicted.key))
    found = suspected(table, Answers.of(world.project, file))
    assert found is not None
    numbers, suspects = found
    state, catalog = world.project.state, world.project.catalog

    def wrong(number: int) -> bool:
        (vote,) = state.answers(number)
        return vote.label != world.truth[str(catalog.content(catalog.id_of(number))["text"])]

    flagged = [number for number, is_one in zip(numbers, suspects.flagged, strict=True) if is_one]
    mistakes = [number for number in numbers if wrong(number)]
    assert len(mistakes) >= 5
    assert len(set(flagged) & set(mistakes)) >= 0.6 * len(mistakes)
    back = world.project.state.batches[2].of_kind("suspect")
    assert back
    assert chosen.kinds["suspect"] == len(back)
    assert sum(map(wrong, back)) >= 0.6 * len(back)
    assert all(vote.source is Source.PERSON for number in back for vote in state.answers(number))
