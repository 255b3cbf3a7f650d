//! Images and model folders: names relative to the sweep file, patterns matched, existence checked.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

use super::NamedPath;
use super::error::SpecProblem;
use super::fault::{Checked, Fault, quoted};
use super::raw::Field;

/// The folder that the paths of a sweep file are relative to.
#[derive(Debug)]
pub(super) struct Base(PathBuf);

/// What a path has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// A folder that holds these.
    Folder(&'static str),
}

impl Base {
    /// The folder of a sweep file.
    pub fn of(sweep_file: &Path) -> Self {
        Self(without_dots(sweep_file.parent().unwrap_or(Path::new(""))))
    }

    /// Model folders of a key.
    pub fn folders(&self, field: Field<'_>) -> Checked<Vec<NamedPath>> {
        self.distinct(field, |item| Ok(vec![self.folder(item)?]))
    }

    /// One model folder.
    pub fn folder(&self, field: Field<'_>) -> Checked<NamedPath> {
        const HOLDS: &str = "model_index.json, unet/, vae_decoder/ and so on";
        self.literal(field, Kind::Folder(HOLDS))
    }

    /// The CLIP folder.
    pub fn clip(&self, field: Field<'_>) -> Checked<NamedPath> {
        const HOLDS: &str = "text_encoder/, image_encoder/ and preprocessor_config.json";
        self.literal(field, Kind::Folder(HOLDS))
    }

    /// Images of a key, in its order; the matches of a pattern in natural order (2 before 10).
    pub fn files(&self, field: Field<'_>) -> Checked<Vec<NamedPath>> {
        self.distinct(field, |item| {
            let text = item.text()?;
            if is_pattern(text) && !self.0.join(text).exists() {
                self.matches(item, text)
            } else {
                Ok(vec![self.file(item)?])
            }
        })
    }

