from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics import MetricSource, Point, Series, open_source
from automl_core.metrics.text import MAX_LINE
from automl_core.spec.metrics import StdoutMetrics


def source(start: int = 0, **fields: object) -> MetricSource:
    return open_source(StdoutMetrics(**fields), Path, start)


def read(*lines: str, **fields: object) -> list[tuple[int, dict[str, float]]]:
    opened = source(**fields)
    return [(point.step, dict(point.values)) for line in lines for point in opened.feed(line)]


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        ("accuracy=0.93 step=4", 4, {"accuracy": 0.93}),
        ("epoch 3: val_accuracy=0.93 loss: 0.21 step=4", 4, {"val_accuracy": 0.93, "loss": 0.21}),
        ("epoch=3 val_accuracy=0.9412 val_loss=0.2210", 3, {"val_accuracy": 0.9412, "val_loss": 0.221}),
        ("2024-05-01 12:30:45,123 INFO trainer: Epoch 7: loss=0.21", 7, {"loss": 0.21}),
        ("Epoch [3/10], Loss: 2.1e-3", 3, {"Loss": 0.0021}),
        ("Epoch: 3/10 | loss: 1 | acc: .5", 3, {"loss": 1.0, "acc": 0.5}),
        ("Iteration 1, loss = 0.69314718", 1, {"loss": 0.69314718}),
        ("step #12 loss = -4", 12, {"loss": -4.0}),
        ("100/100 [====] - 1s 10ms/step - loss: 0.3 - accuracy: 0.9", 0, {"loss": 0.3, "accuracy": 0.9}),
        ("[10]\tvalidation-auc:0.93\ttrain-auc:0.95", 0, {"validation-auc": 0.93, "train-auc": 0.95}),
        ("0:\tlearn: 0.69\ttest: 0.68\tbest: 0.68 (0)\ttotal: 50ms", 0, {"learn": 0.69, "test": 0.68, "best": 0.68}),
        ("{'loss': 0.4, 'learning_rate': 5e-05, 'epoch': 2.0}", 2, {"loss": 0.4, "learning_rate": 5e-05}),
        ("{'loss': np.float64(0.4), 'epoch': 0.5}", 0, {"loss": 0.4}),
        ("loss=tensor(0.21, grad_fn=<MeanBackward0>)", 0, {"loss": 0.21}),
        ('{"epoch": 3, "loss": 0.25}', 3, {"loss": 0.25}),
        ('{"epoch": 3, "val": {"loss": 1, "auc": 0.5}}', 3, {"val.loss": 1.0, "val.auc": 0.5}),
        ('{"step": 3, "metrics": {"loss": 1}, "done": true, "note": "a=1"}', 3, {"loss": 1.0}),
        ('INFO epoch 5 {"loss": 0.25}', 5, {"loss": 0.25}),
        ('{"loss": 0.25, "best": {"epoch": 1}}', 0, {"loss": 0.25, "best.epoch": 1.0}),
        ("\x1b[1m\x1b[32mloss=0.5\x1b[0m \x1b]0;title\x07step=2", 2, {"loss": 0.5}),
        ("accuracy: 93.5% (best so far).", 0, {"accuracy": 93.5}),
        ("The accuracy: 0.93.", 0, {"accuracy": 0.93}),
        ("mAP@0.5=0.3 top-1: 0.8 val/acc=0.7", 0, {"mAP@0.5": 0.3, "top-1": 0.8, "val/acc": 0.7}),
        ("loss=0.5 loss=0.4", 0, {"loss": 0.4}),
    ],
)
def test_lines_as_people_print_them(line: str, step: int, values: dict[str, float]) -> None:
    assert read(line) == [(step, values)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a plain line",
        "2024-05-01 12:30:45,123 starting",
        "2024-05-01T12:30:45.123Z started at: 12:30",
        "date=2024-05-01 time: 12:30:00 took=0:03:10",
        "connecting to 10.0.0.1:8080 and host=10.0.0.1",
        "listening on localhost:8080, db.example.com:5432",
        "GET http://host:8080/path?step=3&loss=4",
        "reading /data/loss=3 and C:\\data\\acc=4 from train.py:45",
        'File "train.py", line 45, in main',
        "fe80:0:0:a:1 aa:bb:cc:11",
        "python train.py --lr=0.1 --epochs=3 -x=1",
        "took=12s size: 3MB id=0x1f version=1.2.3 shape=1,2 lr=1,5",
        "Training: 45%|████▌     | 45/100 [00:03<00:04, 13.2it/s]",
        "loss: information accuracy=infinitely good auc=nano",
        "loss >= 0.5, loss == 0.5, loss:= 0.5",
        "progress: 45/100",
        '{"loss": null, "accuracy": "good", "list": [1, 2]}',
        "{" * 500 + "}",
        "epoch=3 step=4",
    ],
)
def test_what_is_no_metric(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-inf", "Infinity", "tensor(nan)"])
@pytest.mark.parametrize("form", ["loss={} acc=1", "loss: {}, acc: 1", "{{'loss': {}, 'acc': 1}}"])
def test_what_is_not_finite_is_reported_so_that_it_fails_loudly(form: str, text: str) -> None:
    ((_, values),) = read(form.format(text))
    assert not math.isfinite(values["loss"])
    assert values["acc"] == 1


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '"nan"', "1" + "0" * 400])
def test_json_that_is_not_finite(text: str) -> None:
    ((_, values),) = read(f'{{"loss": {text}}}')
    assert not math.isfinite(values["loss"])


