//! Runs the work of one model and emits events; it does not print, and knows neither run folders nor ONNX.
//!
//! There are four phases: each distinct text is encoded, each distinct image is encoded, cells are denoised in batches,
//! and decoded. If all components stay in memory, a cell is decoded before the next batch begins; if memory is phased,
//! one component at a time is loaded and latents wait on a [`Shelf`] for the decoder. If the device runs out of memory,
//! the rest is done with a smaller batch.

mod batches;
mod conditioning;
mod cost;
mod denoise;
mod event;
mod finish;
mod inputs;
mod masked;
mod policy;
mod predict;
mod probe;
mod remedy;
mod shelf;
mod tiles;
mod trajectory;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ndarray::ArrayView4;

use batches::{batches, cheapest_rows, fewest_rows};
use conditioning::Conditioning;
pub use conditioning::InputFiles;
pub use event::{Ending, Event, Observer, Phase};
use inputs::Inputs;
pub use masked::Masks;
pub use policy::Policy;
use predict::Outputs;
pub use shelf::{Denoised, MemoryShelf, Shelf, ShelfError};
pub use tiles::{decode, encode_image};
use trajectory::{Fork, later_divergences, rows_of_steps};

pub use crate::diffusion::{Component, Denoiser, DeviceMemory, Headroom, Texts};
use crate::diffusion::{Evaluation, Generator, SchedulerConfig};
use crate::meter::{Meter, milliseconds};
use crate::pipeline::{Encodes, Masking};
use crate::plan::{CellWork, Fitted, Guidance, ModelWork, Plan, Sampling, Start};
use crate::vocabulary::{CellKey, ExecutionDevice};

/// The work for one model, and what the engine must know about that model.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The whole plan.
    pub plan: &'a Plan,
    /// The part of it to do.
    pub work: &'a ModelWork<'a>,
    /// The input images of its cells.
    pub inputs: &'a InputFiles<'a>,
    /// The masks of its cells.
    pub masks: &'a Masks<'a>,
    /// How the stage treats its masks.
    pub masking: Masking,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Image pixels per latent pixel along one side.
    pub vae_factor: u32,
    /// The VAE's scaling factor: latents are divided by it before they are decoded.
    pub scaling_factor: f32,
    /// The model's own scheduler configuration as its kind of pipeline rewrites it; every scheduler is made from it.
    pub scheduler_config: &'a SchedulerConfig,
    /// Device of the sessions, for records and remedies.
    pub device: ExecutionDevice,
    /// `fp32` or `fp16`, for records and remedies.
    pub precision: &'a str,
    /// `runtime.memory_limit_mib`, for remedies.
    pub memory_limit_mib: Option<NonZeroU32>,
}

/// An error that ends the run; a cell that fails does not.
#[derive(Debug, thiserror::Error)]
pub enum EngineError<E: std::error::Error + 'static> {
    /// A component could not be loaded.
    #[error(transparent)]
    Model(E),
    /// Latents could not be stored or read back.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

/// Why the engine stopped in the middle of its work.
enum Halt<E: std::error::Error + 'static> {
    /// It was cancelled, or the observer returned `Break`.
    Stopped,
    /// The device has too little memory for the present policy; try this one.
    OutOfMemory(Policy),
    Failed(EngineError<E>),
}

impl<E: std::error::Error + 'static> From<ShelfError> for Halt<E> {
    fn from(error: ShelfError) -> Self {
        Self::Failed(error.into())
    }
}

/// Does the work of a job. A cell that fails is recorded, and the run goes on.
///
/// # Errors
/// If a component cannot be loaded, or the shelf fails.
pub fn run<D: Denoiser>(
    job: Job,
    model: &mut D,
    policy: Policy,
    shelf: &mut dyn Shelf,
    meter: &mut Meter,
    cancel: &AtomicBool,
    observer: &mut Observer,
) -> Result<Ending, EngineError<D::Error>> {
    let mut engine = Engine {
        job,
        model,
        policy,
        shelf,
        meter,
        cancel,
        observer,
        conditioning: Conditioning::default(),
        forks: Vec::new(),
        generators: HashMap::new(),
        inputs: Inputs::new(job.work.kind.family().unet_channels(job.latent_channels)),
        outputs: Outputs::default(),
        padded_rows: 0,
        finished: HashSet::new(),
    };
    loop {
        match engine.pass() {
            Ok(()) => return Ok(Ending::Complete),
            Err(Halt::Stopped) => return Ok(Ending::Stopped),
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::OutOfMemory(smaller)) => engine.shrink(smaller)?,
        }
    }
}

/// Whether all values are finite. It looks at each of them, because a loop that may end early is not vectorised.
fn are_finite(values: ArrayView4<f32>) -> bool {
    values.fold(true, |finite, value| finite & value.is_finite())
}

