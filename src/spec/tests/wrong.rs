//! Mistakes, each with the error reported for it: message, location and hint.
//!
//! Most are files: `wrong/TOPIC/*.toml` is a sweep file with a mistake, and the `.txt` beside it is the expected
//! output, with `DIR` for its folder. `IP2P_WRITE_MESSAGES=1 cargo test --lib wrong` rewrites the texts; review the
//! difference.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::SweepSpec;
use super::{Folder, refusal, told, with};
use crate::vocabulary::Parameter;

#[test]
fn each_wrong_file_is_refused_in_the_words_beside_it() {
    let write = std::env::var_os("IP2P_WRITE_MESSAGES").is_some();
    let files = cases("toml");
    let mut others = Vec::new();
    for file in &files {
        let said = refusal(&fs::read_to_string(file).unwrap()) + "\n";
        let beside = file.with_extension("txt");
        if write {
            fs::write(&beside, said).unwrap();
        } else if fs::read_to_string(&beside).ok().as_deref() != Some(&said) {
            others.push(format!("{}:\n{said}", file.display()));
        }
    }
    assert!(others.is_empty(), "other words:\n{}", others.join("\n"));
    assert!(files.len() > 150, "the files were found: {}", files.len());
    let texts = cases("txt");
    assert_eq!(texts.len(), files.len(), "a text belongs to each file");
}

/// The files under `wrong/` with this extension.
fn cases(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/spec/tests/wrong");
    let paths = WalkDir::new(folder).sort_by_file_name().into_iter();
    paths
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect()
}

#[test]
fn a_text_without_end_is_refused() {
    assert_eq!(
        refusal(&with(&format!(
            "negative_prompt = '{}'",
            "x".repeat(10_001)
        ))),
        "negative_prompt is 10001 bytes long, more than 10000\n5:19\n\
         shorten it; a model reads only the first 77 tokens or so",
    );
}

#[cfg(unix)]
#[test]
fn file_names_that_are_no_text_are_passed_over_or_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    fs::write(folder.path("photos/a\nb.jpg"), b"").unwrap();
    let mut reasons = "a\\nb.jpg has a name with control characters".to_owned();
    let name = std::ffi::OsStr::from_bytes(b"photos/\xff.jpg");
    if fs::write(folder.0.path().join(name), b"").is_ok() {
        reasons.push_str("; \u{fffd}.jpg has a name that is not UTF-8");
    }
    let parsed = folder
        .parse(&with("").replace("a.png", "photos/*.jpg"))
        .unwrap();
    assert_eq!(parsed.files[Parameter::Image].len(), 2);
    let expected = format!("image \"photos/*.jpg\": skipped: {reasons}");
    assert_eq!(parsed.notes, [expected]);
    let named = folder.parse(&with("").replace("a.png", "photos/a\\nb.jpg"));
    assert_eq!(
        told(&named.unwrap_err()),
        "image: the file name \"photos/a\\nb.jpg\" is not plain text\n3:9\n\
         in \"double quotes\" a backslash begins an escape: write / or 'single quotes'"
    );
}

#[test]
fn a_file_name_that_is_no_run_name_asks_for_one() {
    let folder = Folder::new();
    let error = SweepSpec::parse(&with(""), &folder.path("my sweep.toml")).unwrap_err();
    assert_eq!(
        told(&error),
        "\"my sweep\" cannot be the name of a run folder: only letters, digits, `.`, `_` and `-` \
         are allowed\nthe name is that of the sweep file; add another at the top: name = \"my-sweep\""
    );
}
