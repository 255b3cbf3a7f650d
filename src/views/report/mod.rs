//! The HTML report: one folder beside the cells, made from what a run folder holds and nothing else.
//!
//! `report/index.html` carries its data as JSON, so that it works opened from a disk as from any web
//! server, without a network. Writing it again while a run goes on brings it up to date: every file
//! is replaced atomically, and what is still good is kept.

mod columns;
mod data;
mod error;
mod inputs;
mod memory;
mod page;
mod thumbnails;

use std::path::PathBuf;

pub use error::ReportError;

use crate::store::{Run, make_folder, write_file};
use crate::views::{File, Made, View};
use data::Data;
use inputs::Inputs;

/// The report's folder in the run folder.
const FOLDER: &str = "report";
/// The page in it; the last file that is written.
const INDEX: &str = "index.html";

/// The report of a run.
#[derive(Debug)]
pub struct Report<'a> {
    /// The run.
    pub run: &'a Run,
}

impl View for Report<'_> {
    type Error = ReportError;

    fn find(&self) -> Option<Made> {
        find_report(self.run).map(made)
    }

    fn write(&self) -> Result<Made, ReportError> {
        write_report(self.run).map(made)
    }
}

fn made(index: PathBuf) -> Made {
    Made {
        files: vec![File::of("report", index)],
        notes: Vec::new(),
    }
}

/// The report of a run, if it was written after all that it shows.
fn find_report(run: &Run) -> Option<PathBuf> {
    let index = run.folder.join(FOLDER).join(INDEX);
    run.is_shown_by(&index).then_some(index)
}

/// Writes `report/index.html` and all it needs into the run folder and returns its path.
///
/// An input that the run folder lacks, or a cell's image that cannot be read, is told in the page and
/// hinders nothing else.
///
/// # Errors
/// If a file of the report cannot be written, or a symbolic link stands where it would be.
pub fn write_report(run: &Run) -> Result<PathBuf, ReportError> {
    let as_it_is = run.without_bad_images();
    let run = as_it_is.as_ref().unwrap_or(run);
    let folder = run.folder.join(FOLDER);
    let thumbnails = folder.join(thumbnails::FOLDER);
    for folder in [&folder, &thumbnails] {
        make_folder(folder)?;
    }
    let thumbnails = thumbnails::write(run, &thumbnails)?;
    let data = Data::new(run, &Inputs::find(run), &thumbnails);
    write_file(&folder.join("style.css"), page::STYLE.as_bytes())?;
    write_file(&folder.join("report.js"), page::SCRIPT.as_bytes())?;
    let index = folder.join(INDEX);
    write_file(&index, page::render(run, &data)?.as_bytes())?;
    Ok(index)
}