/// One cell on its way through the phases, with the cells that copy it.
#[derive(Debug, Clone, Copy)]
struct Task<'a> {
    work: &'a CellWork<'a>,
    start: Start,
}

impl<'a> Task<'a> {
    /// Its start, and the guidance that determines its trajectory from there.
    fn start_and_guidance(&self) -> (Start, &'a Guidance<'a>) {
        (self.start, &self.work.guidance)
    }

    /// The most UNet rows that a step asks for.
    fn rows_a_step(&self) -> usize {
        self.work.guidance.most_rows()
    }
}

/// The state of the engine during a run.
struct Engine<'a, 'o, D: Denoiser> {
    job: Job<'a>,
    model: &'a mut D,
    policy: Policy,
    shelf: &'a mut dyn Shelf,
    meter: &'a mut Meter,
    cancel: &'a AtomicBool,
    observer: &'a mut Observer<'o>,
    conditioning: Conditioning<'a>,
    /// Points of the last cell's trajectory where cells of later batches diverge; at most one a step.
    forks: Vec<Fork<'a>>,
    /// A generator for each seed used so far, in its initial state.
    generators: HashMap<u64, Generator>,
    /// The UNet's input arrays.
    inputs: Inputs<'a>,
    /// The UNet's output arrays.
    outputs: Outputs,
    /// Rows of every UNet call with the present sampling, if calls are padded.
    padded_rows: usize,
    /// Cells already emitted, whether they succeeded or failed.
    finished: HashSet<usize>,
}

