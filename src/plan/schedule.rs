//! A [`Plan`] in the order of work: what is shared is found here, before anything runs.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Cell, Condition, Guidance, Plan};
use crate::diffusion::{Sampler, SchedulerConfig, SchedulerError};
use crate::pipeline::Kind;
use crate::vocabulary::{CellKey, Parameters, Scale, SchedulerKind};

/// The work that is left of a plan, a stage and in it a model at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule<'a> {
    /// In the order of [`Plan::stages`] and then [`Plan::models`]; those without work are left out.
    pub models: Vec<ModelWork<'a>>,
}

/// The work of one model in a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelWork<'a> {
    /// Index into [`Plan::stages`].
    pub stage: usize,
    /// What the stage does.
    pub kind: Kind,
    /// Index into [`Plan::models`].
    pub model: usize,
    /// By how they are sampled, so that cells which can be denoised together lie together whatever lies between them in
    /// the plan; within those in the order of the plan, so that each image's groups lie together.
    pub groups: Vec<Group<'a>>,
}

/// Cells whose latents start equal, so that they share their trajectory until their guidance differs, and
/// the UNet rows of the step where it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// What they have in common.
    pub start: Start,
    /// What to compute. Those that part late lie together: none shares more with an earlier one than with
    /// the one before it.
    pub cells: Vec<CellWork<'a>>,
}

/// Everything that the first latents, their timesteps and their image conditioning depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// Index into [`Plan::images`], if they are made of an image.
    pub image: Option<usize>,
    /// Index into [`Plan::masks`], if they have a mask.
    pub mask: Option<usize>,
    /// Seed of the noise.
    pub seed: u64,
    /// How it is denoised.
    pub sampling: Sampling,
}

/// What cells must have in common to be denoised in one batch: equal steps on arrays of equal size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// Sampler.
    pub scheduler: SchedulerKind,
    /// Denoising steps of the whole way from noise to an image.
    pub num_inference_steps: u32,
    /// The share of them that is taken where they begin with an image.
    pub strength: Option<Scale>,
    /// Pixels of the output.
    pub width: u32,
    /// Pixels of the output.
    pub height: u32,
}

/// One cell to compute.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWork<'a> {
    /// Index into [`Plan::cells`].
    pub cell: usize,
    /// Further cells with the same pixels.
    pub copies: Vec<usize>,
    /// What the UNet is asked for it.
    pub guidance: Guidance<'a>,
}

impl<'a> Schedule<'a> {
    /// Orders the cells that are not done yet.
    pub fn new(plan: &'a Plan, pending: &[usize]) -> Self {
        let model_index = index_by_name(plan.models.iter().map(|model| model.name.as_str()));
        let image_index = index_by_name(plan.images.iter().map(|image| image.name.as_str()));
        let mask_index = index_by_name(plan.masks.iter().map(|mask| mask.name.as_str()));
        let mut works: BTreeMap<(usize, usize), ModelWork> = BTreeMap::new();
        let mut known: HashMap<(usize, usize, Start), usize> = HashMap::new();
        for cell_work in computed(plan, pending) {
            let cell = &plan.cells[cell_work.cell];
            let model = model_index[cell.parameters.model.as_str()];
            let image = cell.fitted().map(|input| image_index[input.image]);
            let mask = mask_index.get(cell.parameters.mask.as_str()).copied();
            let start = Start::of(cell, image, mask);
            let work = works.entry((cell.stage, model));
            let work = work.or_insert_with(|| ModelWork {
                stage: cell.stage,
                kind: plan.kind_of(cell),
                model,
                groups: Vec::new(),
            });
            let group = *known.entry((cell.stage, model, start)).or_insert_with(|| {
                work.groups.push(Group {
                    start,
                    cells: Vec::new(),
                });
                work.groups.len() - 1
            });
            work.groups[group].cells.push(cell_work);
        }
        let mut models: Vec<ModelWork> = works.into_values().collect();
        for work in &mut models {
            by_sampling(&mut work.groups);
            for group in &mut work.groups {
                by_divergence(&mut group.cells);
            }
        }
        Self { models }
    }

    /// Counts the UNet rows of the work; `steps` as in [`UnetRows::of`].
    pub fn unet_rows(&self, steps: impl Fn(Kind, usize, Sampling) -> Vec<u32>) -> UnetRows {
        UnetRows::of(&self.models, steps)
    }
}

