"""A transformer with random weights and a tokenizer of its own, as a user has one in a folder.

``python make_tiny_model.py TEXTS FOLDER``: TEXTS is a Parquet file with a column ``text``.
"""

from __future__ import annotations

import sys

import pyarrow.parquet
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def main(texts: str, folder: str) -> None:
    """Learn the words, draw the weights, save both."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rows = pyarrow.parquet.read_table(texts).column("text").to_pylist()
    trainer = trainers.WordPieceTrainer(vocab_size=800, special_tokens=list(SPECIAL.values()), show_progress=False)
    tokenizer.train_from_iterator(rows, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
