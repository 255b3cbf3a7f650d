//! Token ids compared with those of transformers (`tests/golden/tokens.json`).

use crate::common;
use std::fs;

use ip2p_sweep::model::ModelFolder;
use serde_json::{Value, json};

fn ids(value: &Value) -> Vec<i64> {
    let ids = value.as_array().unwrap();
    ids.iter().map(|id| id.as_i64().unwrap()).collect()
}

#[test]
fn both_forms_of_tokenizer_give_the_ids_of_transformers() {
    let golden: Value =
        serde_json::from_str(&fs::read_to_string(common::golden().join("tokens.json")).unwrap())
            .unwrap();
    let mut compared = 0;
    for (model, expected) in golden["tokenizers"].as_object().unwrap() {
        let folder = ModelFolder::open(common::golden().join(model)).unwrap();
        let length = folder.context_length();
        assert_eq!(
            length as u64,
            expected["model_max_length"].as_u64().unwrap()
        );
        let tokenizer = folder.tokenizer().unwrap();
        for case in expected["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let encoded = tokenizer.encode(text).unwrap();
            assert_eq!(encoded.ids, ids(&case["ids"]), "{model}: {text:?}");
            let fits = case["untruncated"].as_u64().unwrap() <= length as u64;
            assert_eq!(encoded.truncated.is_none(), fits, "{model}: {text:?}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} cases");
}

#[test]
fn what_is_cut_off_is_the_end_of_the_text() {
    let folder = ModelFolder::open(common::golden().join("tiny_v")).unwrap();
    let tokenizer = folder.tokenizer().unwrap();
    let text = "make it winter ".repeat(40);
    let cut = tokenizer.encode(&text).unwrap().truncated.unwrap();
    assert!(text.ends_with(&cut), "{cut:?}");
    assert!(!cut.is_empty() && cut.len() < text.len());
    let kept = &text[..text.len() - cut.len()];
    assert_eq!(tokenizer.encode(kept).unwrap().truncated, None, "{kept:?}");
}

#[test]
fn parts_that_no_clip_has_are_refused_before_they_can_do_harm() {
    for (key, part, name) in [
        (
            "pre_tokenizer",
            json!({"type": "FixedLength", "length": 0}),
            "FixedLength",
        ),
        (
            "normalizer",
            json!({"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "AAAA"}]}),
            "Precompiled",
        ),
    ] {
        let copy = tempfile::tempdir().unwrap();
        common::copy_folder(&common::golden().join("tiny_v"), copy.path());
        let file = copy.path().join("tokenizer/tokenizer.json");
        let mut tokenizer: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        tokenizer[key] = part;
        fs::write(&file, tokenizer.to_string()).unwrap();
        let error = ModelFolder::open(copy.path()).unwrap().tokenizer();
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "{} is not a valid tokenizer file: it has a part {name:?}, which CLIP has not",
                file.display()
            )
        );
    }
}
