"""Fine-tune a transformer on texts, with Hugging Face's Trainer: ``python train.py --config spec.yaml``.

The weights come from ``data.weights``, a folder with what `save_pretrained` leaves; nothing is fetched from a hub, no
code of a model's is run, and weights that would have to be unpickled are refused. The step size is constant after a
warm-up, so that more epochs go on where fewer ended. Checkpoints are the Trainer's own; of what torch wrote it reads
numbers alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from texts import dropouts, folder_of, joined, open_model, probabilities, tokenized

from automl_core.training import checkpoints
from automl_core.training.config import Config, read_config
from automl_core.training.model import write_json
from automl_core.training.problems import TrainingError, run, say
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.rows import ROLES, Data, load
from automl_core.training.tabular import Judge

DEFAULTS: dict[str, Any] = {
    "lr": 5e-5,
    "weight_decay": 0.01,
    "batch_size": 16,
    "warmup_steps": 0,
    "dropout": -1.0,
    "max_length": 128,
    "frozen": False,
    "epochs": 3,
    "patience": 0,
    "device": "auto",
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}
KEPT = "progress.json"
"""What the Trainer's checkpoint gets last: one without it is not whole."""


def main() -> None:
    """Fine-tune up to the budget, from the furthest checkpoint there is."""
    config = read_config("Fine-tune a transformer on texts.")
    params = config.values(DEFAULTS)
    place = config.place("weights")
    if place is None:
        raise TrainingError(f"{config.source}: data.weights is missing: the folder with the model to begin with")
    weights = folder_of(place)
    data = load(config, task="classification", valid_fraction=params["valid_fraction"], split_seed=params["split_seed"])
    names = text_columns(config, data)
    import torch
    import transformers

    torch.set_num_threads(params["threads"])
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    Fine(config, params, data, names, weights).run()


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