/// UNet rows of a schedule, and what was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnetRows {
    /// What will be evaluated.
    pub evaluated: u64,
    /// Saved because cells of one image and seed share their trajectory until they diverge.
    pub shared: u64,
    /// Saved because a branch's coefficient is 0, two branches are the same, or guidance is off.
    pub skipped: u64,
    /// Saved because another cell has the same pixels.
    pub copied: u64,
}

impl UnetRows {
    /// Counts those of some models' work; `steps` tells the step of each evaluation of a model (its index) for a
    /// kind of pipeline and how it is sampled: some schedulers ask several times a step.
    pub fn of<'w, 'p: 'w>(
        works: impl IntoIterator<Item = &'w ModelWork<'p>>,
        steps: impl Fn(Kind, usize, Sampling) -> Vec<u32>,
    ) -> Self {
        let mut rows = Self::default();
        for work in works {
            let plain_rows = work.kind.pipeline().plain_rows() as u64;
            for group in &work.groups {
                let steps = steps(work.kind, work.model, group.start.sampling);
                rows.add(group, plain_rows, &steps);
            }
        }
        rows
    }

    /// Rows of the plain pipelines, which share, skip and copy nothing.
    pub fn plain(self) -> u64 {
        self.evaluated + self.shared + self.skipped + self.copied
    }

    /// Counts those of a group; the plain pipeline has so many in each evaluation.
    fn add(&mut self, group: &Group, plain_rows: u64, steps: &[u32]) {
        let plain = plain_rows * steps.len() as u64;
        group.each_cell(steps, |work, CellRows { fresh, all }| {
            self.evaluated += fresh;
            self.shared += all - fresh;
            self.skipped += plain - all;
            self.copied += plain * work.copies.len() as u64;
        });
    }
}

/// UNet rows of a cell that is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CellRows {
    /// Beyond those of the cells before it in its group.
    pub(super) fresh: u64,
    /// What it would take alone.
    pub(super) all: u64,
}

impl Group<'_> {
    /// UNet rows that are evaluated for its cells; `steps` are the steps of the evaluations.
    pub fn evaluated_rows(&self, steps: &[u32]) -> u64 {
        let mut rows = 0;
        self.each_cell(steps, |_, cell| rows += cell.fresh);
        rows
    }

    /// Counts the rows of its cells, in their order.
    pub(super) fn each_cell(&self, steps: &[u32], mut take: impl FnMut(&CellWork, CellRows)) {
        let mut path = Path::default();
        for work in &self.cells {
            let guidance = &work.guidance;
            let rows = |steps: &[u32]| -> u64 {
                let asked = steps.iter().map(|&step| guidance.at(step).len() as u64);
                asked.sum()
            };
            let all = rows(steps);
            let fresh = path.fresh(guidance, steps, rows);
            take(work, CellRows { fresh, all });
            path.last = Some(guidance);
        }
    }
}

/// The last cell that was counted, and what was asked where others have diverged from its trajectory.
#[derive(Default)]
struct Path<'a> {
    last: Option<&'a Guidance<'a>>,
    /// Evaluations at which cells have diverged, rising, with the rows of all of them.
    forks: Vec<(usize, HashSet<Condition<'a>>)>,
}

impl<'a> Path<'a> {
    /// Rows that the next cell of the group needs beyond those of the cells before it.
    fn fresh(
        &mut self,
        guidance: &'a Guidance<'a>,
        steps: &[u32],
        rows: impl Fn(&[u32]) -> u64,
    ) -> u64 {
        let Some(last) = &self.last else {
            return rows(steps);
        };
        let divergence = last.divergence(guidance);
        let fork =
            divergence.and_then(|divergence| steps.iter().position(|&step| step >= divergence));
        let Some(fork) = fork else {
            return 0;
        };
        self.forks.retain(|&(evaluation, _)| evaluation <= fork);
        if self.forks.last().is_none_or(|&(last, _)| last < fork) {
            let asked = last.at(steps[fork]).iter().map(|&(condition, _)| condition);
            self.forks.push((fork, asked.collect()));
        }
        let mut fresh = 0;
        if let Some((_, known)) = self.forks.last_mut() {
            for &(condition, _) in guidance.at(steps[fork]) {
                fresh += u64::from(known.insert(condition));
            }
        }
        fresh + rows(&steps[fork + 1..])
    }
}

