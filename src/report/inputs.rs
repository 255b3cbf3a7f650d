//! The input images, fitted as the model saw them, so that a report can be moved without them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{ReportError, files};
use crate::image::{fit, read};
use crate::plan::{Cell, ImageEntry};
use crate::store::Run;

/// Their folder in the report.
pub(super) const FOLDER: &str = "inputs";

/// An input image at the size of the cells that were made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// Its file, relative to the report.
    File(String),
    /// Why there is none, to be read by people.
    Missing(&'static str),
}

/// The inputs of a run; images that cells use at two sizes are two inputs.
#[derive(Debug)]
pub(super) struct Inputs {
    /// In the order in which cells first need them.
    pub(super) all: Vec<Input>,
    of: HashMap<Fitted, usize>,
}

/// Name of an image, width and height.
type Fitted = (String, u32, u32);

fn fitted(cell: &Cell) -> Fitted {
    (cell.parameters.image.clone(), cell.width, cell.height)
}

impl Inputs {
    /// Fits and writes those that are not there yet.
    pub(super) fn write(run: &Run, folder: &Path) -> Result<Self, ReportError> {
        let mut of = HashMap::new();
        let mut wanted = Vec::new();
        for cell in &run.plan.cells {
            of.entry(fitted(cell)).or_insert_with_key(|key| {
                wanted.push(key.clone());
                wanted.len() - 1
            });
        }
        let all = wanted
            .par_iter()
            .map(|fitted| write_one(run, folder, fitted))
            .collect::<Result<_, _>>()?;
        Ok(Self { all, of })
    }

    /// Which of [`Inputs::all`] a cell was made of.
    pub(super) fn index(&self, cell: &Cell) -> Option<usize> {
        self.of.get(&fitted(cell)).copied()
    }
}

fn write_one(run: &Run, folder: &Path, fitted: &Fitted) -> Result<Input, ReportError> {
    let (name, width, height) = fitted;
    let Some(entry) = run.plan.images.iter().find(|entry| entry.name == *name) else {
        return Ok(Input::Missing("the plan does not name it"));
    };
    let file = file_name(run, entry, *width, *height);
    let path = folder.join(&file);
    let written = Input::File(format!("{FOLDER}/{file}"));
    if path.is_file() {
        return Ok(written);
    }
    match digest(&entry.path) {
        Err(_) => return Ok(Input::Missing("the file is no longer there")),
        Ok(sha256) if sha256 != entry.sha256 => {
            return Ok(Input::Missing("the file has changed since the run"));
        }
        Ok(_) => {}
    }
    let Ok((image, _)) = read(&entry.path) else {
        return Ok(Input::Missing("the file cannot be read any more"));
    };
    files::write_png(&path, &fit(&image, *width, *height, run.plan.fit))?;
    Ok(written)
}

/// A name that changes with all that can change the pixels: what is there need not be made again.
fn file_name(run: &Run, entry: &ImageEntry, width: u32, height: u32) -> String {
    let what = format!("{} {width} {height} {:?}", entry.sha256, run.plan.fit);
    let digest = hexadecimal(&Sha256::digest(what));
    format!("{}-{width}x{height}.png", &digest[..16])
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut Hashing(&mut hasher))?;
    Ok(hexadecimal(&hasher.finalize()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hasher to be written to.
struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
