//! Everything that can be known before a model is loaded: reads the sweep file, the model folders and the images.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::Clip;
use super::RunnerError;
use super::masks::look_at_masks;
use super::memory::{check_limit, component_sizes};
use crate::diffusion::{SchedulerConfig, SchedulerError};
use crate::engine::Component;
use crate::image::{Colour, ImageError, MaskImage, probe};
use crate::listing::shortened;
use crate::model::clip::{ClipFolder, Encoder};
use crate::model::{KnownDigests, ModelError, ModelFolder, Tokenizer};
use crate::pipeline::Kind;
use crate::plan::{ImageEntry, MaskEntry, ModelEntry, Plan, PlanFiles, Sampling, images_of_cells};
use crate::spec::{NamedMask, NamedPath, RuntimeOverrides, SweepSpec};
use crate::vocabulary::{Parameter, SchedulerKind, Value};

/// A sweep that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The sweep file.
    pub sweep: PathBuf,
    /// Whether the run folder may be taken over if it holds the run of another sweep.
    pub replaces: bool,
    /// What the sweep file says, with flags applied.
    pub spec: SweepSpec,
    /// The plan made from it.
    pub plan: Arc<Plan>,
    /// Its models, in the order of [`Plan::models`].
    pub models: Vec<Model>,
    /// The CLIP folder, if finished cells are to be measured with one.
    pub clip: Option<Clip>,
    /// Notes for the user before it runs.
    pub notes: Vec<String>,
}

/// A model folder that has been read.
#[derive(Debug)]
pub struct Model {
    /// The folder.
    pub folder: Arc<ModelFolder>,
    /// The scheduler configuration in its file, unchanged.
    own_scheduler_config: SchedulerConfig,
}

/// Reads a sweep file and everything it names.
///
/// # Errors
/// If anything is wrong with the sweep file, a model folder or an image: found here, before time is spent on inference.
pub fn prepare(sweep: &Path, flags: RuntimeOverrides) -> Result<Prepared, RunnerError> {
    prepare_with(sweep, flags, &KnownDigests::default())
}

/// As [`prepare`], but does not read the files of models whose digests are in `known`; adds the digests of the others.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with(
    sweep: &Path,
    flags: RuntimeOverrides,
    known: &KnownDigests,
) -> Result<Prepared, RunnerError> {
    let mut spec = SweepSpec::read(sweep)?;
    spec.runtime = spec.runtime.overridden(flags);
    let named_models = &spec.files[Parameter::Model];
    let models = named_models
        .iter()
        .map(|named| Model::open(&named.path))
        .collect::<Result<Vec<_>, _>>()?;
    let model_entries = named_models
        .iter()
        .zip(&models)
        .map(|(named, model)| model.entry(named, known, scheduler_of_all(&spec)))
        .collect::<Result<Vec<_>, _>>()?;
    for entry in &model_entries {
        check_limit(&spec.runtime, component_sizes(entry.component_bytes))?;
    }
    let clip = clip(&spec, known)?;
    let images = &spec.files[Parameter::Image];
    let used = images_of_cells(&spec, &model_entries);
    let images = images.iter().filter(|named| used.contains(&named.name));
    let colour = spec.size.colour;
    let (images, image_notes) = read_images("image", &images.collect::<Vec<_>>(), colour)?;
    let (masks, mask_notes) = read_masks(&spec.masks)?;
    // They are used once the cells are there; what cannot be read is told before.
    let ignored: Vec<&NamedPath> = spec.check.masks().collect();
    read_images("mask", &ignored, Colour::default())?;
    let files = PlanFiles {
        models: model_entries,
        images,
        masks,
    };
    let plan = Arc::new(Plan::new(&spec, files)?);
    check_samplers(&plan, &models)?;
    let looked_at = look_at_masks(&plan)?;
    let mut notes = spec.notes.clone();
    notes.extend(image_notes.into_iter().chain(mask_notes).flatten());
    notes.extend(looked_at);
    notes.extend(model_notes(&plan, &models)?);
    if let Some(clip) = &clip {
        notes.extend(caption_notes(&spec, clip)?);
    }
    Ok(Prepared {
        sweep: sweep.to_owned(),
        replaces: false,
        spec,
        plan,
        models,
        clip,
        notes,
    })
}

impl Prepared {
    /// How many UNet evaluations a kind of pipeline takes with a model and a sampling; some schedulers evaluate more
    /// than once a step.
    pub fn evaluations(&self) -> impl Fn(Kind, usize, Sampling) -> usize {
        let steps = self.evaluation_steps();
        move |kind, model, sampling| steps(kind, model, sampling).len()
    }

    /// The step of each of these evaluations.
    pub fn evaluation_steps(&self) -> impl Fn(Kind, usize, Sampling) -> Vec<u32> {
        // Cached, because it is asked for every group, of which there may be a million, but for few samplings.
        let known = RefCell::new(HashMap::new());
        move |kind, model, sampling| {
            let Sampling {
                scheduler,
                num_inference_steps,
                strength,
                ..
            } = sampling;
            let mut known = known.borrow_mut();
            let steps = known
                .entry((kind, model, scheduler, num_inference_steps, strength))
                .or_insert_with(|| self.steps_of(kind, model, sampling));
            Vec::clone(steps)
        }
    }