def test_without_a_step_each_metric_is_counted_by_itself() -> None:
    assert read("loss=3", "acc=1 loss=2", "loss=1") == [
        (0, {"loss": 3.0}),
        (0, {"acc": 1.0}),
        (1, {"loss": 2.0}),
        (2, {"loss": 1.0}),
    ]


def test_counting_goes_on_where_a_resumed_trial_left_off() -> None:
    opened = source(start=9)
    assert [point.step for line in ("loss=2", "loss=1") for point in opened.feed(line)] == [9, 10]


def test_counting_goes_on_from_the_last_step_that_was_stated() -> None:
    assert read("step=0 loss=3", "step=7 loss=2", "final loss=1.5") == [
        (0, {"loss": 3.0}),
        (7, {"loss": 2.0}),
        (8, {"loss": 1.5}),
    ]


def test_a_heading_gives_the_lines_below_it_their_step() -> None:
    lines = ["Epoch 1/2", "loss: 0.5 - acc: 0.1", "--- Epoch 2/2 ---", "loss: 0.4", "val_loss: 0.6"]
    assert [step for step, _ in read(*lines)] == [1, 2, 2]


def test_a_step_that_starts_again_with_each_epoch_goes_on_counting() -> None:
    lines = [f"Epoch [{epoch}/3], Step [{step}/500], Loss: 1" for epoch in (1, 2, 3) for step in (100, 300, 500)]
    steps = [step for step, _ in read(*lines)]
    assert steps == [100, 300, 500, 600, 800, 1000, 1100, 1300, 1500]
    again = [step for step, _ in read(*lines, *lines)]
    assert again == steps * 2  # a log that is read twice


def test_a_step_that_goes_on_over_the_epochs_is_left_alone() -> None:
    lines = [f"epoch={step // 100} step={step} loss=1" for step in range(0, 500, 50)]
    assert [step for step, _ in read(*lines)] == list(range(0, 500, 50))


def test_steps_under_a_heading_start_again_too() -> None:
    lines = ["Epoch 1", "step 0: loss=4", "step 1: loss=3", "Epoch 2", "step 0: loss=2", "step 1: loss=1"]
    assert [step for step, _ in read(*lines)] == [0, 1, 2, 3]