    /// What each item of a list stands for, no path twice.
    fn distinct<'t>(
        &self,
        field: Field<'t>,
        find: impl Fn(Field<'t>) -> Checked<Vec<NamedPath>>,
    ) -> Checked<Vec<NamedPath>> {
        let mut seen = HashSet::new();
        let mut paths = Vec::new();
        for item in field.items()? {
            for path in find(item)? {
                if !seen.insert(path.name.clone()) {
                    let problem = SpecProblem::Duplicate {
                        key: item.key.to_string(),
                        value: quoted(&path.name),
                    };
                    return Err(problem.at(item.at));
                }
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// One image, by its path.
    pub fn file(&self, field: Field<'_>) -> Checked<NamedPath> {
        self.literal(field, Kind::File)
    }

    /// A font file, whatever folder sheets are drawn from later.
    pub fn font(&self, field: Field<'_>) -> Checked<PathBuf> {
        let NamedPath { path, .. } = self.literal(field, Kind::File)?;
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// The name that a path has in plans, whether it exists or not.
    pub fn name(&self, field: Field<'_>) -> Checked<String> {
        let text = field.text()?;
        name_of(Path::new(text)).ok_or_else(|| bad_file_name(field, text).at(field.at))
    }

    /// Those of some names that a name stands for: itself, or those that it matches as a pattern.
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
        let pattern = Pattern::new(name).map_err(|error| bad_pattern(field, name, &error))?;
        let found = names.filter(|known| pattern.matches_with(known, MATCHING));
        Ok(found.map(str::to_owned).collect())
    }

    fn literal(&self, field: Field<'_>, kind: Kind) -> Checked<NamedPath> {
        let (text, name) = (field.text()?, self.name(field)?);
        let path = self.0.join(text);
        let key = field.key.to_string();
        let shown = quoted(text);
        let problem = match fs::metadata(&path) {
            Ok(found) if kind == Kind::File && found.is_file() => None,
            Ok(found) if kind != Kind::File && found.is_dir() => None,
            Ok(_) => Some(match kind {
                Kind::File => SpecProblem::NotAFile { key, path: shown },
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
                hint: self.nearby(&path, kind),
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

    /// What may have been meant by a path that does not exist.
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
            (None, Kind::Folder(_)) => {
                "export a model there, or give the folder of one that you have".to_owned()
            }
        }
    }

    fn matches(&self, field: Field<'_>, pattern: &str) -> Checked<Vec<NamedPath>> {
        let wants_hidden = has_hidden(Path::new(pattern));
        let paths = glob::glob_with(&self.full_pattern(field, pattern)?, MATCHING)
            .map_err(|error| bad_pattern(field, pattern, &error))?;
        let mut found = Vec::new();
        for path in paths {
            let path = path.map_err(|error| {
                SpecProblem::Inaccessible {
                    key: field.key.to_string(),
                    path: quoted(&error.path().to_string_lossy()),
                    reason: error.error().to_string(),
                }
                .at(field.at)
            })?;
            let relative = path.strip_prefix(&self.0).unwrap_or(&path);
            if !path.is_file() || (has_hidden(relative) && !wants_hidden) {
                continue;
            }
            let name = name_of(relative)
                .ok_or_else(|| bad_file_name(field, &path.to_string_lossy()).at(field.at))?;
            found.push(NamedPath { name, path });
            // Links can make folders endless; so many images are refused later anyway.
            if found.len() as u64 > super::MAX_CELLS {
                break;
            }
        }
        if found.is_empty() {
            let problem = SpecProblem::NoMatch {
                key: field.key.to_string(),
                pattern: quoted(pattern),
                folder: self.shown(),
            };
            return Err(problem.at(field.at));
        }
        found.sort_by(|a, b| natural(&a.name, &b.name));
        Ok(found)
    }

    /// The pattern with the folder before it, in which nothing is special.
    fn full_pattern(&self, field: Field<'_>, pattern: &str) -> Checked<String> {
        if Path::new(pattern).is_absolute() || self.0.as_os_str().is_empty() {
            return Ok(pattern.to_owned());
        }
        let base = self
            .0
            .to_str()
            .ok_or_else(|| bad_file_name(field, &self.0.to_string_lossy()).at(field.at))?;
        Ok(format!(
            "{}/{pattern}",
            Pattern::escape(base).trim_end_matches('/')
        ))
    }

    /// The folder as messages show it.
    fn shown(&self) -> String {
        match self.0.as_os_str().is_empty() {
            true => "the current folder".to_owned(),
            false => self.0.display().to_string(),
        }
    }
}

/// How patterns match.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    // `glob` panics on names that are not UTF-8 if it has to look for dots: done by `matches`.
    require_literal_leading_dot: false,
};

fn bad_pattern(field: Field<'_>, pattern: &str, error: &PatternError) -> Fault {
    let problem = SpecProblem::BadPattern {
        key: field.key.to_string(),
        pattern: quoted(pattern),
        reason: error.msg.to_owned(),
    };
    problem.at(field.at)
}

fn here_if_empty(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

fn bad_file_name(field: Field<'_>, path: &str) -> SpecProblem {
    SpecProblem::BadFileName {
        key: field.key.to_string(),
        path: quoted(path),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a file or folder in the path is hidden.
fn has_hidden(path: &Path) -> bool {
    path.components().any(
        |part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b".")),
    )
}

/// The path without `.` between its parts.
fn without_dots(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// A path as text with `/`; `None` if it is not plain text.
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

/// Compares text with its runs of digits as numbers: `frame2` before `frame10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(rest_a), leading_digits(rest_b));
        let order = if digits_a.is_empty() || digits_b.is_empty() {
            let (char_a, char_b) = (rest_a.chars().next(), rest_b.chars().next());
            rest_a = &rest_a[char_a.map_or(0, char::len_utf8)..];
            rest_b = &rest_b[char_b.map_or(0, char::len_utf8)..];
            match (char_a, char_b) {
                // Same number, written differently: by the whole text.
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
