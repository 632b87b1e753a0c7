"""The names of TAO's settings: today's, those of 2023, what each is read as, and what has no meaning here.

Today's are `KNOWN_AUTOML_SETTINGS` of nvidia-tao-automl 7.2.0 and the arguments of its `AutoML`; those of 2023 are of
the toolkit's API notebooks (`automl_settings`). Of both, docs/tao.md has a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show

ALIASES: Mapping[str, str] = {
    # of 2023
    "automl_algorithm": "algorithm",
    "automl_R": "automl_max_epochs",
    "R": "automl_max_epochs",
    "automl_nu": "automl_reduction_factor",
    "nu": "automl_reduction_factor",
    "max_recommendations": "automl_max_recommendations",
    "automl_add_hyperparameters": "additional_automl_parameters",
    "automl_remove_hyperparameters": "remove_default_automl_parameters",
    # of today's runner
    "num_recommendations": "automl_max_recommendations",
    "multi_objective": "latency_objective",
    "include_latency": "latency_objective",
    "base_url": "llm_endpoint",
    "model": "llm_model",
    "api_key": "llm_api_key",
    "enable_llm_range_narrowing": "hybrid_enable_llm_range_narrowing",
}
"""Other names of a setting → the one that it is read as."""

USED = frozenset(
    {
        "algorithm", "metric", "direction", "objectives", "metric_weight", "metric_scale", "latency_objective",
        "latency_metric", "latency_direction", "latency_weight", "latency_scale", "session_id", "experiment_id",
        "automl_max_recommendations", "automl_max_epochs", "automl_reduction_factor", "epoch_multiplier",
        "automl_max_concurrent", "automl_max_trials", "automl_min_top_configs", "automl_population_size",
        "automl_max_generations", "automl_eval_interval", "automl_perturbation_factor", "automl_mutation_factor",
        "automl_crossover_prob", "automl_min_early_stop_epochs", "automl_kde_samples", "automl_top_n_percent",
        "automl_hyperparameters", "additional_automl_parameters", "remove_default_automl_parameters",
        "custom_param_ranges", "automl_delete_intermediate_ckpt", "automl_checkpoint_retention_strategy",
        "run_baseline", "run_final_evaluation", "hybrid_enable_llm_range_narrowing", "train_specs", "network", "action",
    }
)  # fmt: skip
"""Settings that become something of an experiment."""

_SAMPLES = "the number of samples is read from the data (docs/tao.md, Search)"
_RECORDS = "a baseline is a trial of this run, and its value stands in the result: nothing is recorded apart"
_FINAL = "the final evaluation is a training task of this run: its value comes from there"

SAID: Mapping[str, str] = {
    "automl_enabled": "every experiment is a search",
    "automl_early_stop_threshold": "curves are extrapolated with their uncertainty, so no least R² is asked of a fit",
    "automl_min_points_in_model": "the density model begins with one point more than there are parameters",
    "automl_retain_failed_artifacts": "checkpoints of failed trials stay until the run is published, their logs always",
    "baseline_metric": _RECORDS,
    "baseline_record_path": _RECORDS,
    "final_evaluation": _FINAL,
    "final_evaluation_metric": _FINAL,
    "final_evaluation_record_path": _FINAL,
    "reuse_best_metric_for_final_evaluation": _FINAL,
    "evaluation_records_dir": _RECORDS,
    "allow_unsafe_effective_batch": _SAMPLES,
    "resume": "a run goes on by itself from its journal",
    "override_automl_disabled_params": "each parameter that isn't searched by default can be added by its name",
    "llm_endpoint": "no language model is asked",
    "llm_model": "no language model is asked",
    "llm_api_key": "no language model is asked; take the key out of the file",
    "llm_temperature": "no language model is asked",
    "llm_max_tokens": "no language model is asked",
    "llm_analysis_interval": "no language model is asked",
    "workspace": "what runs leave lies in the model storage path (output.storage)",
    **dict.fromkeys(
        (
            "train_sample_count", "training_sample_count", "num_train_samples", "train_samples",
            "dataset_sample_count", "dataset_size", "samples_per_epoch", "dataset.train_sample_count",
            "dataset.num_train_samples", "custom.train_dataset.sample_count", "custom.train_dataset.num_samples",
            "custom.train_dataset.size",
        ),
        _SAMPLES,
    ),
}  # fmt: skip
"""Settings that change nothing here → why; they are told, never dropped in silence."""

REFUSED: Mapping[str, tuple[str, str]] = {
    "automl_range_override": (
        "it is accepted by TAO 7.2.0 and has no effect there",
        "Give the ranges as custom_param_ranges",
    ),
    "research_program": ("it belongs to autoresearch, which asks a language model", "Take it out"),
    "evolvable_text_parameters": ("it belongs to autoresearch, which asks a language model", "Take it out"),
    "automl_max_experiments": ("it belongs to hybrid and autoresearch, which ask a language model",
                               "Say automl_max_recommendations"),
    "wandb_config": ("trials are shown by this product's own pages, and TAO logs to Weights & Biases by its spec",
                     "Give train_specs a group wandb"),
    "search_schema": ("the schema is the template's", "Lay it beside the templates as tao/NETWORK.json (docs/tao.md)"),
}  # fmt: skip
"""Settings that would do something else than they say → why, and what to do."""

ARGUMENTS = frozenset({"settings", "automl_settings"})
"""Keys of a call under which the settings stand in a group of their own."""


def flat(call: Mapping[str, Any]) -> tuple[dict[str, tuple[str, Any]], list[Problem]]:
    """The settings of a call by their canonical names.

    Args:
        call: the settings, or the arguments of ``AutoML(…)`` with the settings under ``settings``.

    Returns:
        Name → the name that was written and the value; and what is wrong.
    """
    found: dict[str, tuple[str, Any]] = {}
    problems: list[Problem] = []
    for key, value in _entries(call):
        name = ALIASES.get(key, key)
        if (
            name not in USED
            and name not in SAID
            and name not in REFUSED
            and name != "hybrid_enable_llm_range_narrowing"
        ):
            known = [*USED, *SAID, *REFUSED, *ALIASES]
            problems.append(Problem("TAO has no such setting", (key,), found=key, suggestion=did_you_mean(key, known)))
        elif name in found and found[name][1] != value:
            other, before = found[name]
            problems.append(
                Problem(f"it is the same as {other}, which is {show(before)}", (key,), found=show(value),
                        suggestion="Give one of them")
            )  # fmt: skip
        elif name in REFUSED:
            why, advice = REFUSED[name]
            problems.append(Problem(why, (key,), found=show(value), suggestion=advice))
        else:
            found[name] = (key, value)
    return found, problems


def _entries(call: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in call.items():
        if key in ARGUMENTS and isinstance(value, Mapping):
            yield from value.items()
        elif value is not None:
            yield key, value
