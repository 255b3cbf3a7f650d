"""Trains a CLIP-style byte-pair tokenizer on the instructions."""

import json
import tempfile
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from edits import SINGLES, TASKS
from models import CONTEXT_LENGTH

START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
SUFFIX = "</w>"
MOST_TOKENS = 900


def new_tokenizer() -> CLIPTokenizer:
    """The tokenizer of the training phrasings; all bytes are known, so that any text is accepted."""
    merges = _trained_merges()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = letters + [letter + SUFFIX for letter in letters] + ["".join(pair) for pair in merges] + [START, END]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merge_list = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocabulary.write_text(json.dumps({token: index for index, token in enumerate(dict.fromkeys(tokens))}))
        merge_list.write_text("\n".join(["#version: 0.2"] + [" ".join(pair) for pair in merges]) + "\n")
        return CLIPTokenizer(str(vocabulary), str(merge_list), model_max_length=CONTEXT_LENGTH)


def _trained_merges() -> list[tuple[str, str]]:
    """Merges in the order of their use in the phrasings."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=SUFFIX))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=MOST_TOKENS, end_of_word_suffix=SUFFIX, show_progress=False)
    texts = [text for task in TASKS[: len(SINGLES)] for text in task.phrasings(held_out=False)]
    tokenizer.train_from_iterator(texts + ["make it , and at ."], trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
