//! `ip2p init`: writes a commented sweep file to start from.

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::ValueHint;
use ip2p_sweep::model::ModelFolder;
use ip2p_sweep::pipeline::Family;
use ip2p_sweep::spec::{SweepSpec, chain_template, template};
use ip2p_sweep::{bundled, store};

use super::Error;
use super::events::{self, Event, Initialised};
use super::render;

/// The folder of exported models, relative to the current folder.
const MODELS: &str = "onnx";

/// `ip2p init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Image to edit, or a pattern such as "photos/*.jpg"
    #[arg(value_hint = ValueHint::FilePath)]
    image: String,
    /// What to do with it, e.g. "make it winter"
    instruction: String,
    /// Write a chain: edit the image, edit each result once more, and repaint a part
    #[arg(long)]
    chain: bool,
    /// Model folder, or "demo" [default: the one in onnx/, or else the demo's]
    #[arg(long, value_hint = ValueHint::DirPath)]
    model: Option<String>,
    /// File to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = "sweep.toml", value_hint = ValueHint::FilePath)]
    out: PathBuf,
}

impl Init {
    pub fn run(self) -> Result<ExitCode, Error> {
        let (model, note) = match self.model {
            Some(model) => (model, None),
            None => found_model(),
        };
        let folder = self.out.parent().unwrap_or(Path::new(""));
        let model = match model == bundled::DEMO && !Path::new(&model).is_dir() {
            true => model,
            false => relative_to(folder, &model),
        };
        // Line breaks and other control characters have no place in a prompt.
        let words: Vec<&str> = self.instruction.split(char::is_control).collect();
        let instruction = words.join(" ");
        let image = relative_to(folder, &self.image);
        let instruction = instruction.trim();
        let text = match self.chain {
            false => template(&image, instruction, &model),
            true => {
                let inpainting = models_of(Family::Inpainting).into_iter().next();
                let inpainting = inpainting.map(|model| relative_to(folder, &model));
                chain_template(&image, instruction, &model, inpainting.as_deref())
            }
        };
        store::write_new_file(&self.out, text.as_bytes())?;
        let file = self.out.display().to_string();
        match events::are_wanted() {
            false => render::line(format_args!("wrote {file}")),
            true => events::emit(Event::Init(Initialised {
                file: file.clone(),
                model,
            })),
        }
        if let Some(note) = note {
            render::note(&note);
        }
        if let Err(error) = SweepSpec::read(&self.out) {
            for missing in std::iter::once(&error).chain(error.others()) {
                render::note(&missing.to_string());
            }
        }
        render::next(&format!("ip2p plan {}", render::shell_word(&file)));
        Ok(ExitCode::SUCCESS)
    }
}

/// The exported models of a family; others would be of no use here.
fn models_of(family: Family) -> Vec<String> {
    let entries = Path::new(MODELS).read_dir().into_iter().flatten().flatten();
    let models = entries.map(|entry| entry.path());
    let mut models: Vec<String> = models
        .filter(|path| ModelFolder::open(path).is_ok_and(|model| model.family() == family))
        .map(|path| path.display().to_string())
        .collect();
    models.sort();
    models
}

/// The model to start with if none is named, and a note on the choice.
fn found_model() -> (String, Option<String>) {
    let names = models_of(Family::InstructPix2Pix);
    match names.as_slice() {
        [] => (
            bundled::DEMO.to_owned(),
            Some(
                "the model is the bundled one, which knows drawings; for photos: ip2p export timbrooks/instruct-pix2pix"
                    .to_owned(),
            ),
        ),
        [only] => (only.clone(), None),
        [first, others @ ..] => (
            first.clone(),
            Some(format!("the model is {first}; there is {}, too", others.join(", "))),
        ),
    }
}

/// A path relative to the current folder, rewritten for a file in `folder`. A path that exists only relative to that
/// folder stays as it is.
fn relative_to(folder: &Path, path: &str) -> String {
    let given = Path::new(path);
    if given.is_absolute() || (!given.exists() && folder.join(given).exists()) {
        return path.to_owned();
    }
    let (Ok(from), Ok(to)) = (
        std::path::absolute(folder_or_here(folder)),
        std::path::absolute(given),
    ) else {
        return path.to_owned();
    };
    let (from, to) = (normal(&from), normal(&to));
    let shared = from
        .iter()
        .zip(&to)
        .take_while(|(one, other)| one == other)
        .count();
    let up = from[shared..].iter().map(|_| "..");
    let down = to[shared..].iter().map(String::as_str);
    let relative: Vec<&str> = up.chain(down).collect();
    // A one-component path with the bundled model's name would be taken for that model.
    match relative.as_slice() {
        [name] if *name == bundled::DEMO => format!("./{name}"),
        _ => relative.join("/"),
    }
}

fn folder_or_here(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}

/// The components of an absolute path, with `..` resolved by name.
fn normal(path: &Path) -> Vec<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                parts.push(part.as_os_str().to_string_lossy().into_owned());
            }
        }
    }
    parts
}
