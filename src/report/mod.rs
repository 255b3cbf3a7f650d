//! The HTML report: one folder beside the cells, made from what a run folder holds and nothing else.
//!
//! `report/index.html` carries its data as JSON, so that it works opened from a disk as from any web
//! server, without a network. Writing it again while a run goes on brings it up to date: every file
//! is replaced atomically, and what is still good is kept.

mod columns;
mod data;
mod error;
mod files;
mod inputs;
mod memory;
mod page;
mod thumbnails;

use std::path::PathBuf;

pub use error::ReportError;

use crate::store::Run;
use data::Data;
use inputs::Inputs;

/// The report's folder in the run folder.
const FOLDER: &str = "report";

/// Writes `report/index.html` and all it needs into the run folder and returns its path.
///
/// An input image that is no longer there, or a cell's image that cannot be read, is told in the page
/// and hinders nothing else.
///
/// # Errors
/// If a file of the report cannot be written.
pub fn write_report(run: &Run) -> Result<PathBuf, ReportError> {
    let folder = run.folder.join(FOLDER);
    let inputs = Inputs::write(run, &folder.join(inputs::FOLDER))?;
    let thumbnails = thumbnails::write(run, &folder.join(thumbnails::FOLDER))?;
    let data = Data::new(run, &inputs, &thumbnails);
    files::write(&folder.join("style.css"), page::STYLE.as_bytes())?;
    files::write(&folder.join("report.js"), page::SCRIPT.as_bytes())?;
    let index = folder.join("index.html");
    files::write(&index, page::render(run, &data)?.as_bytes())?;
    Ok(index)
}
