//! Turns text into token ids, exactly as transformers' CLIP tokenizer does.
//!
//! A folder contains either `tokenizer.json`, which is used as it is, or `vocab.json` and `merges.txt`, from which the
//! same pipeline is built as by transformers' `CLIPConverter`: NFC, runs of white space to one space, lower case, a
//! split into words, byte-level BPE with `</w>`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::config::Config;
use super::{ModelError, files};
use crate::guard::guarded;

/// CLIP's end mark, which also stands for unknown words and, usually, for padding.
const END: &str = "<|endoftext|>";
const START: &str = "<|startoftext|>";
/// CLIP's pattern of words (openai/CLIP, `simple_tokenizer.py`).
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The problem if the library panics, as with some damaged files.
const FAILS: &str = "the tokenizers library fails on it";

/// The tokenizer of one model.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    length: usize,
    pad: u32,
}

/// An encoded text, as the text encoder takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// As many ids as the model's context length: start mark, words, end mark, padding.
    pub ids: Vec<i64>,
    /// The end of the text that did not fit and was cut off, if any.
    pub truncated: Option<String>,
}

/// The `tokenizer` folder of a model.
#[derive(Debug)]
pub(super) struct TokenizerFolder {
    path: PathBuf,
    files: TokenizerFiles,
}

/// The files that make a tokenizer.
#[derive(Debug)]
enum TokenizerFiles {
    /// `tokenizer.json`.
    Whole(PathBuf),
    /// `vocab.json` and `merges.txt`.
    Parts { vocab: PathBuf, merges: PathBuf },
}

impl TokenizerFolder {
    /// Finds out in which form the tokenizer of the model at `root` is stored.
    pub fn find(root: &Path) -> Result<Self, ModelError> {
        let path = root.join("tokenizer");
        let whole = path.join("tokenizer.json");
        let (vocab, merges) = (path.join("vocab.json"), path.join("merges.txt"));
        let files = if whole.exists() {
            TokenizerFiles::Whole(whole)
        } else if vocab.exists() && merges.exists() {
            TokenizerFiles::Parts { vocab, merges }
        } else {
            return Err(ModelError::NoTokenizer { path });
        };
        Ok(Self { path, files })
    }

    /// All files that are read.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = match &self.files {
            TokenizerFiles::Whole(path) => vec![path.clone()],
            TokenizerFiles::Parts { vocab, merges } => vec![vocab.clone(), merges.clone()],
        };
        paths.extend(special_files(&self.path));
        paths
    }

    /// The file to name in errors.
    fn main(&self) -> &Path {
        match &self.files {
            TokenizerFiles::Whole(path) => path,
            TokenizerFiles::Parts { vocab, .. } => vocab,
        }
    }
}

/// The settings in `tokenizer_config.json` and `special_tokens_map.json`; either file may be missing.
struct Special {
    configs: Vec<Config>,
}

impl Special {
    fn read(folder: &Path) -> Result<Self, ModelError> {
        let configs = special_files(folder)
            .iter()
            .map(|path| Config::read(path))
            .collect::<Result<_, _>>()?;
        Ok(Self { configs })
    }

    /// A special token's text, and whether it is matched after normalisation.
    fn token(&self, key: &str) -> Option<(String, bool)> {
        // The map comes first, because it says how a token is matched; the newer file has only the text.
        self.configs
            .iter()
            .rev()
            .find_map(|config| match config.value(key)? {
                Value::String(text) => Some((text.clone(), false)),
                token => {
                    let normalized = token.get("normalized").and_then(Value::as_bool);
                    let text = token.get("content")?.as_str()?;
                    Some((text.to_owned(), normalized.unwrap_or(false)))
                }
            })
    }

    fn text(&self, key: &str, default: &str) -> String {
        self.token(key)
            .map_or_else(|| default.to_owned(), |(text, _)| text)
    }
}

/// The optional files that exist beside a tokenizer.
fn special_files(folder: &Path) -> Vec<PathBuf> {
    ["tokenizer_config.json", "special_tokens_map.json"]
        .into_iter()
        .map(|name| folder.join(name))
        .filter(|path| path.exists())
        .collect()
}

impl Tokenizer {
    /// Makes the tokenizer of `folder` for a model with a context of `length` tokens.
    pub(super) fn read(folder: &TokenizerFolder, length: usize) -> Result<Self, ModelError> {
        let special = Special::read(&folder.path)?;
        let json = match &folder.files {
            TokenizerFiles::Whole(path) => read_json(path)?,
            TokenizerFiles::Parts { vocab, merges } => {
                clip_json(&read_json(vocab)?, &files::text(merges)?, &special)
            }
        };
        let pad = special.text("pad_token", END);
        Self::of_json(json, &pad, length).map_err(|problem| ModelError::Tokenizer {
            path: folder.main().to_owned(),
            problem,
        })
    }