    fn steps_of(&self, kind: Kind, model: usize, sampling: Sampling) -> Vec<u32> {
        let sampler = sampling.sampler(&self.models[model].scheduler_config(kind));
        // Samplers that cannot be made were refused during preparation.
        let evaluations = sampler.map(|sampler| sampler.evaluations().to_vec());
        let steps = evaluations.unwrap_or_default().into_iter();
        steps.map(|evaluation| evaluation.step).collect()
    }
}

impl Model {
    fn open(path: &Path) -> Result<Self, RunnerError> {
        let folder = Arc::new(ModelFolder::open(path)?);
        let own_scheduler_config =
            SchedulerConfig::parse(folder.scheduler_config()).map_err(of_model(path))?;
        Ok(Self {
            folder,
            own_scheduler_config,
        })
    }

    /// Its scheduler configuration as a kind of pipeline rewrites it.
    pub fn scheduler_config(&self, kind: Kind) -> SchedulerConfig {
        self.own_scheduler_config
            .rewritten_by(kind.pipeline().constructor())
    }

    /// The entry of a folder; `scheduler` is the one that it has where its file names none that is known.
    fn entry(
        &self,
        named: &NamedPath,
        known: &KnownDigests,
        scheduler: Option<SchedulerKind>,
    ) -> Result<ModelEntry, RunnerError> {
        let folder = &self.folder;
        let scheduler = match (self.own_scheduler_config.kind(), scheduler) {
            (Ok(own), _) => own,
            (Err(SchedulerError::NoClass | SchedulerError::UnknownClass { .. }), Some(other)) => {
                other
            }
            (Err(error), _) => return Err(of_model(folder.path())(error)),
        };
        Ok(ModelEntry {
            name: named.name.clone(),
            path: named.path.clone(),
            sha256: folder.digest(known)?,
            files: folder.file_digests(known)?,
            family: folder.family(),
            resolution: folder.resolution(),
            vae_factor: folder.vae_factor(),
            size_multiple: folder.size_multiple(),
            accepted_multiple: Some(folder.accepted_multiple())
                .filter(|accepted| *accepted < folder.size_multiple()),
            scheduler,
            precision: folder.precision().to_string(),
            component_bytes: Component::ALL.map(|component| folder.component_bytes(component)),
        })
    }
}

/// A scheduler of the sweep file, if it names one for every cell: that of the models is not asked for then.
fn scheduler_of_all(spec: &SweepSpec) -> Option<SchedulerKind> {
    let then = spec.then.iter().map(|stage| &stage.values);
    let stages = std::iter::once(&spec.values).chain(then);
    let named = stages.map(|values| match values[Parameter::Scheduler].first() {
        Some(Value::Scheduler(kind)) => Some(*kind),
        Some(Value::Text(_) | Value::Decimal(_) | Value::Whole(_)) | None => None,
    });
    let named: Option<Vec<SchedulerKind>> = named.collect();
    named?.first().copied()
}

/// The CLIP folder of a sweep, if it has one.
fn clip(spec: &SweepSpec, known: &KnownDigests) -> Result<Option<Clip>, RunnerError> {
    let Some(named) = &spec.measures.clip else {
        return Ok(None);
    };
    let folder = ClipFolder::open(&named.path)?;
    let sizes = Encoder::ALL.map(|encoder| (encoder.name(), folder.encoder_bytes(encoder)));
    check_limit(&spec.runtime, sizes.into_iter())?;
    Ok(Some(Clip {
        name: named.name.clone(),
        sha256: folder.digest(known)?,
        folder: Arc::new(folder),
    }))
}

/// Reads all masks, with notes on each; collects all errors in their files.
fn read_masks(masks: &[NamedMask]) -> Result<(Vec<MaskEntry>, Vec<Vec<String>>), ImageError> {
    let of_files = masks.iter().filter_map(|mask| {
        let (name, path) = (mask.name.clone(), mask.path.clone()?);
        Some(NamedPath { name, path })
    });
    let of_files: Vec<NamedPath> = of_files.collect();
    // The notes on images (grey is expanded, and so on) do not apply to masks.
    let (files, _) = read_images(
        "mask",
        &of_files.iter().collect::<Vec<_>>(),
        Colour::default(),
    )?;
    let mut files: HashMap<String, ImageEntry> = (files.into_iter())
        .map(|file| (file.name.clone(), file))
        .collect();
    let entries = masks.iter().map(|mask| match files.remove(&mask.name) {
        Some(file) => {
            let sides = (file.width, file.height);
            MaskEntry::of_file(mask, file.path, file.sha256, sides)
        }
        None => MaskEntry::without_file(mask),
    });
    let notes = of_files.par_iter().map(|named| {
        let (_, notes) = MaskImage::read(&named.path)?;
        let notes = notes.iter();
        Ok(notes
            .map(|note| format!("mask {}: {note}", named.name))
            .collect())
    });
    Ok((entries.collect(), notes.collect::<Result<_, _>>()?))
}

