//! The order of work: finds what cells of a [`Plan`] share, before anything runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::guidance::Guiding;
use super::{Cell, Condition, Guidance, Plan};
use crate::diffusion::{Sampler, SchedulerConfig, SchedulerError};
use crate::pipeline::Kind;
use crate::vocabulary::{CellKey, Parameters, Scale, SchedulerKind};

/// The remaining work of a plan, stage by stage and within a stage model by model.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule<'a> {
    /// In the order of [`Plan::stages`], then [`Plan::models`]; models without work are left out.
    pub models: Vec<ModelWork<'a>>,
}

/// The work for one model in a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelWork<'a> {
    /// Index into [`Plan::stages`].
    pub stage: usize,
    /// The stage's kind of pipeline.
    pub kind: Kind,
    /// Index into [`Plan::models`].
    pub model: usize,
    /// Sorted by sampling, so that groups that can be denoised together are neighbours even if they are apart in the
    /// plan; within a sampling in the order of the plan, so that the groups of an image are neighbours.
    pub groups: Vec<Group<'a>>,
}

/// Cells with the same first latents: they share their trajectory until their guidance differs, and the equal UNet rows
/// of the step where it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// What the cells have in common.
    pub start: Start,
    /// The cells to compute. Those that diverge late are neighbours: no cell shares more with an earlier one than with
    /// its predecessor.
    pub cells: Vec<CellWork<'a>>,
}

/// Everything that determines the first latents, the timesteps and the image conditioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// Index into [`Plan::images`], if the cells start from an image.
    pub image: Option<usize>,
    /// Index into [`Plan::masks`], if the cells have a mask.
    pub mask: Option<usize>,
    /// Seed of the noise.
    pub seed: u64,
    /// How the cells are sampled.
    pub sampling: Sampling,
}

/// What cells must have in common to be denoised in one batch: the same steps on arrays of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// Scheduler.
    pub scheduler: SchedulerKind,
    /// Number of denoising steps of the whole way from noise to an image.
    pub num_inference_steps: u32,
    /// The share of the steps that is taken if they start from an image.
    pub strength: Option<Scale>,
    /// Width of the output in pixels.
    pub width: u32,
    /// Height of the output in pixels.
    pub height: u32,
}

/// One cell to compute.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWork<'a> {
    /// Index into [`Plan::cells`].
    pub cell: usize,
    /// Other cells with the same pixels, as indices into [`Plan::cells`].
    pub copies: Vec<usize>,
    /// What the UNet is asked to predict for it: a few different ones, however many seeds there are.
    pub guidance: Arc<Guidance<'a>>,
}

impl<'a> Schedule<'a> {
    /// Orders the cells that are not done yet.
    pub fn new(plan: &'a Plan, pending: &[usize]) -> Self {
        let model_index = index_by_name(plan.models.iter().map(|model| model.name.as_str()));
        let mut works: BTreeMap<(usize, usize), ModelWork> = BTreeMap::new();
        let mut known: HashMap<(usize, usize, Start), usize> = HashMap::new();
        let mut last = None;
        for cell_work in computed(plan, pending) {
            let cell = &plan.cells[cell_work.cell];
            let model = model_index[cell.parameters.model.as_str()];
            let image = plan.place_of_image(&cell.parameters.image);
            let mask = plan.place_of_mask(&cell.parameters.mask);
            let start = Start::of(cell, image, mask);
            let work = works.entry((cell.stage, model));
            let work = work.or_insert_with(|| ModelWork {
                stage: cell.stage,
                kind: plan.kind_of(cell),
                model,
                groups: Vec::new(),
            });
            let place = (cell.stage, model, start);
            // Most are of the group of the cell before them.
            let group = match last.filter(|(last, _)| *last == place) {
                Some((_, group)) => group,
                None => *known.entry(place).or_insert_with(|| {
                    work.groups.push(Group {
                        start,
                        cells: Vec::new(),
                    });
                    work.groups.len() - 1
                }),
            };
            last = Some((place, group));
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

    /// Counts the UNet rows of the work; for `steps` see [`UnetRows::of`].
    pub fn unet_rows(&self, steps: impl Fn(Kind, usize, Sampling) -> Vec<u32>) -> UnetRows {
        UnetRows::of(&self.models, steps)
    }
}

/// The UNet rows of a schedule, and how many are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnetRows {
    /// Rows to evaluate.
    pub evaluated: u64,
    /// Rows saved because cells with the same start share their trajectory until they diverge.
    pub shared: u64,
    /// Rows saved because a branch's coefficient is 0, two branches are equal, or guidance is off.
    pub skipped: u64,
    /// Rows saved because another cell has the same pixels.
    pub copied: u64,
}

impl UnetRows {
    /// Counts the rows of several models' work. `steps` gives the step of each evaluation for a kind of pipeline, a
    /// model (by its index) and a sampling, because some schedulers evaluate several times a step.
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

