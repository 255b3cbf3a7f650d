//! The entry point: turns a file or its text into a [`SweepSpec`].

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::de::DeTable;

use super::error::{SpecError, SpecProblem};
use super::fault::{Faults, line_and_column};
use super::raw::RawSweep;
use super::valid::validate;
use super::{SweepSpec, syntax};
use crate::vocabulary::{Parameter, Value};

/// The largest sweep file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl SweepSpec {
    /// Reads a sweep file, matches its patterns and checks that its images and model folders exist.
    ///
    /// # Errors
    /// If anything is wrong with the file, its values or the paths in it.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let shown = path.display().to_string();
        let mut bytes = Vec::new();
        // One byte beyond the limit shows that a file is too large, whatever its metadata say.
        let read =
            File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            let reason = error.to_string();
            let problem = SpecProblem::Unreadable {
                path: shown,
                reason,
            };
            return Err(SpecError::new(problem, path, None));
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(SpecError::new(
                SpecProblem::TooLarge { path: shown },
                path,
                None,
            ));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path),
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let fault = SpecProblem::NotUtf8.at(valid.len());
                Err(fault.into_error(&valid, path))
            }
        }
    }

    /// Reads the text of a sweep file. `path` is its name in messages; paths in it are relative to that path's folder.
    ///
    /// # Errors
    /// As [`SweepSpec::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SpecError> {
        if text.len() as u64 > MAX_FILE_BYTES {
            let shown = path.display().to_string();
            let problem = SpecProblem::TooLarge { path: shown };
            return Err(SpecError::new(problem, path, None));
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        if let Some(error) = syntax_errors(text, &errors).into_error(text, path) {
            return Err(error);
        }
        let mut faults = Faults::default();
        let raw = RawSweep::new(document.get_ref(), &mut faults);
        let spec = validate(&raw, text, path, &mut faults);
        match faults.into_error(text, path) {
            Some(error) => Err(error),
            None => Ok(spec),
        }
    }

    /// The number of values that a parameter has under `[sweep]`; more than one make it an axis. It is 0 if only
    /// presets set the parameter, and for a scheduler that is left to the model.
    pub fn count(&self, parameter: Parameter) -> usize {
        self.values[parameter].len()
    }

    /// Whether some stage has more than one value of a parameter; the images of later stages do not count.
    pub fn is_axis(&self, parameter: Parameter) -> bool {
        let mut then = self.then.iter();
        let varies_later =
            then.any(|stage| parameter == Parameter::Image || stage.values[parameter].len() > 1);
        self.count(parameter) > 1 || varies_later
    }

    /// The values of a parameter as text.
    pub fn swept(&self, parameter: Parameter) -> Vec<String> {
        self.values[parameter]
            .iter()
            .map(Value::to_string)
            .collect()
    }
}

/// The faults of a file that is not TOML, one a line, because later errors in a line follow from the first. The values
/// of such a file are not checked: an unreadable one may hide others.
fn syntax_errors(text: &str, errors: &[toml::de::Error]) -> Faults {
    let mut faults = Faults::default();
    let mut lines = HashSet::new();
    // A file that is something else altogether gets one error instead of one a line.
    let most = syntax::of_file(text).map_or(errors.len(), |_| 1);
    for error in errors.iter().take(most) {
        let at = error.span().map(|span| span.start);
        if !lines.insert(at.map(|at| line_and_column(text, at).0)) {
            continue;
        }
        let message = error.message().to_owned();
        let hint = syntax::hint(text, at, &message);
        let problem = SpecProblem::Syntax { message, hint };
        faults.push(match at {
            Some(at) => problem.at(at),
            None => problem.anywhere(),
        });
    }
    faults
}
