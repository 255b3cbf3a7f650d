//! The verdict on one cell.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::difference::Difference;
use super::limits::{Excess, Limits};

/// The verdict of a check on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every pixel equals the baseline's.
    Same,
    /// Different, but within the tolerances.
    Within,
    /// The baseline is from another environment class, and the cell is within the wider tolerances for that.
    Drift,
    /// Accepted earlier, but no longer in the sweep.
    Missing,
    /// Not accepted yet.
    New,
    /// The baseline is from another input, size or numerical settings, so nothing has been accepted for these.
    Stale,
    /// Beyond the tolerances or without an image, but so is the cell it works on, so its input is another.
    Follows,
    /// The cell has no image, or what was accepted for it cannot be read.
    Error,
    /// Beyond the tolerances, for whatever reason: the model's files, a library, a device.
    Regression,
}

impl Verdict {
    /// All verdicts, best first.
    pub const ALL: [Self; 9] = [
        Self::Same,
        Self::Within,
        Self::Drift,
        Self::Missing,
        Self::New,
        Self::Stale,
        Self::Follows,
        Self::Error,
        Self::Regression,
    ];

    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Within => "within",
            Self::Drift => "drift",
            Self::Missing => "missing",
            Self::New => "new",
            Self::Stale => "stale",
            Self::Follows => "follows",
            Self::Error => "error",
            Self::Regression => "regression",
        }
    }

    /// Whether it requires no action.
    pub fn passes(self) -> bool {
        matches!(self, Self::Same | Self::Within | Self::Drift)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many model files are named; beyond that only their number is given.
const MOST_FILES: usize = 6;

/// A known difference from the conditions under which the baseline was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The input image, the size, or the numerics.
    Parameters(&'static str),
    /// The model's files: the beginnings of the old and new digests, and the files that differ.
    Model(String, String, Vec<String>),
    /// A parameter had another value when the image was accepted: its key and the old value.
    Was(&'static str, String),
    /// The cell it works on did not come out as accepted: that cell's key.
    Input(String),
    /// ONNX Runtime: old and new version.
    Library(String, String),
    /// The device, its provider or the precision: old and new.
    Device(String, String),
    /// This program: old and new version.
    Program(String, String),
    /// Number of CPU threads: old and new.
    Threads(usize, usize),
}

impl Cause {
    /// The kind of cause, as a word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Parameters(_) => "parameters",
            Self::Model(..) => "model",
            Self::Was(..) => "was",
            Self::Input(_) => "input",
            Self::Library(..) => "library",
            Self::Device(..) => "device",
            Self::Program(..) => "program",
            Self::Threads(..) => "threads",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters(what) => write!(f, "the {what} changed"),
            Self::Model(then, now, files) => {
                write!(
                    f,
                    "the model files changed (their digest {then} became {now})"
                )?;
                let named = files.iter().take(MOST_FILES);
                let named: Vec<&str> = named.map(String::as_str).collect();
                match (named.is_empty(), files.len().saturating_sub(MOST_FILES)) {
                    (true, _) => Ok(()),
                    (false, 0) => write!(f, ": {}", named.join(", ")),
                    (false, more) => write!(f, ": {}, and {more} more", named.join(", ")),
                }
            }
            Self::Was(parameter, value) => write!(f, "was {parameter} {value}"),
            Self::Input(cell) => write!(f, "its input changed ({cell})"),
            Self::Library(then, now) => write!(f, "ONNX Runtime {then} became {now}"),
            Self::Device(then, now) => write!(f, "the device {then} became {now}"),
            Self::Program(then, now) => write!(f, "ip2p {then} became {now}"),
            Self::Threads(then, now) => write!(f, "runtime.threads {then} became {now}"),
        }
    }
}

/// A checked cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellCheck {
    /// Its key in the run; for a missing cell, its image in the baseline.
    pub name: String,
    /// Its readable name for people and test reports: `make it winter · guidance_scale 3.0`.
    pub label: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// How long it took to compute, if known.
    pub seconds: Option<f64>,
    /// Its difference from the baseline, if measured.
    pub difference: Option<Difference>,
    /// The limits of that difference.
    pub limits: Option<Limits>,
    /// The measures that exceed their limits.
    pub excesses: Vec<Excess>,
    /// Change of the latents' statistics in its first steps, in standard deviations, if known.
    pub latent_change: Option<f64>,
    /// Whether that change exceeds its limit.
    pub early_warning: bool,
    /// Known differences from the conditions of the baseline.
    pub causes: Vec<Cause>,
    /// Why there is no image.
    pub error: Option<String>,
    /// The baseline's image.
    pub expected: Option<PathBuf>,
    /// The run's image.
    pub actual: Option<PathBuf>,
}

impl CellCheck {
    /// How bad it is among cells with the same verdict: the largest ratio of a measure to its limit.
    pub fn severity(&self) -> f64 {
        let ratios = self.excesses.iter().map(Excess::ratio);
        ratios.fold(0.0, f64::max)
    }

    /// The known differences, in words; empty for a cell with the same pixels, where there is nothing to explain.
    pub fn explanation(&self) -> String {
        if let Some(error) = &self.error {
            return error.clone();
        }
        let causes: Vec<String> = self.causes.iter().map(Cause::to_string).collect();
        match (self.difference, causes.is_empty()) {
            (Some(difference), true) if !difference.is_none() => {
                "nothing known changed since the baseline".to_owned()
            }
            _ => causes.join("; "),
        }
    }
}
