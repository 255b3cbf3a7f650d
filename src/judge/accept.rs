//! Accepting a run's results as the baseline: first what would change, then the change itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use image::RgbImage;

use super::baseline::{Baseline, DIGEST_IN_NAME, pixels_sha256};
use super::class::EnvironmentClass;
use super::difference::{Difference, difference};
use super::error::JudgeError;
use super::identity::Identity;
use super::manifest::{Accepted, BaselineCell, IMAGES, Manifest, Subject};
use crate::image::decode_png;
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::{CellKey, Record, Status};

/// What accepting a run would change, with everything needed to do it.
#[derive(Debug)]
pub struct Acceptance {
    /// The changes, in the order of the plan.
    pub changes: Vec<Change>,
    /// Number of cells that stay as they are.
    pub unchanged: usize,
    /// Number of cells of the run without an image, which are left out.
    pub left_out: usize,
    manifest: Manifest,
    /// New images, by their file names in the baseline.
    images: BTreeMap<String, Vec<u8>>,
}

/// One change of a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The cell's key; for a removed cell, its image file.
    pub cell: String,
    /// What happens to it.
    pub kind: ChangeKind,
    /// The environment class that it concerns.
    pub class: EnvironmentClass,
    /// The difference from the image that it replaces, if there is one.
    pub difference: Option<Difference>,
}

/// Which part of a run is accepted.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// All of it; cells that the sweep no longer has are removed.
    All,
    /// Only some of it.
    Some {
        /// The cells to accept, by their keys or prefixes of these.
        cells: &'a [String],
        /// The cells to remove, which the sweep no longer has, by their image files.
        gone: &'a [String],
    },
}

impl<'a> Choice<'a> {
    /// These cells; all if none is named.
    pub fn of(cells: &'a [String]) -> Self {
        match cells.is_empty() {
            true => Self::All,
            false => Self::Some { cells, gone: &[] },
        }
    }
}

/// What happens to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The cell's first image.
    Add,
    /// The cell's first image in this environment class.
    AddClass,
    /// A different image.
    Replace,
    /// The same image, made by another model.
    Confirm,
    /// The same image, because its file was missing or damaged.
    Repair,
    /// The sweep no longer has it.
    Remove,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::AddClass => "add class",
            Self::Replace => "replace",
            Self::Confirm => "confirm",
            Self::Repair => "repair",
            Self::Remove => "remove",
        })
    }
}

impl Acceptance {
    /// Finds out what accepting a run, or only some of its cells, would change. Accepting a whole run also removes the
    /// cells that its sweep no longer has. What other environment classes have accepted stays, unless the cell's pixels
    /// now follow from something else.
    ///
    /// # Errors
    /// If a named cell is unknown or has no image, if no cell has one, or if an image cannot be read.
    pub fn new(
        run: &Run,
        baseline: &Baseline,
        choice: Choice,
        reason: Option<&str>,
    ) -> Result<Self, JudgeError> {
        let chosen = chosen(run, choice)?;
        let manifest = baseline.manifest(&run.plan.name);
        let mut acceptance = Self {
            changes: Vec::new(),
            unchanged: 0,
            left_out: 0,
            manifest: Manifest {
                cells: Vec::new(),
                ..manifest
            },
            images: BTreeMap::new(),
        };
        let mut before: HashMap<Identity, BaselineCell> = manifest
            .cells
            .into_iter()
            .map(|cell| (Identity::accepted(&cell), cell))
            .collect();
        let mut files = Files::of(baseline);
        let now = jiff::Timestamp::now();
        for cell in &run.plan.cells {
            let identity = Identity::of(&run.plan, cell);
            let known = before.remove(&identity);
            let record = run
                .records
                .get(&cell.key)
                .filter(|record| record.status == Status::Done);
            let taken = match record {
                Some(record) if chosen.contains(&cell.key) => {
                    let taken = acceptance.take(run, cell, record, &mut files, (now, reason))?;
                    Some(acceptance.enter((run, baseline), (cell, identity), known, taken))
                }
                _ => {
                    acceptance.left_out += usize::from(chosen.contains(&cell.key));
                    known
                }
            };
            acceptance.manifest.cells.extend(taken);
        }
        acceptance.leave(baseline, before, choice);
        Ok(acceptance)
    }

