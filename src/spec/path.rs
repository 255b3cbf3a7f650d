//! Images and model folders: makes names relative to the sweep file, matches patterns and checks that files exist.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::NamedPath;
use super::error::SpecProblem;
use super::fault::{Checked, Fault, quoted};
use super::pattern::{self, Pattern, is_pattern};
use super::raw::Field;
use crate::bundled;

/// The folder that the paths of a sweep file are relative to.
#[derive(Debug)]
pub(super) struct Base {
    folder: PathBuf,
    /// Notes for the user on the files that patterns matched.
    notes: RefCell<Vec<String>>,
}

/// The folder that `ip2p export` writes to by default.
const EXPORTS: &str = "onnx";

/// What kind of thing a path must name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// A model folder.
    Model,
    /// Another folder, which must contain what the text says.
    Folder(&'static str),
}

impl Base {
    /// The folder of a sweep file.
    pub fn of(sweep_file: &Path) -> Self {
        Self {
            folder: without_dots(sweep_file.parent().unwrap_or(Path::new(""))),
            notes: RefCell::default(),
        }
    }

    /// Notes for the user on the files that patterns have matched so far.
    pub fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    /// One model folder.
    pub fn folder(&self, field: Field<'_>) -> Checked<NamedPath> {
        if field.text()? == bundled::DEMO {
            return self.demo(field);
        }
        self.literal(field, Kind::Model)
    }

    /// The model built into the program; a folder of the same name would be ambiguous and is refused.
    fn demo(&self, field: Field<'_>) -> Checked<NamedPath> {
        let (key, name) = (field.key.to_string(), bundled::DEMO.to_owned());
        if self.folder.join(&name).is_dir() {
            return Err(SpecProblem::Reserved { key, name }.at(field.at));
        }
        match bundled::demo_model() {
            Ok(path) => Ok(NamedPath { name, path }),
            Err(error) => {
                let (path, reason) = (quoted(&name), error.to_string());
                Err(SpecProblem::Inaccessible { key, path, reason }.at(field.at))
            }
        }
    }

    /// The CLIP folder.
    pub fn clip(&self, field: Field<'_>) -> Checked<NamedPath> {
        const HOLDS: &str = "text_encoder/, image_encoder/ and preprocessor_config.json";
        self.literal(field, Kind::Folder(HOLDS))
    }

    /// The images that a path or pattern stands for; matches of a pattern come in natural order (2 before 10).
    pub fn matching_files(&self, field: Field<'_>) -> Checked<Vec<NamedPath>> {
        let text = field.text()?;
        if is_pattern(text) && !self.folder.join(text).exists() {
            self.matches(field, text)
        } else {
            Ok(vec![self.file(field)?])
        }
    }

    /// One image, by path.
    pub fn file(&self, field: Field<'_>) -> Checked<NamedPath> {
        self.literal(field, Kind::File)
    }

