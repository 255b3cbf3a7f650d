"""Train a small byte-pair vocabulary of CLIP's make, so that the pipelines need no download.

Its own trainer, since that of `tokenizers` breaks ties at random and so gives other files each time.
"""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import regex
from transformers.models.clip.tokenization_clip import bytes_to_unicode

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
CLIP_WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
CORPUS = Path(__file__).parent / "corpus.txt"
BYTES = bytes_to_unicode()


def words_of_corpus() -> Counter[tuple[str, ...]]:
    """How often each word occurs, as its symbols: a symbol a byte, the last one marked."""
    counts = Counter()
    for word in CLIP_WORDS.findall(CORPUS.read_text(encoding="utf-8").lower()):
        symbols = [BYTES[byte] for byte in word.encode("utf-8")]
        counts[(*symbols[:-1], symbols[-1] + WORD_END)] += 1
    return counts


def join(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The word with each occurrence of the pair made one symbol."""
    joined = []
    for symbol in word:
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
        else:
            joined.append(symbol)
    return tuple(joined)


def train_merges(count: int) -> list[tuple[str, str]]:
    """The `count` most frequent merges, one after another; ties go to the alphabetically first."""
    words, merges = words_of_corpus(), []
    for _ in range(count):
        pairs = Counter()
        for word, occurrences in words.items():
            for pair in pairwise(word):
                pairs[pair] += occurrences
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = Counter({join(word, best): occurrences for word, occurrences in words.items()})
    return merges


def write_tokenizer_files(folder: Path, merge_count: int) -> None:
    """`vocab.json` and `merges.txt` in CLIP's order: bytes, bytes that end a word, merges, the two marks."""
    merges = train_merges(merge_count)
    tokens = list(BYTES.values())
    tokens += [token + WORD_END for token in tokens]
    tokens += ["".join(merge) for merge in merges] + [START, END]
    assert len(set(tokens)) == len(tokens)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2"] + [" ".join(merge) for merge in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