    /// Changes the baseline atomically.
    ///
    /// # Errors
    /// If something cannot be written; the baseline then stays as it was.
    pub fn apply(self, baseline: &mut Baseline) -> Result<(), JudgeError> {
        baseline.replace(self.manifest, &self.images)
    }

    /// A result as a baseline entry.
    fn take(
        &mut self,
        run: &Run,
        cell: &Cell,
        record: &Record,
        files: &mut Files,
        (now, reason): (jiff::Timestamp, Option<&str>),
    ) -> Result<AcceptedResult, JudgeError> {
        let bad = |reason: String| JudgeError::NoImage {
            run: run.folder.clone(),
            cell: cell.key.to_string(),
            reason,
        };
        let bytes = run
            .image_bytes(&cell.key)
            .map_err(|error| bad(error.to_string()))?;
        let image = decode_png(&bytes).map_err(bad)?;
        let pixels_sha256 = pixels_sha256(&image);
        let name = || image_name(&cell.key, &pixels_sha256);
        let (file, is_new) = files.of_pixels(&pixels_sha256, name);
        if is_new {
            self.images.insert(file.clone(), bytes);
        }
        let model = run.plan.model(&cell.parameters.model);
        let accepted = Accepted {
            class: EnvironmentClass::of(run.environment_of(&record.cell), record),
            file,
            pixels_sha256,
            model_sha256: model.map(|model| model.sha256.clone()).unwrap_or_default(),
            model_files: model.map(|model| model.files.clone()).unwrap_or_default(),
            environment: run.environment_of(&record.cell).clone(),
            image_change: record.image_change,
            first_latents: record.first_latents.to_vec(),
            accepted: now,
            reason: reason.map(str::to_owned),
        };
        Ok(AcceptedResult {
            accepted,
            is_new,
            image,
        })
    }

    /// The cell with an entry added.
    fn enter(
        &mut self,
        (run, baseline): (&Run, &Baseline),
        (cell, identity): (&Cell, Identity),
        known: Option<BaselineCell>,
        taken: AcceptedResult,
    ) -> BaselineCell {
        let AcceptedResult {
            accepted,
            is_new,
            image,
        } = taken;
        let subject = Subject::of(&run.plan, cell);
        let class = accepted.class.clone();
        let is_first = known.is_none();
        // If the input or the size is another, nothing accepted earlier is still valid.
        let kept = known.filter(|known| known.subject.is_that_of(&subject));
        let mut entries = kept.map(|known| known.accepted).unwrap_or_default();
        let own = entries.iter().position(|entry| entry.class == class);
        let kind = match own.map(|own| &entries[own]) {
            Some(entry) if entry.pixels_sha256 != accepted.pixels_sha256 => {
                Some(ChangeKind::Replace)
            }
            Some(entry) if entry.model_sha256 != accepted.model_sha256 => Some(ChangeKind::Confirm),
            Some(_) if is_new => Some(ChangeKind::Repair),
            Some(_) => None,
            None if is_first => Some(ChangeKind::Add),
            None if entries.is_empty() => Some(ChangeKind::Replace),
            None => Some(ChangeKind::AddClass),
        };
        let replaced = own.filter(|_| kind == Some(ChangeKind::Replace));
        let difference = replaced.and_then(|own| {
            let before = baseline.image(&entries[own]).ok()?;
            difference(&before, &image).ok()
        });
        match (kind, own) {
            (None, _) => self.unchanged += 1,
            // The date and reason of acceptance stay, because the image is the same.
            (Some(ChangeKind::Repair), _) => {}
            (Some(_), Some(own)) => entries[own] = accepted,
            (Some(_), None) => entries.push(accepted),
        }
        if let Some(kind) = kind {
            let cell = cell.key.to_string();
            self.changes.push(Change {
                cell,
                kind,
                class,
                difference,
            });
        }
        let Identity { path, parameters } = identity;
        BaselineCell {
            path,
            parameters,
            subject,
            accepted: entries,
        }
    }