    /// The rows of plain pipelines, which share, skip and copy nothing.
    pub fn plain(self) -> u64 {
        self.evaluated + self.shared + self.skipped + self.copied
    }

    /// Adds the rows of a group; the plain pipeline has `plain_rows` in each evaluation.
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

/// The UNet rows of a cell to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CellRows {
    /// Rows beyond those of the cells before it in its group.
    pub(super) fresh: u64,
    /// Rows it would take alone.
    pub(super) all: u64,
}

impl Group<'_> {
    /// The UNet rows evaluated for the group's cells; `steps` gives the step of each evaluation.
    pub fn evaluated_rows(&self, steps: &[u32]) -> u64 {
        let mut rows = 0;
        self.each_cell(steps, |_, cell| rows += cell.fresh);
        rows
    }

    /// Counts the rows of the group's cells, in their order.
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

/// The trajectory of the last cell counted, and what was evaluated where others have diverged from it.
#[derive(Default)]
struct Path<'a> {
    last: Option<&'a Guidance<'a>>,
    /// Evaluations at which cells have diverged, ascending, with the conditions of all of them.
    forks: Vec<(usize, HashSet<Condition<'a>>)>,
}

impl<'a> Path<'a> {
    /// The rows that the next cell of the group needs beyond those of the cells before it.
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
    /// Makes the sampler from a model's configuration as its kind of pipeline rewrites it.
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
        // Every field is named, so that a new parameter does not compile until it is decided whether cells that differ
        // in it may be sampled together.
        let Parameters {
            scheduler,
            num_inference_steps,
            strength,
            // Schedules are made model by model.
            model: _,
            // Part of the start.
            image: _,
            mask: _,
            seed: _,
            // These take effect at the steps: cells that differ in them diverge where their guidance does.
            instruction: _,
            negative_prompt: _,
            guidance_scale: _,
            image_guidance_scale: _,
            guidance_start: _,
            guidance_end: _,
            // Its values stand in the other fields.
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

/// Sorts groups so that those with the same sampling are neighbours, in the order of their first groups.
fn by_sampling(groups: &mut [Group]) {
    let mut first: HashMap<Sampling, usize> = HashMap::new();
    for group in groups.iter() {
        let next = first.len();
        first.entry(group.start.sampling).or_insert(next);
    }
    groups.sort_by_key(|group| first[&group.start.sampling]);
}

/// Sorts cells so that those that diverge late are neighbours; otherwise keeps their order.
fn by_divergence(cells: &mut [CellWork]) {
    if (cells.iter()).all(|work| work.guidance.phases().len() == 1) {
        // Without intervals all of them diverge at the first step.
        return;
    }
    let phases = cells.iter().flat_map(|work| work.guidance.phases());
    let mut boundaries: Vec<u32> = phases.map(|phase| phase.first_step).collect();
    boundaries.sort_unstable();
    boundaries.dedup();
    // The conditions between one boundary and the next, numbered in order of appearance: sorted by these numbers, cells
    // are in the order of the leaves of their trajectories' tree.
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

/// The cells to compute, each with its copies: among cells with the same pixels the first pending one is computed.
fn computed<'a>(plan: &'a Plan, pending: &[usize]) -> Vec<CellWork<'a>> {
    // Few are copied: not every cell is asked for.
    let originals = (pending.iter()).filter_map(|&index| plan.cells[index].same_as.as_ref());
    let originals: HashSet<&CellKey> = originals.collect();
    let mut leaders: HashMap<&CellKey, usize> = HashMap::new();
    let mut guidances: HashMap<Guiding, Arc<Guidance>> = HashMap::new();
    let mut works: Vec<CellWork> = Vec::with_capacity(pending.len());
    for &index in pending {
        let cell = &plan.cells[index];
        let original = cell.same_as.as_ref().unwrap_or(&cell.key);
        let is_copied = !originals.is_empty() && originals.contains(original);
        match leaders.get(original).filter(|_| is_copied) {
            Some(&leader) => works[leader].copies.push(index),
            None => {
                if is_copied {
                    leaders.insert(original, works.len());
                }
                let guiding = plan.guiding(cell);
                let guidance = guidances
                    .entry(guiding)
                    .or_insert_with(|| Arc::new(guiding.guidance()));
                works.push(CellWork {
                    cell: index,
                    copies: Vec::new(),
                    guidance: Arc::clone(guidance),
                });
            }
        }
    }
    works
}