    /// Makes the tokenizer that a `tokenizer.json` describes, or says what is wrong with it.
    pub(super) fn of_json(mut json: Value, pad: &str, length: usize) -> Result<Self, String> {
        if let Some(parts) = json.as_object_mut() {
            // Padding and truncation are done here, so that the text cut off can be reported. The decoder is not
            // needed.
            for unused in ["padding", "truncation", "decoder"] {
                parts.remove(unused);
            }
        }
        if let Some(part) = ["normalizer", "pre_tokenizer"]
            .iter()
            .find_map(|key| foreign_part(json.get(key)?))
        {
            return Err(format!("it has a part {part:?}, which CLIP has not"));
        }
        let inner: tokenizers::Tokenizer = guarded(|| json.to_string().parse())
            .ok_or(FAILS)?
            .map_err(|error: tokenizers::Error| error.to_string())?;
        let pad = inner
            .token_to_id(pad)
            .ok_or_else(|| format!("its pad token {pad:?} is not in the vocabulary"))?;
        Ok(Self { inner, length, pad })
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`] if the tokenizer's own files make that impossible.
    pub fn encode(&self, text: &str) -> Result<Encoded, ModelError> {
        let impossible = |problem: String| ModelError::Tokenize {
            text: text.to_owned(),
            problem,
        };
        let encoding = guarded(|| self.inner.encode(text, true))
            .ok_or_else(|| impossible(FAILS.to_owned()))?
            .map_err(|error| impossible(error.to_string()))?;
        let all = encoding.get_ids();
        let mut ids: Vec<i64> = all.iter().copied().map(i64::from).collect();
        let truncated = (ids.len() > self.length).then(|| {
            let last = ids.len() - 1;
            let cut = self.length - 1;
            ids[cut] = ids[last];
            ids.truncate(self.length);
            let start = encoding.get_offsets()[cut].0;
            text.get(start..).unwrap_or_default().to_owned()
        });
        ids.resize(self.length, i64::from(self.pad));
        Ok(Encoded { ids, truncated })
    }
}

/// A part that no CLIP tokenizer has and that makes the library panic if its values are wrong.
fn foreign_part(json: &Value) -> Option<&'static str> {
    const FOREIGN: [&str; 2] = ["Precompiled", "FixedLength"];
    match json {
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str);
            let own = FOREIGN.into_iter().find(|foreign| kind == Some(foreign));
            own.or_else(|| part.values().find_map(foreign_part))
        }
        Value::Array(parts) => parts.iter().find_map(foreign_part),
        _ => None,
    }
}

fn read_json(path: &Path) -> Result<Value, ModelError> {
    serde_json::from_str(&files::text(path)?).map_err(|source| ModelError::Json {
        path: path.to_owned(),
        source,
    })
}

/// The `tokenizer.json` that transformers' `CLIPConverter` makes from a vocabulary and merges.
fn clip_json(vocab: &Value, merges: &str, special: &Special) -> Value {
    let merges: Vec<&str> = merges
        .lines()
        .filter(|line| !line.starts_with("#version") && !line.trim().is_empty())
        .collect();
    let (start, end) = (
        special.text("bos_token", START),
        special.text("eos_token", END),
    );
    let unknown = special.text("unk_token", END);
    let id = |token: &str| vocab.get(token).cloned().unwrap_or(Value::Null);
    json!({
        "version": "1.0",
        "added_tokens": added_tokens(vocab, special),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {
            "type": "RobertaProcessing", "sep": [end, id(&end)], "cls": [start, id(&start)],
            "trim_offsets": false, "add_prefix_space": false,
        },
        "model": {
            "type": "BPE", "unk_token": unknown, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocab, "merges": merges,
        },
    })
}

/// The special tokens, sorted by id as the format requires; two with the same text are one token.
fn added_tokens(vocab: &Value, special: &Special) -> Vec<Value> {
    let mut tokens: Vec<(u64, Value)> = Vec::new();
    for (key, default) in [
        ("bos_token", START),
        ("eos_token", END),
        ("unk_token", END),
        ("pad_token", END),
    ] {
        let (content, normalized) = special
            .token(key)
            .unwrap_or_else(|| (default.to_owned(), true));
        let Some(id) = vocab.get(&content).and_then(Value::as_u64) else {
            continue;
        };
        if tokens.iter().all(|(known, _)| *known != id) {
            tokens.push((
                id,
                json!({
                    "id": id, "content": content, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": normalized, "special": true,
                }),
            ));
        }
    }
    tokens.sort_by_key(|(id, _)| *id);
    tokens.into_iter().map(|(_, token)| token).collect()
}
