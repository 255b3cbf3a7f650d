//! Everything that can be known before a model is loaded: the sweep file, the model folders, the images.

use std::path::Path;

use rayon::prelude::*;

use crate::Error;
use crate::image::probe;
use crate::model::ModelFolder;
use crate::plan::{ImageEntry, ModelEntry, Plan};
use crate::spec::{NamedPath, SweepSpec};

/// A sweep that can run.
#[derive(Debug)]
pub struct Prepared {
    /// The sweep file.
    pub spec: SweepSpec,
    /// Its cells.
    pub plan: Plan,
    /// Its model folders, in the order of [`Plan::models`].
    pub folders: Vec<ModelFolder>,
    /// What the user should know before it runs.
    pub notes: Vec<String>,
}

/// Reads a sweep file and all that it names.
///
/// # Errors
/// Whatever is wrong with the sweep file, a model folder or an image, before any time is spent on inference.
pub fn prepare(sweep: &Path) -> Result<Prepared, Error> {
    let spec = SweepSpec::read(sweep)?;
    let folders = spec.models.iter().map(|model| ModelFolder::open(&model.path)).collect::<Result<Vec<_>, _>>()?;
    let models = spec.models.iter().zip(&folders).map(|(named, folder)| model_entry(named, folder));
    let models = models.collect::<Result<Vec<_>, _>>()?;
    let images = spec.images.par_iter().map(image_entry).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::new(&spec, models, images)?;
    let notes = notes(&spec, &folders)?;
    Ok(Prepared { spec, plan, folders, notes })
}
