"""Make the golden token ids: transformers' CLIP tokenizers on instructions of every kind, for both pipelines.

transformers 4 has two: the fast one, which is what `tokenizers` and transformers 5 do, and the older one in
Python, which differs on control characters and on Chinese characters (it sets blanks about them). `ids` are
the fast one's; `slow_ids` are there where the older one's differ.

Writes `tokens.json`. Run after `make_pipelines.py`, which trains the vocabularies.
"""

import json
from pathlib import Path

import transformers
from transformers import CLIPTokenizer, CLIPTokenizerFast, PreTrainedTokenizerBase

HERE = Path(__file__).parent
PIPELINES = ["tiny_eps", "tiny_v"]

INSTRUCTIONS = [
    "",
    " ",
    "make it winter",
    "Make It WINTER!",
    "  make   it\twinter \n now  ",
    'make it winter, at night; add (many) stars... and a "moon"?!',
    "don't, can't, won't, I'll, you're, they've, it's, I'd, I'm",
    "DON'T, IT'S, WE'LL",
    "rock 'n' roll 'til dawn''s end",
    "turn the café naïve façade into Köln",
    "cafe\u0301 and cafe\u0301\u0301 in decomposed form",
    "ÅNGSTRÖM İSTANBUL STRASSE straße ΣΊΣΥΦΟΣ",
    "make it winter ❄️🏔️",
    "👩‍👩‍👧‍👦 family 🇩🇪 flag 👍🏽",
    "把它变成冬天",
    "冬にしてください、ありがとう。",
    "겨울로 만들어",
    "сделай зиму",
    "اجعله شتاء",
    "हिन्दी में सर्दी",
    "1234567890 3.14159 10,000 2nd 4x4 ½ ² Ⅷ ٣",
    "under_score-hyphen/slash\\back#hash@at&and%100$5",
    "<|startoftext|>make it winter<|endoftext|>",
    "make <|endoftext|> it winter",
    "<b>bold</b> &amp; &lt;tag&gt;",
    "tab\tnewline\ncarriage\rform\x0cvertical\x0b",
    "zero\u200bwidth\u200djoin\ufeffbom\u00a0nbsp\u2003em\u3000ideographic",
    "null\x00bell\x07escape\x1b\x7fdel\x85next",
    "“curly” ‘quotes’ – dash — em… ellipsis",
    "x" * 200,
    "make it winter " * 40,
    "a photo of a house with a red roof beside a lake in the mountains, " * 5,
    "!!!!!!!!!!????????",
    "....,,,,;;;;::::",
    "\U0001d4dc\U0001d4ea\U0001d4f4\U0001d4ee ﬁne ﬂour Ⓐ ㎏",
    "Ǆ ǆ ß ẞ ſ K Å",
    "ne\u0327e\u0301 o\u0302\u0323 \u1ed9",
]


def padded_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """What the pipeline feeds the text encoder."""
    return tokenizer(text, padding="max_length", max_length=tokenizer.model_max_length, truncation=True).input_ids


def case(fast: CLIPTokenizerFast, slow: CLIPTokenizer, text: str) -> dict:
    """One text's ids, and how many it would have, both marks counted, were it not truncated."""
    whole = fast(text, padding=False, truncation=False, verbose=False)
    entry = {"text": text, "ids": padded_ids(fast, text), "untruncated": len(whole.input_ids)}
    slow_ids = padded_ids(slow, text)
    return entry if slow_ids == entry["ids"] else entry | {"slow_ids": slow_ids}


def main() -> None:
    tokenizers = {}
    for name in PIPELINES:
        slow = CLIPTokenizer.from_pretrained(HERE / "weights" / name / "tokenizer")
        fast = CLIPTokenizerFast.from_pretrained(HERE / name / "tokenizer")
        tokenizers[name] = {
            "model_max_length": fast.model_max_length,
            "pad_token_id": fast.pad_token_id,
            "cases": [case(fast, slow, text) for text in INSTRUCTIONS],
        }
    golden = {"transformers": transformers.__version__, "tokenizers": tokenizers}
    (HERE / "tokens.json").write_text(json.dumps(golden, ensure_ascii=True) + "\n")
    print(f"{len(INSTRUCTIONS)} texts")


if __name__ == "__main__":
    main()