    /// Removes the cells that the sweep no longer has, or keeps them if only some cells were chosen.
    fn leave(
        &mut self,
        baseline: &Baseline,
        mut gone: HashMap<Identity, BaselineCell>,
        choice: Choice,
    ) {
        let goes = |cell: &BaselineCell| match choice {
            Choice::All => true,
            Choice::Some { gone, .. } => {
                let mut images = cell.accepted.iter().map(|accepted| &accepted.file);
                images.any(|file| gone.contains(file))
            }
        };
        // In the order of the manifest, which the map does not keep.
        for cell in baseline.cells() {
            let Some(cell) = gone.remove(&Identity::accepted(cell)) else {
                continue;
            };
            if !goes(&cell) {
                self.manifest.cells.push(cell);
                continue;
            }
            self.changes
                .extend(cell.accepted.into_iter().map(|accepted| Change {
                    cell: accepted.file,
                    kind: ChangeKind::Remove,
                    class: accepted.class,
                    difference: None,
                }));
        }
    }
}

/// A result to be accepted.
struct AcceptedResult {
    accepted: Accepted,
    /// Whether its image has to be written, which it has not if an image with these pixels exists.
    is_new: bool,
    image: RgbImage,
}

/// The cells to accept: the named ones, or all.
fn chosen(run: &Run, choice: Choice) -> Result<HashSet<CellKey>, JudgeError> {
    let checked = (run.plan.cells.iter()).filter(|cell| run.plan.is_checked(cell));
    let keys = checked.map(|cell| &cell.key);
    let is_done = |key: &CellKey| run.image_path(key).is_some_and(|path| path.is_file());
    let Choice::Some { cells, .. } = choice else {
        if !keys.clone().any(is_done) {
            return Err(JudgeError::NothingDone {
                run: run.folder.clone(),
            });
        }
        return Ok(keys.cloned().collect());
    };
    cells
        .iter()
        .map(|name| {
            let key = run.cell(name).map_err(JudgeError::Run)?;
            if is_done(key) {
                return Ok(key.clone());
            }
            let record = run.records.get(key);
            let reason = record.and_then(|record| record.error.clone());
            Err(JudgeError::NoImage {
                run: run.folder.clone(),
                cell: key.to_string(),
                reason: reason.unwrap_or_else(|| "it was not computed".to_owned()),
            })
        })
        .collect()
}

/// The files of accepted images, by pixel digest.
struct Files<'a> {
    baseline: &'a Baseline,
    of_manifest: HashMap<&'a str, &'a Accepted>,
    /// Files known to be intact, or about to be written.
    settled: HashMap<String, String>,
}

impl<'a> Files<'a> {
    fn of(baseline: &'a Baseline) -> Self {
        let entries = baseline.cells().iter().flat_map(|cell| &cell.accepted);
        Self {
            baseline,
            of_manifest: entries
                .map(|entry| (entry.pixels_sha256.as_str(), entry))
                .collect(),
            settled: HashMap::new(),
        }
    }

    /// The file for an image, and whether it has to be written: the manifest is not trusted, the file itself is
    /// checked.
    fn of_pixels(&mut self, pixels_sha256: &str, name: impl FnOnce() -> String) -> (String, bool) {
        if let Some(file) = self.settled.get(pixels_sha256) {
            return (file.clone(), false);
        }
        let known = self.of_manifest.get(pixels_sha256);
        let is_new = !known.is_some_and(|known| self.baseline.holds(known));
        let file = known.map_or_else(name, |known| known.file.clone());
        self.settled.insert(pixels_sha256.to_owned(), file.clone());
        (file, is_new)
    }
}

/// The readable part of a cell's key, followed by the digest of the pixels.
fn image_name(key: &CellKey, pixels_sha256: &str) -> String {
    let readable = key
        .as_str()
        .rsplit_once('-')
        .map_or("", |(readable, _)| readable);
    let separator = if readable.is_empty() { "" } else { "-" };
    format!(
        "{IMAGES}/{readable}{separator}{}.png",
        &pixels_sha256[..DIGEST_IN_NAME]
    )
}
