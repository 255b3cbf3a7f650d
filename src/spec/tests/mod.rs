//! Sweep files that are valid, wrong or hostile.

mod captions;
mod hostile;
mod masks;
mod messages;
mod right;
mod wrong;

use std::fs;
use std::path::PathBuf;

use miette::Diagnostic;
use tempfile::TempDir;

use super::{SpecError, SweepSpec};

/// A folder with a model and photos, in which sweep files can be placed.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for model in ["model", "other", "clip"] {
            fs::create_dir(folder.path(model)).unwrap();
        }
        fs::create_dir_all(folder.path("photos/folder.jpg")).unwrap();
        for image in ["a.png", "photos/f10.jpg", "photos/f2.jpg", "photos/.h.jpg"] {
            fs::write(folder.path(image), b"").unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn parse(&self, text: &str) -> Result<SweepSpec, SpecError> {
        SweepSpec::parse(text, &self.path("winter.toml"))
    }

    fn shown(&self) -> String {
        self.0.path().display().to_string()
    }
}

/// A sweep file with additional lines under `[sweep]`, which begin at line 5.
fn with(lines: &str) -> String {
    format!(
        "model = \"model\"\n[sweep]\nimage = \"a.png\"\ninstruction = \"make it winter\"\n{lines}\n"
    )
}

fn parse(text: &str) -> SweepSpec {
    match Folder::new().parse(text) {
        Ok(spec) => spec,
        Err(error) => panic!("{}", told(&error)),
    }
}

/// An error as the command line shows it, without the path.
fn told(error: &SpecError) -> String {
    let place = match error.location() {
        Some((_, line, column)) => format!("\n{line}:{column}"),
        None => String::new(),
    };
    let hint = error.help().map(|hint| hint.to_string());
    format!("{error}{place}\n{}", hint.unwrap_or_default())
}

/// Everything that is reported for a wrong file, with `DIR` for its folder.
fn refusal(text: &str) -> String {
    let folder = Folder::new();
    match folder.parse(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => {
            let all = std::iter::once(&error).chain(error.others());
            let all: Vec<String> = all.map(told).collect();
            all.join("\n\n").replace(&folder.shown(), "DIR")
        }
    }
}
