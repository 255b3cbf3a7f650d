//! Writes the files of a check into the run folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::junit::junit;
use super::markdown::{SUMMARY_BYTES, summary};
use super::page::page;
use super::sheet::sheet;
use super::table::table;
use crate::judge::{Check, JudgeError};
use crate::store::{Run, StoreError, make_folder, refuse_link, write_file};
use crate::views::{File, View, ViewFiles};

/// The folder of the check in the run folder.
const FOLDER: &str = "check";

/// The page in that folder.
const PAGE: &str = "index.html";

/// The files of a check in the run folder: `check/index.html`, `check/junit.xml`, `check/summary.md`, `check/cells.csv`
/// and, if a cell does not pass, `check/sheet.png`.
#[derive(Debug)]
pub struct Checked<'a> {
    /// The result of the check.
    pub check: &'a Check,
    /// The run folder.
    pub run: &'a Path,
    /// The baseline's folder, unless it is the default one.
    pub baseline: Option<&'a Path>,
    /// A file to append the summary to, as on GitHub Actions.
    pub step_summary: Option<PathBuf>,
}

impl View for Checked<'_> {
    type Error = JudgeError;

    /// Always `None`: a check is written when it is made.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    fn write(&self) -> Result<ViewFiles, JudgeError> {
        let check = self.check;
        let folder = self.run.join(FOLDER);
        make_folder(&folder).map_err(|source| JudgeError::Report { source })?;
        let put = |what: &'static str, name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            write_file(&path, bytes).map_err(|source| JudgeError::Report { source })?;
            Ok(File::of(what, path))
        };
        let page =
            page(check, &accept_command(self.run, self.baseline)).map_err(JudgeError::Page)?;
        let mut files = vec![
            put("page", PAGE, page.as_bytes())?,
            put("junit", "junit.xml", junit(check).as_bytes())?,
            put(
                "summary",
                "summary.md",
                summary(check, PAGE, SUMMARY_BYTES).as_bytes(),
            )?,
            put("table", "cells.csv", &table(check))?,
        ];
        match sheet(check) {
            Some(bytes) => files.push(put("sheet", "sheet.png", &bytes)?),
            // The sheet of an earlier check, if there is one.
            None => drop(fs::remove_file(folder.join("sheet.png"))),
        }
        if let Some(path) = &self.step_summary {
            append(check, &folder.join(PAGE), path)?;
        }
        Ok(ViewFiles {
            files,
            notes: Vec::new(),
        })
    }
}

/// Removes the files of an earlier check from a run folder before anything can fail, so that they are not mistaken for
/// the result of a check that fails. Does nothing if the run was not checked.
///
/// # Errors
/// If they cannot be removed, or a link stands in place of the folder.
pub fn forget(run: &Path) -> Result<(), JudgeError> {
    let folder = run.join(FOLDER);
    if !Run::is_in(run) {
        return Ok(());
    }
    refuse_link(&folder).map_err(|source| JudgeError::Report { source })?;
    for name in [PAGE, "junit.xml", "summary.md", "cells.csv", "sheet.png"] {
        let path = folder.join(name);
        if let Err(source) = fs::remove_file(&path)
            && path.exists()
        {
            return Err(JudgeError::Report {
                source: StoreError::Write { path, source },
            });
        }
    }
    Ok(())
}

/// The command that accepts all of a run, relative to the folder in which the check ran; `baseline` as it was given.
pub fn accept_command(run: &Path, baseline: Option<&Path>) -> String {
    let flag = baseline.map(|folder| format!(" --baseline {}", shell_word(folder)));
    format!(
        "ip2p accept {}{}",
        shell_word(run),
        flag.unwrap_or_default()
    )
}

fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:\\".contains(c);
    match path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// Appends the summary; other steps may have written there, and all share one limit.
fn append(check: &Check, page: &Path, path: &Path) -> Result<(), JudgeError> {
    let taken = fs::metadata(path).map_or(0, |metadata| metadata.len() as usize);
    let page = page.display().to_string();
    let text = summary(check, &page, SUMMARY_BYTES.saturating_sub(taken));
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| JudgeError::Summary {
        path: path.to_owned(),
        source,
    })
}