impl Sampling {
    /// The sampler, of a model's configuration as its kind of pipeline has it.
    ///
    /// # Errors
    /// If the configuration or the number of steps is not possible.
    pub fn sampler(self, config: &SchedulerConfig) -> Result<Sampler, SchedulerError> {
        let Self {
            scheduler,
            num_inference_steps,
            strength,
            width: _,
            height: _,
        } = self;
        match strength {
            None => Sampler::new(scheduler, config, num_inference_steps),
            Some(strength) => {
                Sampler::with_strength(scheduler, config, num_inference_steps, strength.to_f64())
            }
        }
    }
}

impl Cell {
    /// How the cell is sampled.
    pub fn sampling(&self) -> Sampling {
        // Every field is named: whether cells that differ in a new one may be sampled together is to be decided here.
        let Parameters {
            scheduler,
            num_inference_steps,
            strength,
            // Schedules are made a model at a time.
            model: _,
            // These are of the start.
            image: _,
            mask: _,
            seed: _,
            // These act in the steps: cells that differ in them part where their guidance does.
            instruction: _,
            negative_prompt: _,
            guidance_scale: _,
            image_guidance_scale: _,
            guidance_start: _,
            guidance_end: _,
            // What it set is in the others.
            preset: _,
        } = self.parameters;
        Sampling {
            scheduler,
            num_inference_steps,
            strength,
            width: self.width,
            height: self.height,
        }
    }
}

impl Start {
    fn of(cell: &Cell, image: Option<usize>, mask: Option<usize>) -> Self {
        Self {
            image,
            mask,
            seed: cell.parameters.seed,
            sampling: cell.sampling(),
        }
    }
}

/// Brings groups that are sampled alike together, in the order of their first groups.
fn by_sampling(groups: &mut [Group]) {
    let mut first: HashMap<Sampling, usize> = HashMap::new();
    for group in groups.iter() {
        let next = first.len();
        first.entry(group.start.sampling).or_insert(next);
    }
    groups.sort_by_key(|group| first[&group.start.sampling]);
}

/// Brings cells together that part late; otherwise they keep their order.
fn by_divergence(cells: &mut [CellWork]) {
    if (cells.iter()).all(|work| work.guidance.phases().len() == 1) {
        // Without intervals all of them part at the first step.
        return;
    }
    let phases = cells.iter().flat_map(|work| work.guidance.phases());
    let mut boundaries: Vec<u32> = phases.map(|phase| phase.first_step).collect();
    boundaries.sort_unstable();
    boundaries.dedup();
    // What is asked from one boundary to the next, numbered in the order of appearance: cells sorted by
    // these numbers lie as the leaves of the tree that their trajectories are.
    let mut numbers: HashMap<Vec<(Condition, u32)>, usize> = HashMap::new();
    let mut number = |asked: Vec<_>| {
        let next = numbers.len();
        *numbers.entry(asked).or_insert(next)
    };
    let mut places: HashMap<usize, Vec<usize>> = HashMap::with_capacity(cells.len());
    for work in cells.iter() {
        let asked = boundaries.iter().map(|&step| {
            let rows = work.guidance.at(step).iter();
            let rows = rows.map(|&(row, coefficient)| (row, coefficient.to_bits()));
            number(rows.collect())
        });
        places.insert(work.cell, asked.collect());
    }
    cells.sort_by(|one, other| places[&one.cell].cmp(&places[&other.cell]));
}

fn index_by_name<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    names
        .enumerate()
        .map(|(index, name)| (name, index))
        .collect()
}

/// The cells to compute, each with those that only copy it: of cells with the same pixels the first one
/// that is pending is computed.
fn computed<'a>(plan: &'a Plan, pending: &[usize]) -> Vec<CellWork<'a>> {
    let mut leaders: HashMap<&CellKey, usize> = HashMap::new();
    let mut works: Vec<CellWork> = Vec::new();
    for &index in pending {
        let cell = &plan.cells[index];
        let original = cell.same_as.as_ref().unwrap_or(&cell.key);
        match leaders.get(original) {
            Some(&leader) => works[leader].copies.push(index),
            None => {
                leaders.insert(original, works.len());
                works.push(CellWork {
                    cell: index,
                    copies: Vec::new(),
                    guidance: plan.guidance(cell),
                });
            }
        }
    }
    works
}