type Outcome<D> = Result<(), Halt<<D as Denoiser>::Error>>;

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Makes one pass over the remaining work with the present policy.
    fn pass(&mut self) -> Outcome<D> {
        let tasks: Vec<Task<'a>> = self
            .tasks()
            .filter(|task| !self.finished.contains(&task.work.cell))
            .collect();
        let mut divergences = self.divergences(&tasks).into_iter();
        self.encode_texts(&tasks)?;
        if self.policy.phased {
            for task in &tasks {
                self.encode_image(task)?;
            }
        }
        self.choose_row_limit(&tasks)?;
        for alike in tasks.chunk_by(|one, next| one.start.sampling == next.start.sampling) {
            if let Some(first) = alike.first() {
                self.warn_of_size(first.start.sampling)?;
            }
            for batch in self.batches(alike) {
                let divergences: Vec<_> = divergences.by_ref().take(batch.len()).collect();
                self.denoise(batch, &divergences)?;
                if !self.policy.phased {
                    self.finish(batch)?;
                }
            }
        }
        if self.policy.phased {
            self.finish(&tasks)
        } else {
            Ok(())
        }
    }

    /// Splits tasks with the same sampling into batches. If calls are padded, sets the number of rows for which the
    /// steps of all batches cost least.
    fn batches<'t>(&mut self, alike: &'t [Task<'a>]) -> Vec<&'t [Task<'a>]> {
        let Policy {
            batch, calls, pad, ..
        } = self.policy;
        let (batch, calls) = (batch.max(1), calls.max(1));
        let (Some(first), true) = (alike.first(), pad) else {
            return alike.chunks(batch).collect();
        };
        let unet_rows = self.rows_a_call(first.start.sampling);
        let rows: Vec<usize> = alike.iter().map(Task::rows_a_step).collect();
        let rows_a_step = fewest_rows(&rows, batch * calls, unet_rows * calls);
        let mut left = alike;
        let mut next = |cells| left.split_off(..cells).unwrap_or_default();
        let sizes = batches(&rows, batch * calls, rows_a_step);
        let batches: Vec<&[Task]> = sizes.into_iter().map(&mut next).collect();
        let evaluations = self.evaluations(first.start.sampling);
        let mut steps = BTreeMap::new();
        for batch in &batches {
            let cells: Vec<_> = batch.iter().map(Task::start_and_guidance).collect();
            for rows in rows_of_steps(&cells, &evaluations) {
                *steps.entry(rows).or_default() += 1;
            }
        }
        self.padded_rows = cheapest_rows(&steps, unet_rows);
        batches
    }

    /// How many rows a call may have: limited by the policy and by what is numerically right on the device.
    fn rows_a_call(&self, sampling: Sampling) -> usize {
        let (_, height, width) = self.latents_of(sampling);
        let most = self.model.most_rows(height, width).unwrap_or(usize::MAX);
        self.policy.unet_rows.min(most).max(1)
    }

    /// Warns about latents of a size for which a device's kernels may be wrong.
    fn warn_of_size(&mut self, sampling: Sampling) -> Outcome<D> {
        let (_, height, width) = self.latents_of(sampling);
        if self.model.most_rows(height, width) != Some(0) {
            return Ok(());
        }
        self.emit(Event::Note(format!(
            "at {} x {} pixels the UNet's attention has more elements than some kernels of {} can index: images may \
             be wrong without any warning. Compare one with device = \"cpu\", or export the model with fused attention",
            sampling.width, sampling.height, self.job.device
        )))
    }

    /// The evaluations of a sampling; none if its sampler cannot be made, in which case its cells fail when their turn
    /// comes.
    fn evaluations(&self, sampling: Sampling) -> Vec<Evaluation> {
        let sampler = sampling.sampler(self.job.scheduler_config);
        sampler.map_or_else(|_| Vec::new(), |sampler| sampler.evaluations().to_vec())
    }

    /// Channels, height and width of a sampling's latents.
    fn latents_of(&self, sampling: Sampling) -> (usize, usize, usize) {
        let side = |pixels: u32| (pixels / self.job.vae_factor) as usize;
        let channels = self.job.latent_channels;
        (channels, side(sampling.height), side(sampling.width))
    }

    /// For each task, the evaluations at which later tasks diverge from it.
    fn divergences(&self, tasks: &[Task<'a>]) -> Vec<Vec<usize>> {
        let mut samplings: HashMap<Sampling, Vec<Evaluation>> = HashMap::new();
        for Task { start, .. } in tasks {
            let evaluations = || self.evaluations(start.sampling);
            samplings.entry(start.sampling).or_insert_with(evaluations);
        }
        let cells: Vec<_> = tasks.iter().map(Task::start_and_guidance).collect();
        later_divergences(&cells, |start| &samplings[&start.sampling])
    }

    fn tasks(&self) -> impl Iterator<Item = Task<'a>> + use<'a, D> {
        let groups = &self.job.work.groups;
        groups.iter().flat_map(|group| {
            group.cells.iter().map(|work| Task {
                work,
                start: group.start,
            })
        })
    }

    /// Continues with a policy that needs less memory.
    fn shrink(&mut self, smaller: Policy) -> Result<(), EngineError<D::Error>> {
        Component::ALL
            .into_iter()
            .for_each(|component| self.model.unload(component));
        self.policy = smaller;
        let note = format!("out of device memory: continuing with {smaller}");
        // If the observer wants to stop, it says so again at the next step.
        let _ = (self.observer)(Event::Note(note));
        Ok(())
    }

    /// Loads a component and resets the memory meter, so that what the previous phase held is not counted.
    fn begin(&mut self, component: Component) -> Outcome<D> {
        self.unload_others(component);
        self.meter.begin();
        self.ready(component)
    }

    /// Unloads the other components if memory is phased.
    fn unload_others(&mut self, component: Component) {
        if self.policy.phased {
            let others = Component::ALL
                .into_iter()
                .filter(|&other| other != component);
            others.for_each(|other| self.model.unload(other));
        }
    }

    /// Loads a component, alone if memory is phased.
    fn ready(&mut self, component: Component) -> Outcome<D> {
        self.unload_others(component);
        if self.model.is_loaded(component) {
            return Ok(());
        }
        let bytes = self.job.plan.models[self.job.work.model].component_bytes[component as usize];
        self.emit(Event::Began(Phase::Loading { component, bytes }))?;
        let begun = Instant::now();
        self.model
            .load(component)
            .map_err(|error| self.halt(error))?;
        self.emit(Event::Loaded {
            component,
            ms: milliseconds(begun),
        })
    }

    /// What a model's error means for the run, if it is not a single cell's.
    fn halt(&self, error: D::Error) -> Halt<D::Error> {
        match self.policy.smaller() {
            Some(smaller) if error.is_out_of_memory() => Halt::OutOfMemory(smaller),
            _ => Halt::Failed(EngineError::Model(error)),
        }
    }

    /// A model's error as the reason why a cell fails, unless the run can continue with less memory.
    fn reason(&self, error: D::Error) -> Result<String, Halt<D::Error>> {
        if !error.is_out_of_memory() {
            return Ok(error.to_string());
        }
        match self.policy.smaller() {
            Some(smaller) => Err(Halt::OutOfMemory(smaller)),
            None => Ok(format!(
                "out of device memory with one cell and one component at a time: {error}; {}",
                self.job.less_memory()
            )),
        }
    }

    fn emit(&mut self, event: Event) -> Outcome<D> {
        match (self.observer)(event) {
            ControlFlow::Continue(()) if !self.cancel.load(Ordering::Relaxed) => Ok(()),
            _ => Err(Halt::Stopped),
        }
    }

    fn input(&self, task: &Task) -> Option<Fitted<'a>> {
        task.start.fitted(self.job.plan)
    }

    /// The images that the VAE encodes for cells with this start.
    fn encodes(&self, start: Start) -> Encodes {
        self.job
            .work
            .kind
            .pipeline()
            .encodes(start.sampling.strength)
    }

    fn key(&self, task: &Task) -> &'a CellKey {
        &self.job.plan.cells[task.work.cell].key
    }
}
