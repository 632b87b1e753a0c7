"""Run one of TAO's commands as a training task: ``python3 run_tao.py dino train -e SPEC``.

It goes along into the container, and needs Python 3.8, PyYAML for a spec in YAML (which TAO's containers have), and
nothing else. TAO knows one folder, ``results_dir``; a trial has two, one for its model and one for checkpoints that
outlive the attempt. So this program

- puts into the spec the *file* of the checkpoint to go on from, and intervals that end with the last epoch;
- brings each checkpoint into ``AUTOML_CHECKPOINT_DIR`` once it is whole, by a link or a copy and a rename, and takes
  those away that nothing goes on from any more;
- leaves in ``AUTOML_MODEL_DIR`` the checkpoint of the best epoch, the status file and the spec;
- for any other action, puts the trial's checkpoint into the spec; in ``conclude`` that of the best trial, whose model
  it brings along.

Settings are environment variables, so that ``tasks: {train: {env: …}}`` changes them: ``TAO_METRIC`` and
``TAO_DIRECTION`` (which epoch is best; by the experiment's goal without them), ``TAO_KEEP`` (``auto``, ``best``,
``terminal``),
``TAO_DELETE_INTERMEDIATE``, ``TAO_RESUME`` (key of the checkpoint to go on from), ``TAO_EPOCHS`` (key of the number of
epochs, and those of the intervals), ``TAO_PUT`` (JSON: key of the spec → text, in it ``{checkpoint}``, ``{results}``),
``TAO_DATA`` (JSON: key of the spec → the data sets that it may be filled with, and what of them),
``TAO_KEY`` (of a classic container: the key that encrypts its models), ``TAO_POLL`` (seconds between two looks).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# they lie beside this file where it runs
from tao_checkpoints import (  # type: ignore[import-not-found]
    ABOUT,
    Folders,
    Keeper,
    Wrong,
    bring,
    checkpoints_in,
    say,
    write,
)

SPEC = "spec"
"""Name of the spec that was really used, in the model folder; its ending is that of the spec given."""

REPLACED = 75
"""Exit code where another attempt has taken the checkpoint folder over."""


def put(spec: dict[str, Any], key: str, value: Any) -> None:
    """Set a value at a place with dots; None takes it away."""
    *groups, last = key.split(".")
    here = spec
    for group in groups:
        below = here.get(group)
        if not isinstance(below, dict):
            if value is None:
                return
            below = here[group] = {}
        here = below
    if value is None:
        here.pop(last, None)
    else:
        here[last] = value


def get(spec: dict[str, Any], key: str) -> Any:
    """What stands at a place with dots."""
    here: Any = spec
    for part in key.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def settled(spec: dict[str, Any], keys: list[str]) -> None:
    """Make intervals such that the last epoch is evaluated and saved: the longest that is none too long, and fits.

    Args:
        spec: changed.
        keys: of the number of epochs, and of the intervals.
    """
    epochs = get(spec, keys[0]) if keys else None
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        return
    for key in keys[1:]:
        stated = get(spec, key)
        if isinstance(stated, bool) or not isinstance(stated, int) or stated < 1:
            continue
        fits = max(each for each in range(1, min(stated, epochs) + 1) if epochs % each == 0)
        if fits != stated:
            say(f"{key} is {fits} in place of {stated}, so that epoch {epochs} is its last")
            put(spec, key, fits)


def filled(spec: dict[str, Any], environ: dict[str, str]) -> None:
    """Put the experiment's data sets where the network's spec names its data, unless it names some already.

    Args:
        spec: changed.
        environ: has ``TAO_DATA`` (key of the spec → which data sets, what in them) and ``AUTOML_DATA_…``.

    Raises:
        Wrong: a data set is no folder that TAO could read.
    """
    for key, source in json.loads(environ.get("TAO_DATA", "{}")).items():
        places = [environ[name] for name in map(variable, source["data"]) if environ.get(name)]
        if not places or get(spec, key) not in (None, [], {}, ""):
            continue
        if re.match(r"[a-z0-9]+://", places[0]):
            raise Wrong(f"{key} is to be in {places[0]}, and TAO reads folders: mount it where the training runs")
        folder = Path(places[0])
        if "fields" in source:
            value: Any = {name: inside(folder, each) for name, each in source["fields"].items()}
        else:
            value = inside(folder, source["name"])
        put(spec, key, [value] if source["list"] else value)


def variable(data: str) -> str:
    """The environment variable with the place of a data set."""
    return "AUTOML_DATA_" + data.upper()


def inside(folder: Path, name: str) -> str:
    """A file or folder of a data set; an archive of its name where only that is there."""
    path = folder / name if name else folder
    archive = path.with_name(path.name + ".tar.gz")
    return str(archive if not path.exists() and archive.exists() else path)


def best_trial(file: str) -> tuple[Path, dict[str, Any]]:
    """The model folder of the best trial, and what is told of that trial.

    Args:
        file: as ``AUTOML_TRIALS_FILE`` names it.
    """
    with open(file, encoding="utf-8") as stream:
        trials = json.load(stream)["trials"]
    ranked = [each for each in trials if each.get("rank") is not None and each.get("model")]
    if not ranked:
        raise Wrong("no trial has left a model")
    found = min(ranked, key=lambda each: each["rank"])
    if re.match(r"[a-z0-9]+://", found["model"]):
        raise Wrong("the best trial's model is {}, and TAO reads folders: conclude needs a shared folder, or runs on "
                    "a worker (backend: local)".format(found["model"]))  # fmt: skip
    return Path(found["model"]), found


def main(arguments: list[str], environ: dict[str, str]) -> int:
    """Run it.

    Args:
        arguments: TAO's command: network, action, options.
        environ: the environment.

    Returns:
        The exit code of TAO's command.
    """
    if len(arguments) < 2:
        raise Wrong("NETWORK ACTION [OPTION…] is wanted, such as: dino train -e spec.yaml")
    folders, action = Folders(environ), arguments[1]
    assert folders.model is not None
    folders.model.mkdir(parents=True, exist_ok=True)
    if action == "train":
        return _train(arguments, folders, environ)
    return _other(arguments, folders, environ)


def _train(arguments: list[str], folders: Folders, environ: dict[str, str]) -> int:
    assert folders.model is not None
    at = _option(arguments, "-e")
    if at is None:
        raise Wrong("-e names the spec file")
    given = Path(arguments[at])
    classic = _option(arguments, "-r") is not None
    results = folders.model if classic else folders.model / "train"
    there = checkpoints_in(folders.resume)
    start = there[-1] if there else None
    keeper = Keeper(results, folders, environ, start)
    spec = folders.model / (SPEC + given.suffix)
    if given.suffix in (".yaml", ".yml"):
        body = _read(given)
        if environ.get("TAO_RESUME"):
            put(body, environ["TAO_RESUME"], None if start is None else str(start))
        filled(body, environ)
        if "results_dir" in body:
            put(body, "results_dir", str(folders.model))
        settled(body, environ.get("TAO_EPOCHS", "").split())
        _write(spec, body)
    else:
        shutil.copyfile(str(given), str(spec))
        if start is not None:  # it finds by itself what lies in its results folder
            bring(start, results / start.name)
            keeper.placed.append(start.name)
    if start is not None:
        say(f"goes on from {start}")
    command = [*arguments[:at], str(spec), *arguments[at + 1 :]]
    code = _run(command, keeper, folders, environ)
    if code == 0:
        keeper.conclude()
    return code


def _other(arguments: list[str], folders: Folders, environ: dict[str, str]) -> int:
    """An action on a model that is there: the trial's, or in ``conclude`` the best trial's."""
    assert folders.model is not None
    action = arguments[1]
    if folders.trials and not (folders.model / ABOUT).is_file():
        source, trial = best_trial(folders.trials)
        say("of trial {}: {}".format(trial.get("number"), source))
        for path in sorted(source.rglob("*")):
            if path.is_file() and not path.is_symlink():
                bring(path, folders.model / path.relative_to(source))
    try:
        about = json.loads((folders.model / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Wrong(f"{folders.model} has no {ABOUT}: `train` of this program leaves it there") from None
    checkpoint = folders.model / about["checkpoint"]
    specs = sorted(folders.model.glob(SPEC + ".y*ml"))
    if not specs:
        raise Wrong(f"{folders.model} has no spec in YAML; an action other than train needs one")
    body = _read(specs[0])
    (folders.model / action).mkdir(exist_ok=True)
    put(body, "results_dir", str(folders.model))
    if environ.get("TAO_RESUME"):
        put(body, environ["TAO_RESUME"], None)
    put(body, "train.resume_training_checkpoint_path", None)
    filled(body, environ)
    for key, text in json.loads(environ.get("TAO_PUT", "{}")).items():
        if isinstance(text, str):
            text = text.replace("{checkpoint}", str(checkpoint)).replace("{results}", str(folders.model))
        put(body, key, text)
    spec = folders.model / action / (SPEC + ".yaml")
    _write(spec, body)
    return _run([*arguments[:2], "-e", str(spec), *arguments[2:]], None, folders, environ)


def _run(command: list[str], keeper: Keeper | None, folders: Folders, environ: dict[str, str]) -> int:
    if environ.get("TAO_KEY") and _option(command, "-r") is not None:
        command = [*command, "-k", environ["TAO_KEY"]]
    every = float(environ.get("TAO_POLL", "1"))
    try:
        child = subprocess.Popen(command)
    except FileNotFoundError:
        raise Wrong(
            f"there is no program {command[0]!r} here: this runs in TAO's container, or where TAO is installed"
        ) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: child.send_signal(which))
    while True:
        try:
            code = child.wait(every)
            break
        except subprocess.TimeoutExpired:
            pass
        if folders.replaced():
            say("another attempt has taken over")
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            return REPLACED
        if keeper is not None:
            keeper.look()
    if keeper is not None and not folders.replaced():
        keeper.look(last=code == 0)
    return code if code >= 0 else 128 - code


def _option(arguments: list[str], name: str) -> int | None:
    """Where an option's value stands."""
    return arguments.index(name) + 1 if name in arguments[:-1] else None


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise Wrong("PyYAML is missing here: pip install pyyaml") from None
    return yaml


def _read(path: Path) -> dict[str, Any]:
    body = _yaml().safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(body, dict):
        raise Wrong(f"{path} is no mapping")
    return body


def _write(path: Path, body: dict[str, Any]) -> None:
    write(path, _yaml().safe_dump(body, sort_keys=False, allow_unicode=True))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], dict(os.environ)))
    except Wrong as error:
        say(str(error))
        sys.exit(1)