    /// A font file, as an absolute path, because sheets may be drawn from another folder later.
    pub fn font(&self, field: Field<'_>) -> Checked<PathBuf> {
        let NamedPath { path, .. } = self.literal(field, Kind::File)?;
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// The name that a path has in plans, whether or not it exists.
    pub fn name(&self, field: Field<'_>) -> Checked<String> {
        let text = field.text()?;
        name_of(Path::new(text)).ok_or_else(|| bad_file_name(field, text).at(field.at))
    }

    /// Those of `names` that a name stands for: the name itself or, if it is a pattern, those that match.
    pub fn select<'n>(
        &self,
        field: Field<'_>,
        name: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Checked<Vec<String>> {
        if !is_pattern(name) || names.clone().any(|known| known == name) {
            return Ok(names
                .filter(|known| *known == name)
                .map(str::to_owned)
                .collect());
        }
        let pattern = Pattern::new(name).map_err(|reason| bad_pattern(field, name, reason))?;
        let found = names.filter(|known| pattern.matches(known));
        Ok(found.map(str::to_owned).collect())
    }

    fn literal(&self, field: Field<'_>, kind: Kind) -> Checked<NamedPath> {
        let (text, name) = (field.text()?, self.name(field)?);
        let path = self.folder.join(text);
        let key = field.key.to_string();
        let shown = quoted(text);
        let problem = match fs::metadata(&path) {
            Ok(found) if kind == Kind::File && found.is_file() => None,
            Ok(found) if kind != Kind::File && found.is_dir() => None,
            Ok(_) => Some(match kind {
                Kind::File => SpecProblem::NotAFile { key, path: shown },
                Kind::Model => SpecProblem::NotAFolder {
                    key,
                    path: shown,
                    holds: "model_index.json, unet/, vae_decoder/ and so on",
                },
                Kind::Folder(holds) => SpecProblem::NotAFolder {
                    key,
                    path: shown,
                    holds,
                },
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(SpecProblem::NotFound {
                key,
                path: shown,
                folder: self.shown(),
                hint: self.foreign(text, kind).unwrap_or_else(|| {
                    let meant = self.nearby(&path, kind);
                    format!("paths are relative to the sweep file; {meant}")
                }),
            }),
            Err(error) => Some(SpecProblem::Inaccessible {
                key,
                path: shown,
                reason: error.to_string(),
            }),
        };
        match problem {
            Some(problem) => Err(problem.at(field.at)),
            None => Ok(NamedPath { name, path }),
        }
    }

    /// Suggestions for a path that does not exist.
    fn nearby(&self, path: &Path, kind: Kind) -> String {
        let wanted = path.file_name().and_then(|name| name.to_str());
        let siblings: Vec<String> = path
            .parent()
            .and_then(|parent| fs::read_dir(here_if_empty(parent)).ok())
            .into_iter()
            .flatten()
            .take(1000)
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let nearest = wanted.and_then(|wanted| {
            super::suggest::nearest(wanted, siblings.iter().map(String::as_str))
        });
        match (nearest, kind) {
            (Some(name), _) => format!("did you mean {}?", quoted(name)),
            (None, Kind::File) => "check the spelling".to_owned(),
            (None, Kind::Model) => format!(
                "`ip2p export timbrooks/instruct-pix2pix --out {}` makes one there; model = \"{}\" is the bundled one, \
                 which knows drawings",
                in_a_command(path),
                bundled::DEMO
            ),
            (None, Kind::Folder(_)) => format!(
                "`ip2p export --clip openai/clip-vit-large-patch14 --out {}` makes one there",
                in_a_command(path)
            ),
        }
    }

    fn matches(&self, field: Field<'_>, pattern: &str) -> Checked<Vec<NamedPath>> {
        // More images than this would be refused later anyway.
        let most = super::MAX_CELLS as usize + 1;
        let matches = pattern::files(&self.folder, pattern, most)
            .map_err(|reason| bad_pattern(field, pattern, reason))?;
        let (key, shown) = (field.key.to_string(), quoted(pattern));
        if matches.files.is_empty() {
            let problem = match matches.passed_over.as_slice() {
                [] => SpecProblem::NoMatch {
                    key,
                    pattern: shown,
                    folder: self.shown(),
                    hint: self.foreign(pattern, Kind::File).unwrap_or_else(|| {
                        "paths are relative to the sweep file; `*` does not reach into subfolders, `**/` does"
                            .to_owned()
                    }),
                },
                reasons => SpecProblem::NoUsableMatch {
                    key,
                    pattern: shown,
                    reasons: some_of(reasons),
                },
            };
            return Err(problem.at(field.at));
        }
        if !matches.passed_over.is_empty() {
            let reasons = some_of(&matches.passed_over);
            let note = format!("{key} {shown}: skipped: {reasons}");
            self.notes.borrow_mut().push(note);
        }
        let mut found = Vec::with_capacity(matches.files.len());
        for path in matches.files {
            let relative = path.strip_prefix(&self.folder).unwrap_or(&path);
            let name = name_of(relative)
                .ok_or_else(|| bad_file_name(field, &path.to_string_lossy()).at(field.at))?;
            found.push(NamedPath { name, path });
        }
        found.sort_by(|a, b| natural(&a.name, &b.name));
        Ok(found)
    }

    /// The remedy for a path that is none here: a URL, a home folder, the name of a model on a hub.
    fn foreign(&self, text: &str, kind: Kind) -> Option<String> {
        let url = text.split_once("://").map(|(_, rest)| rest);
        let on_hub = url
            .and_then(|url| url.strip_prefix("huggingface.co/"))
            .unwrap_or(text);
        let is_elsewhere = url.is_some() || !self.is_below_a_folder_here(text);
        if kind == Kind::Model && is_elsewhere && is_hub_name(on_hub) {
            let name = on_hub.trim_end_matches('/');
            return Some(format!(
                "to use a model of a hub, export it: ip2p export {name}"
            ));
        }
        if url.is_some() {
            return Some(
                "nothing is fetched from the network: download it, and give its path".to_owned(),
            );
        }
        text.starts_with('~')
            .then(|| "`~` is not your home folder here: write the path out".to_owned())
    }

    /// Whether a path that looks like the name of a model on a hub means a folder beside the sweep file: one that
    /// exists, or the one that exports are written to.
    fn is_below_a_folder_here(&self, text: &str) -> bool {
        let first = text.split('/').next().unwrap_or(text);
        first == EXPORTS || self.folder.join(first).is_dir()
    }

    /// The folder as messages show it.
    fn shown(&self) -> String {
        match self.folder.as_os_str().is_empty() {
            true => "the current folder".to_owned(),
            false => self.folder.display().to_string(),
        }
    }
}

/// Whether text looks like `organisation/name` on a hub.
fn is_hub_name(text: &str) -> bool {
    let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    let plain = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    parts.len() == 2 && parts.iter().all(plain)
}

fn bad_pattern(field: Field<'_>, pattern: &str, reason: String) -> Fault {
    let problem = SpecProblem::BadPattern {
        key: field.key.to_string(),
        pattern: quoted(pattern),
        reason,
    };
    problem.at(field.at)
}

/// The first few of many reasons, and the number of the others.
fn some_of(reasons: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = reasons[..reasons.len().min(SHOWN)].join("; ");
    match reasons.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// A path quoted as one word of a command line.
fn in_a_command(path: &Path) -> String {
    let text = path.display().to_string();
    match text.contains(char::is_whitespace) {
        true => format!("\"{text}\""),
        false => text,
    }
}

fn here_if_empty(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

fn bad_file_name(field: Field<'_>, path: &str) -> SpecProblem {
    // Characters that TOML makes from a backslash and a letter.
    let is_typed = |text: &str| text.contains(['\u{8}', '\t', '\n', '\u{c}', '\r', '\u{1b}']);
    SpecProblem::BadFileName {
        key: field.key.to_string(),
        path: quoted(path),
        hint: if field.text().is_ok_and(is_typed) {
            "in \"double quotes\" a backslash begins an escape: write / or 'single quotes'"
        } else {
            "rename it, without control characters and in UTF-8"
        },
    }
}

/// The path without its `.` components.
fn without_dots(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// A path as text with `/`; `None` if it is not UTF-8.
fn name_of(path: &Path) -> Option<String> {
    let path = without_dots(path);
    let name = path.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
    if name.chars().any(char::is_control) {
        return None;
    }
    Some(if name.is_empty() {
        ".".to_owned()
    } else {
        name
    })
}

/// Compares text with runs of digits compared as numbers: `frame2` before `frame10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(rest_a), leading_digits(rest_b));
        let order = if digits_a.is_empty() || digits_b.is_empty() {
            let (char_a, char_b) = (rest_a.chars().next(), rest_b.chars().next());
            rest_a = &rest_a[char_a.map_or(0, char::len_utf8)..];
            rest_b = &rest_b[char_b.map_or(0, char::len_utf8)..];
            match (char_a, char_b) {
                // The same number written differently: compare the whole text.
                (None, None) => return a.cmp(b),
                _ => char_a.cmp(&char_b),
            }
        } else {
            rest_a = &rest_a[digits_a.len()..];
            rest_b = &rest_b[digits_b.len()..];
            let (value_a, value_b) = (
                digits_a.trim_start_matches('0'),
                digits_b.trim_start_matches('0'),
            );
            (value_a.len(), value_a).cmp(&(value_b.len(), value_b))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_in_file_names_count_as_numbers() {
        let mut names = ["f10.png", "f2.png", "f02.png", "e.png", "f.png", "f2", "g1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["e.png", "f.png", "f2", "f02.png", "f2.png", "f10.png", "g1"]
        );
    }
}
