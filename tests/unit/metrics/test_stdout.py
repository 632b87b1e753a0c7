from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.output import LineSplitter
from automl_core.metrics import MetricSource, Point, Series, open_source
from automl_core.metrics.text import MAX_LINE
from automl_core.spec.goal import Goal
from automl_core.spec.metrics import StdoutMetrics


def source(start: int = 0, **fields: object) -> MetricSource:
    return open_source(StdoutMetrics(**fields), Path, start)


def read(*lines: str, **fields: object) -> list[tuple[float, dict[str, float]]]:
    opened = source(**fields)
    return [(p.step, dict(p.values)) for line in lines for p in opened.feed(line) if isinstance(p, Point)]


def series(*lines: str, start: int = 0, **fields: object) -> Series:
    """What becomes of a whole output."""
    opened, found = source(start, **fields), Series()
    for line in lines:
        found.add(opened.feed(line))
    return found


def curve(metric: str, *lines: str, start: int = 0) -> dict[float, float]:
    return dict(series(*lines, start=start).curve(Goal(metric=metric, direction="minimize")))


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
        ("[10]\tvalidation-auc:0.93\ttrain-auc:0.95", 10, {"validation-auc": 0.93, "train-auc": 0.95}),
        ("7:\tlearn: 0.69\ttest: 0.68\tbest: 0.68 (0)\ttotal: 50ms", 7, {"learn": 0.69, "test": 0.68, "best": 0.68}),
        ("{'loss': 0.4, 'learning_rate': 5e-05, 'epoch': 2.0}", 2, {"loss": 0.4, "learning_rate": 5e-05}),
        ("{'loss': np.float64(0.4), 'epoch': 0.5}", 0.5, {"loss": 0.4}),
        ("{'eval_loss': '0.7', 'epoch': '0.25'}", 0.25, {"eval_loss": 0.7}),
        ("epoch 1e-05: loss=0.5", 1e-05, {"loss": 0.5}),
        ("Step 1,000 | acc: 0.7", 1000, {"acc": 0.7}),
        ("Step 1_234_567/2_000_000 | acc: 0.7", 1234567, {"acc": 0.7}),
        ("Epoch:  50%|█████     | 1/2 [00:01<00:01, loss=0.4]", 0, {"loss": 0.4}),
        ("epoch 0,25 loss=0.5", 0, {"loss": 0.5}),
        ("tokens: 1,234,567 | ppl: 1,234.5 | bytes: 1,234", 0, {"tokens": 1234567.0, "ppl": 1234.5}),
        ("[3]\tvalid-error@0.7:0.12", 3, {"valid-error@0.7": 0.12}),
        ("[3]\ttrain-auc:0.94700+0.00404\ttest-auc:0.81988+0.05104", 3, {"train-auc": 0.947, "test-auc": 0.81988}),
        ("[3] loss=0.5", 0, {"loss": 0.5}),
        ("valid's auc: 0.63  train's auc: 0.84", 0, {"valid's auc": 0.63, "train's auc": 0.84}),
        ("[5]\tcv_agg's valid auc: 0.93 + 0.004", 5, {"cv_agg's valid auc": 0.93}),
        ("Train Loss: 0.5, Val Loss: 0.6, loss: 0.1", 0, {"Train Loss": 0.5, "Val Loss": 0.6, "loss": 0.1}),
        ("Epoch 3: acc=0.8 (best acc: 0.85)", 3, {"acc": 0.8, "best acc": 0.85}),
        ("Train: loss=0.5 acc=1 | Val: loss=0.6", 0, {"Train loss": 0.5, "Train acc": 1.0, "Val loss": 0.6}),
        ("Test set: Average loss: 0.0460, Accuracy: 9850/10000 (98%)", 0, {"Test Average loss": 0.046}),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.3", 1, {"Train Loss": 2.3}),
        ("[val] loss=0.6 val_acc=0.7", 0, {"val loss": 0.6, "val_acc": 0.7}),
        ("INFO - Epoch(val) [3][2/2]    mse: 1.2397  time: 0.0006", 3, {"val mse": 1.2397, "val time": 0.0006}),
        ('Validation: {"loss": 0.4}', 0, {"Validation loss": 0.4}),
        ("Best epoch: 57, val_acc=0.93", 57, {"val_acc": 0.93}),
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
def test_lines_as_people_print_them(line: str, step: float, values: dict[str, float]) -> None:
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
    assert [p.step for p in series("loss=2", "loss=1", start=9)] == [9, 10]


@pytest.mark.parametrize(
    "text",
    ["nan", "NaN", "NAN", "-nan", "nan.0", "nan.00", "nan(ind)", "-nan(ind)", "-nan(snan)", "nan(0x8000)", "1.#QNAN",
     "-1.#IND", "-1.#IND00", "1.#SNAN", "NaN%", "tensor(nan)", "tensor(nan, device='cuda:0')", "np.float32(nan)"],
)  # fmt: skip
def test_not_a_number_as_any_library_prints_it(text: str) -> None:
    for line in (
        f"Epoch 1: 3/3, val_loss={text}, acc=0.5",
        f"Epoch 1: val_loss: {text}]",
        f"epoch 1 'val_loss': {text}",
    ):
        ((step, values),) = read(line)
        assert step == 1
        assert math.isnan(values["val_loss"])