class Fine:
    """One fine-tuning."""

    def __init__(self, config: Config, params: dict[str, Any], data: Data, names: list[str], weights: Path) -> None:
        """The user's model with an output for each class."""
        from transformers import set_seed

        self.config, self.params, self.data, self.names = config, params, data, names
        self.judge, self.progress = Judge(data), Progress(params["patience"])
        self.target = config.budget or params["epochs"]
        set_seed(params["seed"])  # of the outputs that are new
        labels = dict(enumerate(data.classes))
        options: dict[str, Any] = {"id2label": labels, "label2id": {name: index for index, name in labels.items()}}
        if params["dropout"] >= 0:
            options |= dropouts(weights, params["dropout"])
        self.model, self.tokenizer = open_model(weights, ignore_mismatched_sizes=True, **options)
        if params["frozen"]:
            for parameter in self.model.base_model.parameters():
                parameter.requires_grad_(False)
        self.rows = self._rows(data.train, learn=True)
        self.held = self._rows(data.valid, learn=False)
        told = [
            list(data.classes),
            len(data.train),
            params["batch_size"],
            params["max_length"],
            self.model.config.model_type,
        ]
        self.identity = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        self.folder = (config.checkpoint_dir or config.model_dir / ".work") / "trainer"

    def _rows(self, part: Any, learn: bool) -> list[dict[str, Any]]:
        rows = tokenized(self.tokenizer, joined(part.table, self.names), self.params["max_length"])
        if learn:
            for row, truth, weight in zip(rows, part.truth, part.weights, strict=True):
                row |= {"labels": int(truth), "weight": float(weight)}
        return rows

    def run(self) -> None:
        """Train, report, save."""
        found = self._furthest()
        if found is not None:
            told = json.loads((found / KEPT).read_text(encoding="utf-8"))
            self.progress = Progress.from_json(told["progress"], self.params["patience"])
            self._bring_best(found.parent / "best")
            print(f"going on from epoch {self.progress.last_step}", flush=True)
            report(self.progress.last_step, self.progress.last_metrics)
        if self.progress.last_step < self.target and not self.progress.over():
            self._trainer().train(resume_from_checkpoint=None if found is None else str(found))
        model, _ = open_model(self.folder / "best")
        self.config.model_dir.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(self.config.model_dir)
        self.tokenizer.save_pretrained(self.config.model_dir)
        outputs = probabilities(model, self.tokenizer, self.held)
        if self.config.checkpoint_dir is None:
            shutil.rmtree(self.config.model_dir / ".work")
        self.judge.finish(
            self.config.model_dir, "text-transformer", outputs, self.progress, self.params,
            ["transformers", "torch", "tokenizers", "numpy"], text=self.names,
        )  # fmt: skip

    def _trainer(self) -> Any:
        import torch
        from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

        fine = self

        class Weighing(Trainer):  # type: ignore[misc]
            """A Trainer that knows weights of rows."""

            def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
                weights, labels = inputs.pop("weight"), inputs.pop("labels")
                outputs = model(**inputs)
                each = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="none")
                loss = (each * weights).sum() / weights.sum()
                return (loss, outputs) if return_outputs else loss

        class Judging(TrainerCallback):  # type: ignore[misc]
            """Measures, reports and keeps the best weights after each epoch."""

            def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> Any:
                checkpoints.refuse_if_replaced()
                fine.measure(round(state.epoch), model)
                control.should_save = True
                control.should_training_stop = control.should_training_stop or fine.progress.over()
                return control

            def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                told = {"identity": fine.identity, "progress": fine.progress.as_json()}
                write_json(Path(args.output_dir) / f"checkpoint-{state.global_step}" / KEPT, told)

        arguments = TrainingArguments(
            output_dir=str(self.folder),
            num_train_epochs=self.target,
            per_device_train_batch_size=self.params["batch_size"],
            learning_rate=self.params["lr"],
            weight_decay=self.params["weight_decay"],
            warmup_steps=self.params["warmup_steps"],
            lr_scheduler_type="constant_with_warmup",
            save_strategy="no",  # Judging says when
            save_total_limit=2,
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=self.params["device"] == "cpu",
            dataloader_pin_memory=torch.cuda.is_available(),
            seed=self.params["seed"],
            data_seed=self.params["seed"],
        )
        trainer = Weighing(
            self.model, arguments, train_dataset=self.rows, processing_class=self.tokenizer,
            data_collator=DataCollatorWithPadding(self.tokenizer), callbacks=[Judging()],
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        return trainer

    def measure(self, epoch: int, model: Any) -> None:
        """Judge an epoch's weights; the best lie beside the checkpoints."""
        metrics = self.judge.measure(probabilities(model, self.tokenizer, self.held), "valid")
        if self.progress.see(epoch, metrics["valid_loss"], metrics):
            part = self.folder / ".best.partial"
            shutil.rmtree(part, ignore_errors=True)
            model.save_pretrained(part)
            self.tokenizer.save_pretrained(part)
            shutil.rmtree(self.folder / "best", ignore_errors=True)
            part.rename(self.folder / "best")
        model.train()
        report(epoch, metrics)

    def _furthest(self) -> Path | None:
        """The Trainer's checkpoint to go on from: this trial's own, or that which it was promoted with."""
        places = [self.folder, *([self.config.resume_from / "trainer"] if self.config.resume_from else [])]
        for place in places:
            whole = [each.parent for each in place.glob(f"checkpoint-*/{KEPT}")]
            for found in sorted(whole, key=lambda each: -int(each.name.split("-")[1])):
                told = json.loads((found / KEPT).read_text(encoding="utf-8"))
                if told["identity"] == self.identity and told["progress"]["last_step"] <= self.target:
                    return found
                say(f"{found}: was made from other data or sizes, or is further than wanted: not used")
        return None

    def _bring_best(self, best: Path) -> None:
        if best.parent != self.folder:
            shutil.copytree(best, self.folder / "best", dirs_exist_ok=True)


if __name__ == "__main__":
    run(main, hidden=())
