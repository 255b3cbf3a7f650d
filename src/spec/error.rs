//! What can be wrong with a sweep file, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

/// Why a sweep file cannot be used: the first problem, its location, and the other problems found with it.
///
/// Displays only the first problem; [`SpecError::location`] has its location and `help` the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    problem: Box<SpecProblem>,
    path: PathBuf,
    position: Option<(usize, usize)>,
    excerpt: Option<Box<Excerpt>>,
    others: Vec<SpecError>,
}

/// The line of a sweep file with a problem, split at the location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number, from 1.
    pub line: usize,
    /// The text before the location; only the end of it if the line is long.
    pub before: String,
    /// The text from the location on; only the beginning of it if the line is long.
    pub after: String,
}

impl SpecError {
    pub(super) fn new(problem: SpecProblem, path: &Path, position: Option<(usize, usize)>) -> Self {
        Self {
            problem: Box::new(problem),
            path: path.to_owned(),
            position,
            excerpt: None,
            others: Vec::new(),
        }
    }

    /// Adds the line with the problem.
    pub(super) fn with_excerpt(self, excerpt: Option<Excerpt>) -> Self {
        Self {
            excerpt: excerpt.map(Box::new),
            ..self
        }
    }

    /// Adds the other problems of the same file.
    pub(super) fn with_others(self, others: Vec<SpecError>) -> Self {
        Self { others, ..self }
    }

    /// The first problem.
    pub fn problem(&self) -> &SpecProblem {
        &self.problem
    }

    /// The sweep file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sweep file, line and column of the problem (both from 1, columns in characters), if it has a location.
    pub fn location(&self) -> Option<(&Path, usize, usize)> {
        self.position
            .map(|(line, column)| (self.path.as_path(), line, column))
    }

    /// The line with the problem, if the problem has a location.
    pub fn excerpt(&self) -> Option<&Excerpt> {
        self.excerpt.as_deref()
    }

    /// The other problems of the same file, in the order of their locations.
    pub fn others(&self) -> &[SpecError] {
        &self.others
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for SpecError {}

impl Diagnostic for SpecError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.others.iter().map(|other| other as &dyn Diagnostic),
        ))
    }
}

/// One problem of a sweep file. Keys are named like `guidance_scale`, `runtime.device` or `seed of preset 2`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[allow(missing_docs)] // the messages say what the variants and their fields are
pub enum SpecProblem {
    #[error("cannot read the sweep file {path}: {reason}")]
    #[diagnostic(help("give the path of a sweep file; `ip2p init` writes one"))]
    Unreadable { path: String, reason: String },

    #[error("the sweep file {path} is larger than 1 MiB")]
    #[diagnostic(help("a sweep file is a short TOML text; is this the right file?"))]
    TooLarge { path: String },

    #[error("the sweep file is not UTF-8 text")]
    #[diagnostic(help("save it in the encoding UTF-8"))]
    NotUtf8,

    #[error("not valid TOML: {message}")]
    #[diagnostic(help("{hint}"))]
    Syntax { message: String, hint: String },

    #[error("unknown key {key} {place}")]
    #[diagnostic(help("{hint}"))]
    UnknownKey {
        key: String,
        place: String,
        hint: String,
    },