@pytest.mark.parametrize("sign", ["", "+", "-"])
@pytest.mark.parametrize("text", ["inf", "Inf", "inf.0", "inf.", "Infinity", "INF", "∞", "1.#INF", "1.#INF00"])
def test_infinity_as_any_library_prints_it(text: str, sign: str) -> None:
    ((_, values),) = read(f"Epoch 1: val_loss={sign}{text}, acc=0.5")
    assert values == {"val_loss": -math.inf if sign == "-" else math.inf, "acc": 0.5}


EVALUATIONS = {0.25: 0.70, 0.5: 0.41, 0.75: 0.45, 1: 0.52, 1.25: 0.60, 1.5: 0.66, 1.75: 0.71, 2: 0.78}


@pytest.mark.parametrize("form", [str, json.dumps])
def test_epochs_in_fractions_are_steps(form: Callable[[object], str]) -> None:
    bodies = [{"eval_loss": str(v), "eval_runtime": "0.5", "epoch": str(e)} for e, v in EVALUATIONS.items()]
    found = series(*map(form, bodies))
    goal = Goal(metric="eval_loss", direction="minimize")
    assert found.curve(goal) == tuple(EVALUATIONS.items())
    assert found.final(goal).value == 0.41
    assert found.final(goal.model_copy(update={"final": "last"})).value == 0.78
    assert [type(step) for step, _ in found.curve(goal)] == [float, float, float, int] * 2


def test_steps_with_thousands_are_three_steps() -> None:
    found = series("Step 1,000 | acc: 0.7", "Step 1,500 | acc: 0.9", "Step 2,000 | acc: 0.6")
    assert found.curve(Goal(metric="acc", direction="maximize")) == ((1000, 0.7), (1500, 0.9), (2000, 0.6))


# One axis a metric: stated or counted


def test_without_its_step_a_stated_metric_belongs_to_the_step_stated_last() -> None:
    assert curve("loss", "step=0 loss=3", "step=7 loss=2", "loss=1.5", "step=9 loss=1") == {0: 3, 7: 1.5, 9: 1}


def test_a_metric_that_states_no_step_goes_with_the_steps_of_the_others() -> None:
    lines = ["epoch 1 loss=3", "acc=0.1", "epoch 2 loss=2", "acc=0.2", "epoch 3 loss=1", "acc=0.3", "acc=0.4"]
    assert curve("acc", *lines) == {1: 0.1, 2: 0.2, 3: 0.4}


def test_a_metric_that_comes_more_often_than_steps_are_stated_is_counted_and_loses_no_value() -> None:
    lines = ["resuming from epoch: 3, lr=0.1", "loss=3", "loss=1", "loss=2"]
    assert curve("loss", *lines) == {0: 3, 1: 1, 2: 2}
    assert curve("loss", *lines, start=5) == {5: 3, 6: 1, 7: 2}


def test_a_value_before_the_first_step_is_no_step() -> None:
    assert curve("acc", "before training: acc=0.1", "epoch 0 acc=0.5", "epoch 1 acc=0.6") == {0: 0.5, 1: 0.6}
    assert curve("acc", "epoch 0 acc=0.1", "epoch 1 step 50 acc=0.5", "epoch 1 step 99 acc=0.6") == {50: 0.5, 99: 0.6}


def test_what_is_counted_stays_counted() -> None:
    lines = [*(f"loss={n}" for n in (5, 4, 3)), "Best epoch: 1 - loss=3", "loss=2"]
    assert curve("loss", *lines) == {0: 5, 1: 4, 2: 3, 3: 3, 4: 2}


def test_an_epochs_summary_belongs_to_its_last_step() -> None:
    lines = [f"Epoch {e} Step {s} loss={e}.{s}" for e in (1, 2) for s in (100, 200)]
    lines.insert(2, "Epoch 1 loss=9")
    assert curve("loss", *lines) == {100: 1.1, 200: 9, 300: 2.1, 400: 2.2}


@given(st.lists(st.sampled_from(["loss=1", "epoch 1 loss=2", "step 3 loss=3", "epoch 2 step 4 loss=4 acc=1", "acc=2",
                                 "Epoch 3", "bar loss=5\rbar loss=6\r"]), max_size=12))  # fmt: skip
def test_a_metric_has_one_axis_whatever_the_lines(lines: list[str]) -> None:
    found = Series()
    opened = source()
    for line in lines:
        found.add(opened.feed(line))
    axes: dict[str, set[str]] = {}
    for point in found.by_axis():
        for name in point.values:
            axes.setdefault(name, set()).add(point.axis)
    assert all(len(each) == 1 for each in axes.values())


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
    assert found[1][0] == 2, "the step stated last"
    assert math.isnan(found[1][1]["loss"])
    assert len(found) == 2


