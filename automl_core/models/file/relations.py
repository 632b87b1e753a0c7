"""What the groups of a model's file say of one another."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.models.file.deploy import Batch, KubernetesBatch, MaxComputeBatch
from automl_core.models.file.evaluate import FEEDBACK
from automl_core.models.file.kubernetes import KubernetesServers
from automl_core.models.file.model import ModelFile
from automl_core.models.file.rolling import served_problems
from automl_core.models.file.values import Data, data_set_of
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import Path, Problem, did_you_mean, show
from automl_core.spec.placeholders import placeholders
from automl_core.spec.places import BadPlace, DataPlace, overlap, parse_place
from automl_core.spec.schedule import zone_problems
from automl_core.spec.values import filled_place


def relation_problems(file: ModelFile) -> Iterator[Problem]:
    """What is wrong between the groups of a file, without file and line.

    Args:
        file: of which each group by itself is right.
    """
    yield from _candidates(file)
    yield from _accept(file)
    yield from _evaluate(file)
    if file.batch is not None:
        yield from _batch(file, file.batch)
    if file.served is not None:
        yield from served_problems(file, file.served)
    yield from _feedback(file)
    yield from _watch(file)
    yield from _retrain(file)


def named_places(file: ModelFile) -> Iterator[tuple[Path, str]]:
    """Every place of data that a file names, each with its field; ``feedback`` is none."""
    given: list[tuple[Path, str | Data | None]] = [
        (("evaluate", "data"), None if file.evaluate.by_feedback else file.evaluate.data)
    ]
    if file.batch is not None:
        given += [(("deploy", "data"), file.batch.data), (("deploy", "out"), file.batch.out)]
    if file.feedback is not None:
        given += [(("feedback", "data"), file.feedback.data), (("feedback", "answers"), file.feedback.answers)]
    for where, each in given:
        if each is not None:
            yield (where if isinstance(each, str) else (*where, "place")), data_set_of(each).place


def dates_in(text: str) -> list[str]:
    """The dates of the run that a place names."""
    return [name for name, _ in placeholders(text) if name in RUN_DATES]


def _candidates(file: ModelFile) -> Iterator[Problem]:
    if file.candidates.look < 60:
        yield Problem(
            "once a minute is the most", ("candidates", "look"), found=show(file.candidates.look),
            allowed=("a duration of at least 1m",),
        )  # fmt: skip
    seen: set[tuple[str, str]] = set()
    for index, source in enumerate(file.sources):
        key = (source.experiment, str(source.storage).rstrip("/"))
        if key in seen:
            yield Problem(
                f"{source.experiment!r} stands there twice", ("candidates", "experiments", index),
                found=show(source.experiment),
            )  # fmt: skip
        seen.add(key)


def _accept(file: ModelFile) -> Iterator[Problem]:
    accept = file.accept
    if accept.by_itself and "when" not in accept.model_fields_set:
        yield Problem(
            "nobody is asked, so the condition under which a version is accepted has to stand in the file",
            ("accept", "when"), allowed=("better", "not_worse", "passes"), suggestion="For example: when: better",
        )  # fmt: skip
    if accept.when == "passes" and accept.margin:
        yield Problem(
            "margin is that of a difference, and `when: passes` looks at no difference", ("accept", "margin"),
            found=show(accept.margin), suggestion="Leave it out, or say when: better or not_worse",
        )  # fmt: skip
    if accept.when == "passes" and not file.evaluate.tests:
        yield Problem(
            "`when: passes` asks for regression tests, and evaluate has none", ("accept", "when"), found="passes",
            suggestion="Give `evaluate.tests`, or say when: better or not_worse",
        )  # fmt: skip


def _evaluate(file: ModelFile) -> Iterator[Problem]:
    evaluate = file.evaluate
    if evaluate.by_feedback and file.feedback is None:
        yield Problem(
            "the data are those of `feedback`, and the file has none", ("evaluate", "data"), found=FEEDBACK,
            allowed=("a place of data",), suggestion="Give `feedback: {data: …, key: …, outcome: …}`",
        )  # fmt: skip
    if evaluate.key is not None and evaluate.key == evaluate.target:
        yield Problem(
            f"{evaluate.key!r} is the target, which names no row", ("evaluate", "key"), found=show(evaluate.key)
        )
    if evaluate.target is not None and evaluate.target in evaluate.slices:
        yield Problem(
            f"{evaluate.target!r} is the target, by which no slice can be made",
            ("evaluate", "slices", evaluate.slices.index(evaluate.target)), found=show(evaluate.target),
        )  # fmt: skip


def _batch(file: ModelFile, deploy: Batch) -> Iterator[Problem]:
    data, out = data_set_of(deploy.data).place, data_set_of(deploy.out).place
    at: Path = ("deploy", "out") if isinstance(deploy.out, str) else ("deploy", "out", "place")
    dates = dates_in(data)
    if dates and not dates_in(out):
        yield Problem(
            f"`data` has ${{{dates[0]}}} in it and this has no date: each interval would overwrite the last", at,
            found=show(out), suggestion=f"For example: {out.rstrip('/')}/ds=${{ds}}",
        )  # fmt: skip
    if any(name == BUNDLE_DIR for name, _ in placeholders(out)):
        yield Problem("nothing is written into a DAG bundle", at, found=f"${{{BUNDLE_DIR}}}")
    target = _read(out)
    if target is not None and (target.is_pattern or target.has_many):
        yield Problem(f"{out} is a pattern, and predictions go to one place", at, found=show(out))
    elif target is not None:
        for where, text in named_places(file):
            source = _read(text)
            if where[:2] in (("deploy", "out"), ("feedback", "answers")) or source is None:
                continue
            if overlap(source, target):
                yield Problem(
                    f"it lies where `{'.'.join(map(str, where[:2]))}` is read from ({text}): predictions would be "
                    "taken for data", at, found=show(out), suggestion="Write to another place",
                )  # fmt: skip
    if isinstance(deploy, MaxComputeBatch):
        rows = _read(data)
        if rows is not None and rows.has_many:
            yield Problem(
                f"{data} is a pattern of partitions, and SQL scores one of them",
                ("deploy", "data") if isinstance(deploy.data, str) else ("deploy", "data", "place"), found=show(data),
                suggestion="Name one, such as ds=${ds_nodash}",
            )  # fmt: skip
        for name, text in (("data", data), ("out", out)):
            if not text.startswith("odps://"):
                yield Problem(
                    f"SQL scores tables of MaxCompute, and {text} is none",
                    ("deploy", name) if isinstance(getattr(deploy, name), str) else ("deploy", name, "place"),
                    found=show(text), allowed=("odps://project/table or odps://project/table/ds=${ds_nodash}",),
                )  # fmt: skip
    if isinstance(deploy, KubernetesBatch) and deploy.image is None and deploy.pod_template is None:
        yield Problem(
            "'image' is missing", ("deploy", "image"), allowed=("an image that has automl-core",),
            suggestion="Name it, or give `pod_template`",
        )  # fmt: skip


def _feedback(file: ModelFile) -> Iterator[Problem]:
    if file.feedback is None:
        return
    if file.answers is None:
        yield Problem(
            "nothing says where answers are logged: there is no `deploy.out` either", ("feedback", "answers"),
            allowed=("a place of data",),
        )  # fmt: skip
    elif file.feedback.answers is None and file.batch is not None and file.feedback.key not in file.batch.keep:
        yield Problem(
            f"the answers are those of `deploy.out`, which has no column {file.feedback.key!r} to join outcomes by",
            ("feedback", "key"), found=show(file.feedback.key), allowed=tuple(file.batch.keep),
            suggestion=f"Keep it: keep: [{', '.join([file.feedback.key, *file.batch.keep])}]",
        )  # fmt: skip
    if file.served is not None:
        yield from _not_in_the_log(file)
    yield from zone_problems(file.feedback.timezone, ("feedback", "timezone"))
    if file.feedback.outcome == file.feedback.key:
        yield Problem(
            f"{file.feedback.key!r} is the key, which is no outcome", ("feedback", "outcome"),
            found=show(file.feedback.outcome),
        )  # fmt: skip


def _not_in_the_log(file: ModelFile) -> Iterator[Problem]:
    """Outcomes lie elsewhere than where servers write their answers: those would be taken for outcomes."""
    assert file.feedback is not None
    told, logged = data_set_of(file.feedback.data).place, _read(file.logged.place)
    source = _read(told)
    if logged is not None and source is not None and overlap(source, logged):
        yield Problem(
            f"it lies where the servers write their answers ({file.logged.place})",
            ("feedback", "data") if isinstance(file.feedback.data, str) else ("feedback", "data", "place"),
            found=show(told),
        )  # fmt: skip


def _watch(file: ModelFile) -> Iterator[Problem]:
    endpoint = (file.watch.endpoint if file.watch is not None else None) or None
    if endpoint is None:
        return
    where: Path = ("watch", "endpoint")
    if file.served is None:
        yield Problem(
            "tests are sent to a server, and `deploy` has none", where, suggestion="Say `deploy: {to: servers, …}`, or "
            "leave it out",
        )  # fmt: skip
    elif endpoint.url is None and not isinstance(file.deploy, KubernetesServers):
        yield Problem(
            "'url' is missing: nothing else says where the servers are", (*where, "url"),
            allowed=("an address such as https://models.example:8080",),
        )  # fmt: skip
    if endpoint.tls is not None and endpoint.url is not None and endpoint.url.startswith("http:"):
        yield Problem(
            "http has no TLS, whatever files are named", (*where, "tls"), found=show(endpoint.url),
            allowed=("an address that begins with https:",),
        )  # fmt: skip


def _retrain(file: ModelFile) -> Iterator[Problem]:
    retrain = file.watch.retrain if file.watch is not None else None
    if file.watch is None or retrain is None:
        return
    for name, wanted, looked_at in (
        ("estimated", retrain.when is not None and retrain.when.estimated, file.watch.estimate),
        ("drift", retrain.when is not None and retrain.when.drift > 0, file.watch.drift),
    ):
        if wanted and not looked_at:
            left_out = "estimate" if name == "estimated" else name
            yield Problem(
                f"it waits for what no look says, since `watch.{left_out}` is false",
                ("watch", "retrain", "when", name),
                suggestion=f"Leave out `watch.{left_out}`, or this",
            )  # fmt: skip
    known = tuple(dict.fromkeys(source.experiment for source in file.sources))
    where = ("watch", "retrain", "experiment")
    if retrain.experiment is None and len(known) > 1:
        yield Problem("there are several candidates: which one trains it anew?", where, allowed=known)
    elif retrain.experiment is not None and retrain.experiment not in known:
        yield Problem(
            f"{retrain.experiment!r} is none of `candidates.experiments`, so what it publishes would never be offered",
            where, found=show(retrain.experiment), allowed=known, suggestion=did_you_mean(retrain.experiment, known),
        )  # fmt: skip


def _read(text: str) -> DataPlace | None:
    try:
        return parse_place(filled_place(text))
    except (BadPlace, KeyError):
        return None