    #[error("{key} is {name} under another name, and {name} is set, too")]
    #[diagnostic(help("remove one of the two"))]
    SecondName { key: String, name: &'static str },

    #[error("{key} must be {expected}, not {found}")]
    #[diagnostic(help("{hint}"))]
    WrongType {
        key: String,
        expected: String,
        found: &'static str,
        hint: String,
    },

    #[error("{key} is missing")]
    #[diagnostic(help("{hint}"))]
    Missing { key: String, hint: String },

    #[error("{key} has no values")]
    #[diagnostic(help("give at least one {what}, e.g. {example}"))]
    NoValues {
        key: String,
        what: &'static str,
        example: String,
    },

    #[error("{key} has the value {value} twice")]
    #[diagnostic(help("remove one of the two"))]
    Duplicate { key: String, value: String },

    #[error("{key} is {value}, which is outside {min} to {max}")]
    #[diagnostic(help("{hint}"))]
    OutOfRange {
        key: String,
        value: String,
        min: String,
        max: String,
        hint: String,
    },

    #[error("{key} is {value}, which is not a finite number")]
    #[diagnostic(help("give a number like 7.0"))]
    NotFinite { key: String, value: String },

    #[error("{key} is {value}, which is not a whole number")]
    #[diagnostic(help("write it without a decimal point"))]
    NotWhole { key: String, value: String },

    #[error("{key} is {value}, which has more than {max} decimals")]
    #[diagnostic(help("round it to {max} decimals"))]
    TooPrecise {
        key: String,
        value: String,
        max: u32,
    },

    #[error("the range of {key} {fault}")]
    #[diagnostic(help("{hint}"))]
    Range {
        key: String,
        fault: String,
        hint: String,
    },

    #[error("the table of {key} {fault}")]
    #[diagnostic(help("{hint}"))]
    Mask {
        key: String,
        fault: String,
        hint: String,
    },

    #[error("the range of {key} has {count} values, more than {max}")]
    #[diagnostic(help("take a larger step or a smaller count"))]
    TooManyValues {
        key: String,
        count: String,
        max: u64,
    },

    #[error("the sweep has {cells} cells, more than {max}")]
    #[diagnostic(help("shorten an axis: {axes}"))]
    TooManyCells {
        cells: String,
        max: u64,
        axes: String,
    },

    #[error(
        "the sweep's {cells} cells hold up to {bytes} bytes of text each: more than {max_mib} MiB"
    )]
    #[diagnostic(help("shorten the longest instruction or negative prompt, or an axis: {axes}"))]
    TooMuchText {
        cells: u64,
        bytes: usize,
        max_mib: u64,
        axes: String,
    },

    #[error("{key} holds the control character {character}")]
    #[diagnostic(help("write the text on one line, with spaces instead of tabs"))]
    ControlCharacter { key: String, character: String },

    #[error("{key} is {bytes} bytes long, more than {max}")]
    #[diagnostic(help("shorten it; a model reads only the first 77 tokens or so"))]
    TooLong {
        key: String,
        bytes: usize,
        max: usize,
    },

    #[error("{key}: no file matches {pattern} in {folder}")]
    #[diagnostic(help("{hint}"))]
    NoMatch {
        key: String,
        pattern: String,
        folder: String,
        hint: String,
    },

    #[error("{key}: no file that {pattern} matches can be used: {reasons}")]
    #[diagnostic(help("PNG, JPEG, WebP, GIF, BMP and TIFF can be read"))]
    NoUsableMatch {
        key: String,
        pattern: String,
        reasons: String,
    },

    #[error("{key}: {pattern} is not a valid pattern: {reason}")]
    #[diagnostic(help(
        "in patterns `*`, `?`, `[abc]`, `{{jpg,png}}` and `**/` are special; write `[[]` for a bracket"
    ))]
    BadPattern {
        key: String,
        pattern: String,
        reason: String,
    },

    #[error("{key} {name:?} is the bundled model, and there is a folder of that name")]
    #[diagnostic(help("write \"./{name}\" for the folder, or rename it"))]
    Reserved { key: String, name: String },

    #[error("{key} {path} does not exist in {folder}")]
    #[diagnostic(help("{hint}"))]
    NotFound {
        key: String,
        path: String,
        folder: String,
        hint: String,
    },

    #[error("{key}: cannot read {path}: {reason}")]
    #[diagnostic(help("check the path and its permissions"))]
    Inaccessible {
        key: String,
        path: String,
        reason: String,
    },

    #[error("{key} {path} is not a file")]
    #[diagnostic(help(
        "give an image file, or a pattern such as \"photos/*.jpg\" for a folder of them"
    ))]
    NotAFile { key: String, path: String },

    #[error("{key} {path} is not a folder")]
    #[diagnostic(help("give the folder that holds {holds}"))]
    NotAFolder {
        key: String,
        path: String,
        holds: &'static str,
    },

    #[error("{key}: the file name {path} is not plain text")]
    #[diagnostic(help("{hint}"))]
    BadFileName {
        key: String,
        path: String,
        hint: &'static str,
    },

    #[error("{key}: unknown {what} {value}")]
    #[diagnostic(help("{hint}"))]
    UnknownName {
        key: String,
        what: &'static str,
        value: String,
        hint: String,
    },

    #[error("{value} cannot be the name of a run folder: {reason}")]
    #[diagnostic(help("{hint}"))]
    BadName {
        value: String,
        reason: &'static str,
        hint: String,
    },

    #[error("{preset} sets nothing")]
    #[diagnostic(help("give it values, e.g. guidance_scale = 5.0"))]
    EmptyPreset { preset: String },

    #[error("{key} is set by a preset, but is also an axis of [sweep]")]
    #[diagnostic(help(
        "leave one value of {parameter} under [sweep], or take {parameter} out of the presets"
    ))]
    PresetAxis { key: String, parameter: String },

    #[error("the presets {first} and {second} set the same values")]
    #[diagnostic(help("remove one of the two; what a preset leaves out it takes from [sweep]"))]
    SamePresets { first: String, second: String },

    #[error("{exclude} matches nothing in particular: it has no keys")]
    #[diagnostic(help("give it the values of the cells to leave out, e.g. guidance_scale = 9.0"))]
    EmptyExclude { exclude: String },

    #[error("{key} never matches: the sweep has no {parameter} {value}")]
    #[diagnostic(help("{hint}"))]
    NeverMatches {
        key: String,
        parameter: String,
        value: String,
        hint: String,
    },

    #[error("{caption} is the second one for {edit}")]
    #[diagnostic(help("remove one of the two, or give each the images that it is for"))]
    SecondCaption { caption: String, edit: String },

    #[error("before and after of {caption} are the same")]
    #[diagnostic(help(
        "say what the edited image should show, e.g. before = \"a house\" and after = \"a house in winter\""
    ))]
    NoDirection { caption: String },

    #[error("{part} must have either a box or a mask")]
    #[diagnostic(help("give box = [left, top, width, height] in pixels, or mask = \"FILE\""))]
    OnePart { part: String },

    #[error("{tolerance} is the second one for {instruction}, or changes nothing")]
    #[diagnostic(help("give one [[check.tolerance]] an instruction, with the limits that differ"))]
    IdleTolerance {
        tolerance: String,
        instruction: String,
    },

    #[error("{key} is {parameter}, which is not an axis of this sweep")]
    #[diagnostic(help("{hint}"))]
    NotAnAxis {
        key: String,
        parameter: String,
        hint: String,
    },

    #[error("sheet.{one} and sheet.{other} are both {parameter}")]
    #[diagnostic(help("choose two different axes"))]
    SameAxis {
        one: String,
        other: String,
        parameter: String,
    },

    #[error("{key} does not go with fit = \"{fit}\"")]
    #[diagnostic(help("{hint}"))]
    SizeConflict {
        key: String,
        fit: String,
        hint: &'static str,
    },
}
