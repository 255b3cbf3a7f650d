//! The HTML report: a folder beside the cells, made only from what is in the run folder.
//!
//! `report/index.html` contains its data as JSON, so that it works when opened from a disk or any web server, without a
//! network. Writing it again during a run brings it up to date: every file is replaced atomically, and files that are
//! still valid are kept.

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
/// The report's page; it is written last.
const INDEX: &str = "index.html";
/// The attribute that marks a page written while an image could not be read.
const INCOMPLETE: &str = "data-incomplete";
/// WebP quality of the images in a single-file report: no artefacts are visible at screen size.
const SINGLE_QUALITY: u8 = 85;

/// The report of a run.
#[derive(Debug)]
pub struct Report<'a> {
    /// The run.
    pub run: &'a Run,
    /// The report's folder; `None` for the one in the run folder.
    pub out: Option<PathBuf>,
}

impl<'a> Report<'a> {
    /// The report of a run, in the run folder.
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

/// Whether every image could be read when a page was written. If not, it is written again, because the images may exist
/// now.
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

/// The report of a run in a single file, to send by mail: its images are inside, as WebP.
#[derive(Debug)]
pub struct SingleReport<'a> {
    /// The run.
    pub run: &'a Run,
    /// The file.
    pub out: PathBuf,
}

impl View for SingleReport<'_> {
    type Error = ReportError;

    /// Always `None`: it is written to the file that the user names.
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

/// Writes `report/index.html` and everything it needs into the run folder; returns its path.
///
/// If an input is missing from the run folder, or a cell's image cannot be read, the page says so and shows the rest.
///
/// # Errors
/// If a file of the report cannot be written, or a symbolic link stands in its place.
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
    // The last stage's page is the report's own and is written last.
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

/// The stage shown by a run that was reduced to one stage.
fn stage_of(run: &Run) -> usize {
    let first = run.plan.cells.first();
    first.map_or(run.plan.last_stage(), |cell| cell.stage)
}

/// The run with all its stages, if it was reduced to one.
fn with_all_stages(run: &Run) -> Cow<'_, Run> {
    let read = || Some(Run::read(&run.folder).ok()?.knowing_images_of(run));
    match run.plan.stages.len() {
        0 | 1 => Cow::Borrowed(run),
        _ => read().map_or(Cow::Borrowed(run), Cow::Owned),
    }
}

/// The path from the page's folder to the run folder, as a URL.
fn base(run: &Path, folder: &Path) -> String {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (run, folder) = (real(run), real(folder));
    let seen = pathdiff::diff_paths(&run, &folder).unwrap_or(run);
    let parts = seen
        .components()
        .map(|part| encoded(&part.as_os_str().to_string_lossy()));
    parts.collect::<Vec<_>>().join("/")
}

/// A component of a path, encoded for a URL.
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