def test_names_of_steps_are_the_users_in_their_order() -> None:
    line = "epoch=3 global_step=400 step=9 loss=1"
    assert read(line, step=["global_step"]) == [(400, {"epoch": 3.0, "step": 9.0, "loss": 1.0})]
    assert read(line, step=["epoch", "step"]) == [(3, {"global_step": 400.0, "loss": 1.0})]
    assert read(line, step=[]) == [(0, {"epoch": 3.0, "global_step": 400.0, "step": 9.0, "loss": 1.0})]


def test_the_users_patterns_are_the_only_ones_read() -> None:
    patterns = {"accuracy": r"validation: accuracy=([0-9\.]+)", "loss": r"loss\s+(\S+)"}
    lines = ["train: accuracy=0.99", "epoch 2 validation: accuracy=0.93.", "the loss   nan here", "loss unknown"]
    found = read(*lines, patterns=patterns)
    assert found[0] == (2, {"accuracy": 0.93})
    assert found[1][0] == 0
    assert math.isnan(found[1][1]["loss"])
    assert len(found) == 2


def test_a_pattern_needs_no_sign_that_ordinary_metrics_have() -> None:
    assert read("score 7 points", patterns={"score": r"score (\d+)"}) == [(0, {"score": 7.0})]


def test_redraws_that_state_a_step_count_each_and_of_the_others_the_last() -> None:
    bar = "Epoch {0}: 50%|██ | 5/10 [00:03<00:04, loss={1}]"
    assert read("\r".join([bar.format(1, 0.9), bar.format(1, 0.8), bar.format(2, 0.7), ""])) == [
        (1, {"loss": 0.9}),
        (1, {"loss": 0.8}),
        (2, {"loss": 0.7}),
    ]
    assert read("loss=3\rloss=2\rloss=1\r", "loss=0") == [(0, {"loss": 1.0}), (1, {"loss": 0.0})]


def test_a_line_of_megabytes_is_looked_at_up_to_a_bound_and_no_number_is_cut_short() -> None:
    assert read("loss=0.5 " + "x" * 5_000_000) == [(0, {"loss": 0.5})]
    assert read("x" * 5_000_000 + " loss=0.5") == []
    filler = "y" * (MAX_LINE - 8)
    assert read(f"{filler} loss=0.123456789") == []  # not 0.1234
    assert read('{"loss": 0.5, "w": [' + "1, " * 1_000_000 + "1]}") == [(0, {"loss": 0.5})]


@given(st.text(max_size=300))
def test_no_line_is_too_strange(line: str) -> None:
    for point in source().feed(line):
        assert point.step >= 0
        assert all(isinstance(value, float) for value in point.values.values())


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{2,12}", fullmatch=True), st.floats(), min_size=1, max_size=5),
    st.integers(0, 10**9),
    st.sampled_from([("=", " "), (": ", ", "), (" = ", "; "), (":", "\t")]),
)
def test_what_is_printed_is_what_is_read(values: dict[str, float], step: int, style: tuple[str, str]) -> None:
    values = {f"m_{name}": value for name, value in values.items()}
    sign, gap = style
    text = gap.join([f"step{sign}{step}", *(f"{name}{sign}{value!r}" for name, value in values.items())])
    for line in (text, json.dumps({"step": step, **values}), str({"step": step, **values})):
        ((found_step, found),) = read(line)
        assert found_step == step
        assert {name: repr(value) for name, value in found.items()} == {n: repr(v) for n, v in values.items()}


def test_a_log_that_is_read_again_from_its_start_gives_the_same_series() -> None:
    lines = ["Epoch 1", "loss=3", "Epoch 2", "loss=2", "auc=0.5 step=9", "auc=0.6"]
    once, twice = Series(), Series()
    for reader in (source(), source()):
        for line in lines:
            twice.add(reader.feed(line))
    reader = source()
    for line in lines:
        once.add(reader.feed(line))
    assert twice == once
    assert next(iter(once)) == Point(1, {"loss": 3.0})


def test_files_hold_nothing_for_this_source() -> None:
    opened = source()
    assert opened.poll() == opened.finish() == []
