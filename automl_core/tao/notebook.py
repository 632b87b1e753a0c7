"""For a notebook: settings in, an experiment file out, as `automl import tao-settings` does on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_core.tao.settings import experiment_of
from automl_core.tao.settings_text import text_of
from automl_core.templates.places import Places, parse_reference
from automl_core.templates.version import read_template


def experiment_text(
    network: str, settings: Mapping[str, Any], *, train_specs: Mapping[str, Any] | str | None = None,
    automl_hyperparameters: list[str] | None = None, custom_param_ranges: Mapping[str, Any] | None = None,
    name: str | None = None, pod: Mapping[str, Any] | None = None, concurrency: int | None = None,
    conclude: Sequence[str] = (), output: Mapping[str, Any] | None = None, places: Places | None = None,
) -> str:  # fmt: skip
    """The experiment file of settings; the arguments are those of TAO's ``AutoML(…)``, and then ours.

    Args:
        network: as TAO calls it; its template comes from the package (the extra ``tao``) or from a folder of templates.
        settings: in today's words or those of 2023.
        train_specs: the base spec, or the path of its file beside the experiment's.
        automl_hyperparameters: the whole list of what is searched.
        custom_param_ranges: parameter → ``valid_min``, ``valid_max``, ``valid_options``, ``option_weights``.
        name: of the experiment.
        pod: keys of a training task in a pod, such as ``image`` and ``storage_mount``; a process of the worker where
            None.
        concurrency: trials at once.
        conclude: actions on the best trial's model, once the search is over: ``evaluate``, ``export``, …
        output: where models go: ``storage``, ``connection``, ``keep_models``.
        places: where templates lie; those that this machine has where None.

    Raises:
        SpecError: there is no such template, or a setting can't be taken.
    """
    found = places or Places.of()
    template = read_template(found.find(found.latest(parse_reference(f"tao/{network}"))))
    call = {
        "settings": dict(settings), "train_specs": train_specs, "automl_hyperparameters": automl_hyperparameters,
        "custom_param_ranges": custom_param_ranges,
    }  # fmt: skip
    given = {key: value for key, value in call.items() if value is not None}
    brought = experiment_of(
        given, template, name=name, pod=pod, concurrency=concurrency, conclude=conclude, output=output
    )
    return text_of(brought)


def write_experiment(file: str | Path, network: str, settings: Mapping[str, Any], **more: Any) -> Path:
    """Write it; arguments as `experiment_text`. What was there is written over."""
    path = Path(file)
    path.write_text(experiment_text(network, settings, **more), encoding="utf-8")
    return path
