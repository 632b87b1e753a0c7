"""Classify texts by their words and characters, with a linear model: ``python train.py --config spec.yaml``.

Terms are learned from the texts to learn from alone. Runs of characters serve languages that put no spaces between
words, and misspellings. The training has one step, so there is nothing to resume; its metrics are printed once.
"""

from __future__ import annotations

from typing import Any

from features import KINDS, Features, joined, probabilities

from automl_core.training.config import Config, read_config
from automl_core.training.problems import TrainingError, run, say
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.rows import ROLES, Data, load
from automl_core.training.tabular import Judge

DEFAULTS: dict[str, Any] = {
    "tokens": "both",
    "word_ngrams": 2,
    "character_ngrams": 4,
    "min_texts": 1,
    "sublinear": True,
    "lowercase": True,
    "max_features": 200_000,
    "C": 1.0,
    "balanced": False,
    "threads": 1,
    "valid_fraction": 0.2,
    "split_seed": 0,
}


def main() -> None:
    """Train and measure once."""
    config = read_config("Classify texts by TF-IDF and a linear model.")
    params = config.values(DEFAULTS)
    if params["tokens"] not in KINDS:
        raise TrainingError(f"{config.source}: tokens must be {', '.join(KINDS)}; it is {params['tokens']!r}")
    data = load(config, task="classification", valid_fraction=params["valid_fraction"], split_seed=params["split_seed"])
    names = text_columns(config, data)
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    progress = Progress()
    with threadpool_limits(params["threads"]):
        features = Features(params)
        rows, held = features.learn(joined(data.train.table, names)), joined(data.valid.table, names)
        classifier = LogisticRegression(
            C=params["C"], class_weight="balanced" if params["balanced"] else None, max_iter=1000
        )
        classifier.fit(rows, data.train.truth, sample_weight=data.train.weights)
        if classifier.n_iter_.max() >= classifier.max_iter:
            say(f"not converged after {classifier.max_iter} iterations: a smaller C converges sooner")
        judge = Judge(data)
        outputs = probabilities(features.apply(held), classifier.coef_, classifier.intercept_)
        learned = probabilities(rows, classifier.coef_, classifier.intercept_)
    metrics = {**judge.measure(learned, "train"), **judge.measure(outputs, "valid")}
    progress.see(1, metrics["valid_loss"], metrics)
    report(1, metrics)
    features.save(config.model_dir, {"weight": classifier.coef_, "bias": classifier.intercept_})
    judge.finish(
        config.model_dir, "text-classification", outputs, progress, params, ["scikit-learn", "numpy"], text=names
    )


def text_columns(config: Config, data: Data) -> list[str]:
    """``columns.text`` or ``columns.features``; else the one column that has no other role.

    Raises:
        TrainingError: it can't be told.
    """
    named = config.column_list("text") or config.column_list("features")
    others = {config.column(role) for role in ROLES}
    left = [name for name in data.train.table.column_names if name not in others]
    if named is None and len(left) != 1:
        raise TrainingError(
            f"{config.source}: columns.text is missing: which of {', '.join(map(repr, left))} is the text?"
        )
    return named or left


if __name__ == "__main__":
    run(main)
