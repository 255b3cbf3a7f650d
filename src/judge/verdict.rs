//! What is said of one cell.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::difference::Difference;
use super::limits::{Excess, Limits};

/// What a check says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every pixel is that of the baseline.
    Same,
    /// Within the tolerances.
    Within,
    /// The baseline is of another environment class; within the wider tolerances for that.
    Drift,
    /// Accepted once, and no longer in the sweep.
    Missing,
    /// Not accepted yet.
    New,
    /// The baseline is of another input, size or numerics: nobody has accepted anything for these.
    Stale,
    /// Beyond the tolerances or without an image, but so is the cell that it works on: its input is another.
    Follows,
    /// The cell has no image, or what was accepted for it cannot be read.
    Error,
    /// Beyond the tolerances, whatever caused it: the model's files, a library, a device.
    Regression,
}

impl Verdict {
    /// All, best first.
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

    /// Its name.
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

    /// Whether nothing has to be done about it.
    pub fn passes(self) -> bool {
        matches!(self, Self::Same | Self::Within | Self::Drift)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Model files that are named; of more their number.
const MOST_FILES: usize = 6;

/// What is known to differ from what the baseline was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The input image, the size, or the numerics.
    Parameters(&'static str),
    /// The model's files, by the beginnings of their digests then and now.
    Model(String, String, Vec<String>),
    /// A parameter had another value when the image was accepted: its key and that value.
    Was(&'static str, String),
    /// The cell that it works on did not come out as accepted: its key.
    Input(String),
    /// ONNX Runtime, then and now.
    Library(String, String),
    /// The device, its provider or the precision, then and now.
    Device(String, String),
    /// This program, then and now.
    Program(String, String),
    /// Threads on the CPU, then and now.
    Threads(usize, usize),
}

impl Cause {
    /// Of what kind it is, for programs.
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

/// A cell that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CellCheck {
    /// Its key in the run; of a missing cell, its image in the baseline.
    pub name: String,
    /// Its parameters, as people and test reports call it: `make it winter · guidance_scale 3.0`.
    pub label: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// How long it took to compute, where that is known.
    pub seconds: Option<f64>,
    /// How far it is from the baseline, where that was measured.
    pub difference: Option<Difference>,
    /// What it may be, where that was measured.
    pub limits: Option<Limits>,
    /// What is beyond its limit.
    pub excesses: Vec<Excess>,
    /// Change of the latents of its first steps, in standard deviations, where it is known.
    pub latent_change: Option<f64>,
    /// Whether that is beyond its limit.
    pub early_warning: bool,
    /// What differs from what the baseline was made with; empty if nothing known does.
    pub causes: Vec<Cause>,
    /// Why there is no image.
    pub error: Option<String>,
    /// The baseline's image.
    pub expected: Option<PathBuf>,
    /// The run's image.
    pub actual: Option<PathBuf>,
}

impl CellCheck {
    /// How bad it is among those of its verdict: the largest ratio of a measure to its limit.
    pub fn severity(&self) -> f64 {
        let ratios = self.excesses.iter().map(Excess::ratio);
        ratios.fold(0.0, f64::max)
    }

    /// What is known to differ, in words; of a cell whose pixels are the same there is nothing to explain.
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
