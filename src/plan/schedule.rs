//! A [`Plan`] in the order of work: what is shared is found here, before anything runs.

use std::collections::{HashMap, HashSet};

use super::{Cell, CellKey, Plan};
use crate::diffusion::{BranchText, SchedulerKind, branches};
use crate::spec::{GuidanceMode, Parameters};

/// The work that is left of a plan, a model at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// In the order of [`Plan::models`]; those without work are left out.
    pub models: Vec<ModelWork>,
}

/// The work of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelWork {
    /// Index into [`Plan::models`].
    pub model: usize,
    /// In the order of the plan, so that each image's groups lie together.
    pub groups: Vec<Group>,
}

/// Cells whose latents start equal, so that they share the UNet rows of their first step.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they have in common.
    pub start: Start,
    /// What to compute.
    pub cells: Vec<CellWork>,
}

/// Everything that the first latents, their timesteps and their image conditioning depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// Index into [`Plan::images`].
    pub image: usize,
    /// Seed of the noise.
    pub seed: u64,
    /// The course of the denoising.
    pub course: Course,
}

/// What cells must have in common to be denoised in one batch: equal steps on arrays of equal size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Course {
    /// Sampler.
    pub scheduler: SchedulerKind,
    /// Denoising steps.
    pub num_inference_steps: u32,
    /// Pixels of the output.
    pub width: u32,
    /// Pixels of the output.
    pub height: u32,
}

/// One cell to compute.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWork {
    /// Index into [`Plan::cells`].
    pub cell: usize,
    /// Further cells with the same pixels.
    pub copies: Vec<usize>,
}

/// What one row of the UNet's batch is conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Condition<'a> {
    /// The instruction or the negative prompt.
    pub text: &'a str,
    /// The image's latents, or zeros.
    pub image: bool,
}

/// The UNet rows of one evaluation of a cell, each with its coefficient in the guided prediction.
pub fn conditions(parameters: &Parameters, mode: GuidanceMode) -> Vec<(Condition<'_>, f32)> {
    let Parameters {
        instruction,
        negative_prompt,
        guidance_scale,
        image_guidance_scale,
        ..
    } = parameters;
    branches(
        mode,
        *guidance_scale,
        *image_guidance_scale,
        instruction == negative_prompt,
    )
    .into_iter()
    .map(|(branch, coefficient)| {
        let text = match branch.text {
            BranchText::Instruction => instruction,
            BranchText::Negative => negative_prompt,
        };
        (
            Condition {
                text,
                image: branch.image,
            },
            coefficient,
        )
    })
    .collect()
}

impl Schedule {
    /// Orders the cells that are not done yet.
    pub fn new(plan: &Plan, pending: &[usize]) -> Self {
        let model_index = index_by_name(plan.models.iter().map(|model| model.name.as_str()));
        let image_index = index_by_name(plan.images.iter().map(|image| image.name.as_str()));
        let mut works: Vec<ModelWork> = (0..plan.models.len())
            .map(|model| ModelWork {
                model,
                groups: Vec::new(),
            })
            .collect();
        let mut known: HashMap<(usize, Start), usize> = HashMap::new();
        for work in computed(plan, pending) {
            let cell = &plan.cells[work.cell];
            let model = model_index[cell.parameters.model.as_str()];
            let start = Start::of(cell, image_index[cell.parameters.image.as_str()]);
            let groups = &mut works[model].groups;
            let group = *known.entry((model, start)).or_insert_with(|| {
                groups.push(Group {
                    start,
                    cells: Vec::new(),
                });
                groups.len() - 1
            });
            groups[group].cells.push(work);
        }
        works.retain(|work| !work.groups.is_empty());
        Self { models: works }
    }

    /// Counts the UNet rows of the work; `evaluations` tells how often a model (its index) is asked in a course.
    pub fn unet_rows(&self, plan: &Plan, evaluations: impl Fn(usize, Course) -> usize) -> UnetRows {
        let mut rows = UnetRows::default();
        for work in &self.models {
            for group in &work.groups {
                rows.add(
                    group,
                    plan,
                    evaluations(work.model, group.start.course) as u64,
                );
            }
        }
        rows
    }
}

/// UNet rows of a schedule, and what was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnetRows {
    /// What will be evaluated.
    pub evaluated: u64,
    /// Saved because cells of one image and seed share their first step.
    pub shared: u64,
    /// Saved because a branch's coefficient is 0, two branches are the same, or guidance is off.
    pub skipped: u64,
    /// Saved because another cell has the same pixels.
    pub copied: u64,
}

impl UnetRows {
    /// Rows of the plain pipeline: three an evaluation.
    pub fn plain(self) -> u64 {
        self.evaluated + self.shared + self.skipped + self.copied
    }

    fn add(&mut self, group: &Group, plan: &Plan, evaluations: u64) {
        const PLAIN_ROWS: u64 = 3;
        let mut at_first_step = HashSet::new();
        for work in &group.cells {
            let conditions = conditions(&plan.cells[work.cell].parameters, plan.numerics.guidance);
            let rows = conditions.len() as u64;
            let fresh = conditions
                .iter()
                .filter(|(condition, _)| at_first_step.insert(*condition))
                .count() as u64;
            self.evaluated += rows * (evaluations - 1) + fresh;
            self.shared += rows - fresh;
            self.skipped += (PLAIN_ROWS - rows) * evaluations;
            self.copied += PLAIN_ROWS * evaluations * work.copies.len() as u64;
        }
    }
}

impl Start {
    fn of(cell: &Cell, image: usize) -> Self {
        let Parameters {
            scheduler,
            num_inference_steps,
            seed,
            ..
        } = cell.parameters;
        let Cell { width, height, .. } = *cell;
        Self {
            image,
            seed,
            course: Course {
                scheduler,
                num_inference_steps,
                width,
                height,
            },
        }
    }
}

fn index_by_name<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    names
        .enumerate()
        .map(|(index, name)| (name, index))
        .collect()
}

/// The cells to compute, each with those that only copy it: of cells with the same pixels the first one
/// that is pending is computed.
fn computed(plan: &Plan, pending: &[usize]) -> Vec<CellWork> {
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
                });
            }
        }
    }
    works
}