def test_a_pattern_needs_no_sign_that_ordinary_metrics_have() -> None:
    assert read("score 7 points", patterns={"score": r"score (\d+)"}) == [(0, {"score": 7.0})]


# Lines that are drawn again


def test_a_line_counts_once_as_it_was_drawn_last_and_so_does_each_step_in_it() -> None:
    bar = "Epoch {0}: 50%|██ | 5/10 [00:03<00:04, loss={1}]"
    assert curve("loss", "\r".join([bar.format(1, 0.9), bar.format(1, 0.8), bar.format(2, 0.7)])) == {1: 0.8, 2: 0.7}
    assert curve("loss", "loss=3\rloss=2\rloss=1", "loss=0") == {0: 1, 1: 0}
    assert curve("loss", "loss=3\b\b\b\b\b\bloss=2", "loss=0") == {0: 2, 1: 0}


def test_of_very_many_redraws_the_last_counts_and_none_of_their_steps_is_left_out() -> None:
    assert curve("loss", "\r".join(f"loss={n}" for n in range(3000))) == {0: 2999}
    assert curve("loss", "\r".join(f"step {n}: loss={n}" for n in range(3000))) == {n: n for n in range(3000)}


def test_a_bar_and_what_is_written_above_it_are_one_line() -> None:
    """tqdm with ``loss`` in its postfix and tqdm.write after each epoch: wiped out, written, drawn anew."""
    text = ""
    for epoch in range(3):
        text += "".join(f"\r{n}/20 [00:00, loss={epoch}.{n:02}]" for n in range(1, 21))
        text += f"\r{' ' * 30}\repoch done, acc={epoch}\n\r20/20 [00:00, loss={epoch}.20]"
    lines = text.split("\n")
    assert curve("acc", *lines) == {0: 0, 1: 1, 2: 2}
    assert list(curve("loss", *lines).values()) == [0.2, 1.2, 2.2, 2.2]


@pytest.mark.parametrize("leave", [True, False])
def test_a_bar_below_another_is_one_line_as_long_as_it_lasts(leave: bool) -> None:
    """tqdm at position 1 goes down a line, draws, and goes up again (tqdm 4.67)."""
    text = "\repochs: 0/3"
    for epoch in range(3):
        text += "".join(f"\n\r{n}/9 [00:00, loss={epoch}.{n}]\x1b[A" for n in range(1, 10))
        text += "\n\r9/9 [00:00]\n" if leave else f"\n\r{' ' * 30}\r\x1b[A"
        text += f"\repochs: {epoch + 1}/3"
    assert curve("loss", *text.split("\n")) == {0: 0.9, 1: 1.9, 2: 2.9}
    splitter, opened, found = LineSplitter(), source(), Series()
    for byte in text.encode():
        for line in splitter.feed(bytes([byte])):
            found.add(opened.feed(line))
    assert found == series(*text.split("\n"))


PIECES = st.lists(
    st.sampled_from(["loss=1", "step 1 loss=3", "step 2: acc=1", "Epoch 2", "words", "", "acc=3 loss=4", "acc=1\x1b[A",
                     "   ", "\x1b[A", "\x1b[Aloss=7"]),
    min_size=1, max_size=5,
)  # fmt: skip


@given(st.lists(PIECES, max_size=6), st.lists(st.integers(1, 40), max_size=20))
def test_a_line_gives_the_same_whole_and_in_the_pieces_in_which_a_process_prints_it(
    lines: list[list[str]], sizes: list[int]
) -> None:
    """The log of a pod comes in whole lines, the output of a process as it is printed: the same points."""
    text = "".join("\r".join(pieces) + "\n" for pieces in lines)
    whole, parted, splitter = Series(), Series(), LineSplitter()
    pod, process, data = source(), source(), text.encode()
    for line in text.split("\n"):
        whole.add(pod.feed(line.rstrip("\r")))  # as LogCursor gives it
    while data:
        size = sizes.pop() if sizes else 7
        for line in splitter.feed(data[:size]):
            parted.add(process.feed(line))
        data = data[size:]
    for line in splitter.flush():
        parted.add(process.feed(line))
    assert parted == whole


def test_a_line_of_megabytes_is_looked_at_up_to_a_bound_and_no_number_is_cut_short() -> None:
    assert read("loss=0.5 " + "x" * 5_000_000) == [(0, {"loss": 0.5})]
    assert read("x" * 5_000_000 + " loss=0.5") == []
    filler = "y" * (MAX_LINE - 8)
    assert read(f"{filler} loss=0.123456789") == []  # not 0.1234
    assert read('{"loss": 0.5, "w": [' + "1, " * 1_000_000 + "1]}") == [(0, {"loss": 0.5})]


@given(st.text(max_size=300))
def test_no_line_is_too_strange(line: str) -> None:
    for point in source().feed(line):
        assert isinstance(point, Point)
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
