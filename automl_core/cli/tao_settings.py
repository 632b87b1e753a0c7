"""``automl import tao-settings``: what a notebook asks NVIDIA TAO for, as an experiment file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def tao_settings(
    settings: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSON or YAML: the settings, or all arguments of AutoML(…) with `settings`."
        ),
    ],
    network: Annotated[
        str | None, typer.Option("--network", "-n", help="As TAO calls it; may be left out where the file names it.")
    ] = None,
    specs: Annotated[
        str | None,
        typer.Option("--train-specs", metavar="FILE", help="The base spec, relative to the file that is written."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of the experiment; the session's or network's if none.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="TAO's container: trials are pods. Processes of the worker if none.")
    ] = None,
    storage: Annotated[
        str | None, typer.Option("--storage", metavar="PATH", help="Model storage path, such as s3://models/automl.")
    ] = None,
    connection: Annotated[str | None, typer.Option("--connection", help="Airflow connection of that storage.")] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", help="Of pods: the volume claim that has the folder of the storage.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Trials at the same time; one if none, as in TAO.")
    ] = None,
    conclude: Annotated[
        list[str] | None,
        typer.Option("--conclude", metavar="ACTION", help="On the best trial in the end: evaluate, export, …"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="experiments/NAME.yaml if none; - prints it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Write an experiment file from TAO's settings, in today's words or those of 2023.

    What became of each setting stands in the file. One that TAO hasn't, or that would do something else here than it
    says, is refused, with what to say in its place.
    """
    from automl_core.cli.new import write_file
    from automl_core.cli.output import print_json
    from automl_core.cli.places import FOLDER, UserError, home
    from automl_core.preview.checks import examine_text
    from automl_core.tao.settings import experiment_of, network_of
    from automl_core.tao.settings_text import text_of

    call = _read(settings)
    if specs is not None:
        call = {**call, "train_specs": specs}
    named = network or network_of(call)
    if named is None:
        raise UserError("say which network: --network dino")
    template = _template(named, output)
    pod = _pod(image, storage, claim)
    stated = {"storage": storage, "connection": connection}
    output_group = {key: value for key, value in stated.items() if value is not None}
    brought = experiment_of(
        call, template, name=name, pod=pod, concurrency=concurrency, conclude=conclude or (), output=output_group
    )
    text = text_of(brought, settings.name)
    path = output or home() / FOLDER / f"{brought.body['name']}.yaml"
    shown = output == Path("-")
    examined = examine_text(text, str(path), home(), None if shown else path)
    if shown:
        print(text, end="")
        return
    write_file(path, text, force=force)
    if as_json:
        print_json({"file": str(path), "notes": brought.notes, "experiment": brought.body})
        return
    print(f"{path}: {brought.body['name']}, from {template.label}")
    for note in brought.notes:
        print(f"  note       {note}")
    for warning in examined.warnings:
        print(f"  look at    {warning}")
    print(f"  look       automl preview {path}")


def _pod(image: str | None, storage: str | None, claim: str | None) -> dict[str, Any] | None:
    """What a training task in a pod has; None where trials are processes of the worker."""
    from automl_core.cli.places import UserError

    if image is None:
        if claim is not None:
            raise UserError("--claim is of pods: name TAO's container with --image")
        return None
    if storage is not None and not storage.startswith("file:"):
        return {"image": image, "artifacts": {}}
    if claim is None:
        raise UserError("pods have to find the model storage path: --storage s3://… or --claim VOLUME-CLAIM")
    return {"image": image, "storage_mount": {"path": "/mnt/automl", "claim": claim}}


def _read(file: Path) -> Mapping[str, Any]:
    from automl_core.cli.places import UserError
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import read_text
    from automl_core.spec.yaml_reader import read_yaml

    text = read_text(file)
    if file.suffix.lower() == ".json":
        try:
            data = json.loads(text)
        except ValueError as error:
            raise UserError(f"{file} is not JSON: {error}") from None
    else:
        document = read_yaml(text, str(file))
        if document.problems:
            raise SpecError(document.problems)
        data = document.data
    if not isinstance(data, Mapping):
        raise UserError(f"{file} holds no mapping of settings")
    return data


def _template(network: str, output: Path | None) -> Any:
    from automl_core.templates.places import Places, parse_reference
    from automl_core.templates.version import read_template

    places = Places.of(output if output is not None and output != Path("-") else None)
    reference = places.latest(parse_reference(f"tao/{network}"))
    return read_template(places.find(reference))
