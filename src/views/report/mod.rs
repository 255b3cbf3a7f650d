//! The HTML report: one folder beside the cells, made from what a run folder holds and nothing else.
//!
//! `report/index.html` carries its data as JSON, so that it works opened from a disk as from any web
//! server, without a network. Writing it again while a run goes on brings it up to date: every file
//! is replaced atomically, and what is still good is kept.

mod chain;
mod columns;
mod data;
mod error;
mod gain;
mod inputs;
mod memory;
mod page;
mod thumbnails;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use error::ReportError;

use crate::image::read;
use crate::store::{Run, make_folder, open_file, write_file};
use crate::views::{File, View, ViewFiles, inline};
use chain::{Chain, page_of};
use data::Data;
use inputs::Inputs;

/// The report's folder in the run folder.
const FOLDER: &str = "report";
/// The page in it; the last file that is written.
const INDEX: &str = "index.html";
/// What the page's first element has where an image could not be read.
const INCOMPLETE: &str = "data-incomplete";
/// WebP quality of the images of a report in one file: their artefacts are not seen at the size of a screen.
const SINGLE_QUALITY: u8 = 85;

/// The report of a run.
#[derive(Debug)]
pub struct Report<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its folder; in the run folder if absent.
    pub out: Option<PathBuf>,
}

impl<'a> Report<'a> {
    /// That of a run, in the run folder.
    pub fn of(run: &'a Run) -> Self {
        Self { run, out: None }
    }

    fn folder(&self) -> PathBuf {
        let own = || self.run.folder.join(FOLDER);
        self.out.clone().unwrap_or_else(own)
    }
}

impl View for Report<'_> {
    type Error = ReportError;

    fn find(&self) -> Option<ViewFiles> {
        let index = self
            .folder()
            .join(page_of(&self.run.plan, stage_of(self.run)));
        let is_good = self.run.is_shown_by(&index) && is_complete(&index);
        is_good.then(|| made(index))
    }

    fn write(&self) -> Result<ViewFiles, ReportError> {
        write_into(self.run, &self.folder()).map(made)
    }
}

/// Whether every image could be read when a page was written: one that lacks some is written again, since they may be
/// there now.
fn is_complete(index: &Path) -> bool {
    let mut head = [0; 100];
    let read = open_file(index).and_then(|mut page| page.read_exact(&mut head));
    read.is_ok() && !String::from_utf8_lossy(&head).contains(INCOMPLETE)
}

fn made(index: PathBuf) -> ViewFiles {
    ViewFiles {
        files: vec![File::of("report", index)],
        notes: Vec::new(),
    }
}

/// The report of a run in one file, for a mail: its images inside, as WebP.
#[derive(Debug)]
pub struct SingleReport<'a> {
    /// The run.
    pub run: &'a Run,
    /// The file.
    pub out: PathBuf,
}

impl View for SingleReport<'_> {
    type Error = ReportError;

    /// Never: it is written where and when it is wanted.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    fn write(&self) -> Result<ViewFiles, ReportError> {
        let as_it_is = self.run.without_bad_images();
        let run = as_it_is.as_ref().unwrap_or(self.run);
        let mut data = Data::new(run, &Inputs::find(run), &HashSet::new(), "..");
        data.chain = Chain::of(&with_all_stages(run), stage_of(run), "..", false);
        data.embed(|file| {
            let (image, _) = read(&run.folder.join(file)).ok()?;
            inline::small_webp(&image, SINGLE_QUALITY)
        });
        write_file(&self.out, page::render_single(run, &data)?.as_bytes())?;
        Ok(made(self.out.clone()))
    }
}

/// Writes `report/index.html` and all it needs into the run folder and returns its path.
///
/// An input that the run folder lacks, or a cell's image that cannot be read, is told in the page and
/// hinders nothing else.
///
/// # Errors
/// If a file of the report cannot be written, or a symbolic link stands where it would be.
pub fn write_report(run: &Run) -> Result<PathBuf, ReportError> {
    write_into(run, &run.folder.join(FOLDER))
}

fn write_into(run: &Run, folder: &Path) -> Result<PathBuf, ReportError> {
    let stage = stage_of(run);
    let whole = with_all_stages(run);
    let as_it_is = whole.without_bad_images();
    let whole = as_it_is.as_ref().unwrap_or(&whole);
    let thumbnails = folder.join(thumbnails::FOLDER);
    for folder in [folder, &thumbnails] {
        make_folder(folder)?;
    }
    let base = base(&whole.folder, folder);
    let thumbnails = thumbnails::write(whole, &thumbnails)?;
    write_file(&folder.join("style.css"), page::STYLE.as_bytes())?;
    write_file(&folder.join("report.js"), page::SCRIPT.as_bytes())?;
    // The last stage's page is the report's own, and comes last.
    for stage in 0..=whole.plan.last_stage() {
        let own = match whole.plan.stages.len() {
            0 | 1 => Cow::Borrowed(whole),
            _ => Cow::Owned(whole.of_stage(stage)),
        };
        let mut data = Data::new(&own, &Inputs::find(&own), &thumbnails, &base);
        data.chain = Chain::of(whole, stage, &base, true);
        let page = page::render(&own, &data, &base, as_it_is.is_some())?;
        write_file(&folder.join(page_of(&whole.plan, stage)), page.as_bytes())?;
    }
    Ok(folder.join(page_of(&whole.plan, stage)))
}

/// The stage that a run of one stage shows.
fn stage_of(run: &Run) -> usize {
    let first = run.plan.cells.first();
    first.map_or(run.plan.last_stage(), |cell| cell.stage)
}

/// The run of a stage with the other stages.
fn with_all_stages(run: &Run) -> Cow<'_, Run> {
    let read = || Run::read(&run.folder).ok();
    match run.plan.stages.len() {
        0 | 1 => Cow::Borrowed(run),
        _ => read().map_or(Cow::Borrowed(run), Cow::Owned),
    }
}

/// The run folder as the page links to it.
fn base(run: &Path, folder: &Path) -> String {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (run, folder) = (real(run), real(folder));
    let seen = pathdiff::diff_paths(&run, &folder).unwrap_or(run);
    let parts = seen
        .components()
        .map(|part| encoded(&part.as_os_str().to_string_lossy()));
    parts.collect::<Vec<_>>().join("/")
}

/// A part of a path as a part of an address.
fn encoded(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte);
    part.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_folder_is_linked_to_from_wherever_the_page_lies() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let run = at("results/a #1");
        assert_eq!(base(&run, &at("results/a #1/report")), "..");
        assert_eq!(base(&run, &at("page")), "../results/a%20%231");
    }
}
