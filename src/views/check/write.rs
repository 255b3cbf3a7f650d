//! The files of a check, in the run folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::junit::junit;
use super::markdown::{SUMMARY_BYTES, summary};
use super::sheet::sheet;
use super::table::table;
use crate::judge::{Check, JudgeError};
use crate::store::{StoreError, write_file};

/// The folder in the run folder.
const FOLDER: &str = "check";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// JUnit XML.
    pub junit: PathBuf,
    /// Markdown.
    pub summary: PathBuf,
    /// Measures of every cell, as CSV.
    pub cells: PathBuf,
    /// Expected, actual and heat map of the cells that do not pass; absent if all do.
    pub sheet: Option<PathBuf>,
}

/// Writes `check/junit.xml`, `check/summary.md`, `check/cells.csv` and, if a cell does not pass, `check/sheet.png` into a run
/// folder, and appends the summary to `step_summary` if there is such a file to append to.
///
/// # Errors
/// If something cannot be written.
pub fn write_reports(
    check: &Check,
    run: &Path,
    step_summary: Option<&Path>,
) -> Result<Reports, JudgeError> {
    let folder = run.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|source| refused(&folder, source))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        write_file(&path, bytes).map_err(|source| JudgeError::Report { source })?;
        Ok(path)
    };
    let reports = Reports {
        junit: put("junit.xml", junit(check).as_bytes())?,
        summary: put("summary.md", summary(check, SUMMARY_BYTES).as_bytes())?,
        cells: put("cells.csv", &table(check))?,
        sheet: match sheet(check) {
            Some(bytes) => Some(put("sheet.png", &bytes)?),
            None => {
                // That of an earlier check, if there is one.
                let _ = fs::remove_file(folder.join("sheet.png"));
                None
            }
        },
    };
    if let Some(path) = step_summary {
        append(check, path)?;
    }
    Ok(reports)
}

fn refused(path: &Path, source: std::io::Error) -> JudgeError {
    let path = path.to_owned();
    JudgeError::Report {
        source: StoreError::Write { path, source },
    }
}

/// Other steps may have written there; all of them share the limit.
fn append(check: &Check, path: &Path) -> Result<(), JudgeError> {
    let taken = fs::metadata(path).map_or(0, |metadata| metadata.len() as usize);
    let text = summary(check, SUMMARY_BYTES.saturating_sub(taken));
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| JudgeError::Summary {
        path: path.to_owned(),
        source,
    })
}
