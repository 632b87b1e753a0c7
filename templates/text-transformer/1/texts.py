"""A transformer of a place of the user's, its tokenizer, and what it says of texts. Nothing is fetched from a hub."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_core.training.columns import texts
from automl_core.training.problems import TrainingError, nearest

# before anything of Hugging Face is imported: it reads them once
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "hidden_dropout")
"""Names of drop-outs in configurations of BERT, RoBERTa, DistilBERT, DeBERTa, ALBERT and others."""
TOKENIZED = ("input_ids", "attention_mask", "token_type_ids")


def joined(table: Any, names: Sequence[str]) -> list[str]:
    """The text of each row, several columns one below the other; a missing one is empty."""
    for name in names:
        if name not in table.column_names:
            raise TrainingError(f"there is no column {name!r}{nearest(name, table.column_names)}")
    columns = [texts(table.column(name)).fill_null("").to_pylist() for name in names]
    return ["\n".join(parts) for parts in zip(*columns, strict=True)]


def folder_of(place: str) -> Path:
    """The folder with weights and tokenizer.

    Raises:
        TrainingError: there is none, or its weights would have to be unpickled.
    """
    folder = Path(place.removeprefix("file://"))
    if not (folder / "config.json").is_file():
        raise TrainingError(
            f"data.weights: {place} is no folder with a model (config.json, model.safetensors, tokenizer)"
        )
    if not list(folder.glob("*.safetensors")):
        raise TrainingError(
            f"data.weights: {place} has no .safetensors file: weights that would have to be unpickled are not opened "
            "(save them anew with save_pretrained)"
        )
    return folder


def open_model(folder: Path, **options: Any) -> tuple[Any, Any]:
    """Model and tokenizer of a folder."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    shared = {"local_files_only": True, "trust_remote_code": False}
    model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, **shared, **options)
    return model, AutoTokenizer.from_pretrained(folder, **shared)


def dropouts(folder: Path, share: float) -> dict[str, float]:
    """What a model's configuration calls its drop-outs, all of one share.

    Raises:
        TrainingError: it has none that is known.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    found = {name: share for name in DROPOUTS if hasattr(config, name)}
    if not found:
        raise TrainingError(f"dropout: a {config.model_type} has none that is known ({', '.join(DROPOUTS)})")
    return found


def tokenized(tokenizer: Any, rows: list[str], length: int) -> list[dict[str, Any]]:
    """Each text as the tokenizer's numbers, cut at a length."""
    found = tokenizer(rows, truncation=True, max_length=length) if rows else {}
    names = [name for name in TOKENIZED if name in found]
    return [{name: found[name][row] for name in names} for row in range(len(rows))]


def probabilities(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], batch: int = 32) -> Any:
    """(texts, classes), in double precision."""
    import torch

    model.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(rows), batch):
            part = tokenizer.pad(list(rows[start : start + batch]), return_tensors="pt").to(model.device)
            found.append(torch.softmax(model(**part).logits.double(), dim=1).cpu())
    return torch.cat(found).numpy()