/// Reads all images or masks, with notes on each; collects all errors.
fn read_images(
    what: &str,
    images: &[&NamedPath],
    colour: Colour,
) -> Result<(Vec<ImageEntry>, Vec<Vec<String>>), ImageError> {
    let images = images.par_iter();
    let read: Vec<_> = images
        .map(|named| image_entry(what, named, colour))
        .collect();
    let (good, bad): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    match ImageError::all(bad.into_iter().filter_map(Result::err).collect()) {
        Some(error) => Err(error),
        None => Ok(good.into_iter().flatten().unzip()),
    }
}

/// Reads an image's properties, and notes what will happen to it before it is used.
fn image_entry(
    what: &str,
    named: &NamedPath,
    colour: Colour,
) -> Result<(ImageEntry, Vec<String>), ImageError> {
    let probed = probe(&named.path, colour)?;
    let notes = probed.notes.iter();
    let notes = notes
        .map(|note| format!("{what} {}: {note}", named.name))
        .collect();
    let entry = ImageEntry {
        name: named.name.clone(),
        path: named.path.clone(),
        sha256: probed.sha256,
        cell: None,
        width: probed.width,
        height: probed.height,
        converted: probed.converted,
    };
    Ok((entry, notes))
}

/// Checks that every scheduler of the plan can be made from its model's configuration.
fn check_samplers(plan: &Plan, models: &[Model]) -> Result<(), RunnerError> {
    let (mut seen, mut last) = (HashSet::new(), None);
    for cell in &plan.cells {
        let (kind, sampling) = (plan.kind_of(cell), cell.sampling());
        let asked = (kind, &cell.parameters.model, sampling);
        // Most are sampled as the cell before them.
        if last.replace(asked) != Some(asked) && seen.insert(asked) {
            let mut models = plan.models.iter().zip(models);
            let model = models.find(|(entry, _)| entry.name == cell.parameters.model);
            if let Some((entry, model)) = model {
                sampling
                    .sampler(&model.scheduler_config(kind))
                    .map_err(of_model(&entry.path))?;
            }
        }
    }
    Ok(())
}

/// An invalid scheduler configuration is the model's fault; an unsupported setting is the sweep's.
fn of_model(path: &Path) -> impl Fn(SchedulerError) -> RunnerError {
    let path = path.to_owned();
    move |source| match source {
        SchedulerError::Steps { .. } | SchedulerError::Strength { .. } => {
            RunnerError::Scheduler(source)
        }
        SchedulerError::Json { .. }
        | SchedulerError::NoClass
        | SchedulerError::UnknownClass { .. }
        | SchedulerError::Invalid { .. }
        | SchedulerError::Unsupported { .. } => {
            let path = path.clone();
            RunnerError::Model(ModelError::Scheduler { path, source })
        }
    }
}

/// Notes on texts that a tokenizer cuts off, and on what is unusual about a model.
fn model_notes(plan: &Plan, models: &[Model]) -> Result<Vec<String>, RunnerError> {
    let mut notes = Vec::new();
    for (entry, model) in plan.models.iter().zip(models) {
        let warnings = model.folder.warnings().iter();
        notes.extend(warnings.map(|warning| format!("model {}: {warning}", entry.name)));
        let tokenizer = model.folder.tokenizer()?;
        let cells = plan
            .cells
            .iter()
            .filter(|cell| cell.parameters.model == entry.name);
        let texts: BTreeSet<&str> = cells
            .flat_map(|cell| {
                [
                    cell.parameters.instruction.as_str(),
                    cell.parameters.negative_prompt.as_str(),
                ]
            })
            .collect();
        let reads = format!(
            "model {} reads {} tokens",
            entry.name,
            model.folder.context_length()
        );
        notes.extend(cut_off(&tokenizer, &reads, texts)?);
    }
    Ok(notes)
}

/// Notes on captions that CLIP's tokenizer cuts off.
fn caption_notes(spec: &SweepSpec, clip: &Clip) -> Result<Vec<String>, RunnerError> {
    let captions = spec.captions.iter();
    let texts = captions.flat_map(|caption| [caption.before.as_str(), caption.after.as_str()]);
    let reads = format!("CLIP reads {} tokens", clip.folder.context_length());
    cut_off(&clip.folder.tokenizer()?, &reads, texts.collect())
}

/// A note on the texts that a tokenizer cuts off; `reads` says who reads how much.
fn cut_off(
    tokenizer: &Tokenizer,
    reads: &str,
    texts: BTreeSet<&str>,
) -> Result<Vec<String>, RunnerError> {
    let mut notes = Vec::new();
    for text in texts {
        if let Some(lost) = tokenizer.encode(text)?.truncated {
            let lost = shortened(&lost);
            notes.push(format!("{reads}; this is cut off: {lost:?}"));
        }
    }
    Ok(notes)
}
