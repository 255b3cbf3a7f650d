//! The order in which a plan's work is cut: that of the schedule or, in a chain, image by image, each followed by
//! everything made from it.

use std::collections::{HashMap, HashSet};

use super::super::schedule::{CellWork, Group, Sampling, Schedule};
use super::super::{Plan, Start};
use crate::vocabulary::SchedulerKind;

/// Decoding an image costs about as much as this many UNet rows of its size: in Stable Diffusion 1.5 about 2.5 TFLOP
/// against 0.8.
const DECODING_ROWS: u64 = 3;

/// A cell to compute and the cells with the same pixels, as indices into [`Plan::cells`].
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) cell: usize,
    pub(super) copies: Vec<usize>,
    stage: usize,
    cost: u64,
    /// Whether it is the first of its group.
    begins: bool,
    /// The work that makes its input, if another cell's image is its input.
    input: Option<usize>,
}

/// How the cost of images that several units are made from is counted when a chain is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inputs {
    /// Once, with the first unit: use if parts have many units of each image.
    Once,
    /// With each unit: use if parts have few units of each image.
    OfEach,
}

/// All works of a plan, in the order of its schedule.
pub(super) struct Works(Vec<Work>);

impl Works {
    pub(super) fn of(plan: &Plan) -> Self {
        let all: Vec<usize> = (0..plan.cells.len()).collect();
        let mut works = Vec::with_capacity(all.len());
        for model in Schedule::new(plan, &all).models {
            for group in model.groups {
                let mut costs = Vec::with_capacity(group.cells.len());
                group.each_cell(&steps(group.start), |_, rows| {
                    costs.push((rows.fresh + DECODING_ROWS) * pixels(&group));
                });
                let cells = group.cells.into_iter().zip(costs).enumerate();
                works.extend(cells.map(|(place, (work, cost))| {
                    let CellWork { cell, copies, .. } = work;
                    Work {
                        cell,
                        copies,
                        stage: model.stage,
                        cost,
                        begins: place == 0,
                        input: None,
                    }
                }));
            }
        }
        let mut works = Self(works);
        works.find_inputs(plan);
        works
    }

    /// Links each work to the one that makes its input.
    fn find_inputs(&mut self, plan: &Plan) {
        if plan.stages.len() < 2 {
            return;
        }
        let mut work_of: HashMap<usize, usize> = HashMap::new();
        for (place, work) in self.0.iter().enumerate() {
            let cells = std::iter::once(work.cell).chain(work.copies.iter().copied());
            work_of.extend(cells.map(|cell| (cell, place)));
        }
        for work in &mut self.0 {
            let input = plan.input_of(&plan.cells[work.cell]);
            let input = input.and_then(|key| work_of.get(&plan.place_of(key)?));
            work.input = input.copied();
        }
    }

    /// The order in which everything made from one image of this stage is together, preceded by what that image is made
    /// from.
    pub(super) fn between_images_of(&self, stage: usize, inputs: Inputs) -> Order<'_> {
        let mut unit_of: Vec<usize> = (0..self.0.len()).collect();
        // Inputs come before what is made from them.
        for (place, work) in self.0.iter().enumerate() {
            if let (true, Some(input)) = (work.stage > stage, work.input) {
                unit_of[place] = unit_of[input];
            }
        }
        // What several units are made from belongs to the first of them.
        for place in (0..self.0.len()).rev() {
            let work = &self.0[place];
            if let (true, Some(input)) = (work.stage <= stage, work.input) {
                unit_of[input] = unit_of[place];
            }
        }
        let mut order = Order::of(&self.0, &unit_of);
        if inputs == Inputs::OfEach {
            order.weigh_inputs();
        }
        order
    }
}

/// Works in some order, and where that order may be cut.
pub(super) struct Order<'a> {
    works: &'a [Work],
    /// Indices of works, in this order.
    order: Vec<usize>,
    /// The summed cost of the works before each, and of all.
    costs: Vec<u64>,
    /// Borders between units: cells or, in chains, the images between which to cut. Ascending, like `groups`.
    pub(super) units: Vec<usize>,
    /// Borders between groups.
    pub(super) groups: Vec<usize>,
}

impl<'a> Order<'a> {
    /// Orders units by the work they are named after, and the works of a unit as in the schedule.
    fn of(works: &'a [Work], unit_of: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..works.len()).collect();
        order.sort_by_key(|&place| unit_of[place]);
        let begins = |border: &usize| {
            let unit = |border: usize| unit_of[order[border]];
            *border == 0 || unit(*border) != unit(border - 1)
        };
        let mut units: Vec<usize> = (0..order.len()).filter(begins).collect();
        let begins_group = |border: &&usize| works[unit_of[order[**border]]].begins;
        let mut groups: Vec<usize> = units.iter().filter(begins_group).copied().collect();
        units.push(order.len());
        groups.push(order.len());
        let mut costs = Vec::with_capacity(order.len() + 1);
        let mut cost = 0;
        costs.push(cost);
        for &place in &order {
            cost += works[place].cost;
            costs.push(cost);
        }
        Self {
            works,
            order,
            costs,
            units,
            groups,
        }
    }

    /// Counts inputs that are made in another unit as part of this unit.
    fn weigh_inputs(&mut self) {
        let mut more = 0;
        let mut costs = std::mem::take(&mut self.costs);
        for unit in self.units.windows(2) {
            more += self.cost_of_inputs(&self.order[unit[0]..unit[1]]);
            for cost in &mut costs[unit[0] + 1..=unit[1]] {
                *cost += more;
            }
        }
        self.costs = costs;
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The works in this order.
    pub(super) fn into_works(self) -> Vec<Work> {
        let works = self.order.into_iter();
        works.map(|place| self.works[place].clone()).collect()
    }

    /// The cost of all works.
    pub(super) fn cost(&self) -> u64 {
        self.cost_before(self.len())
    }

    pub(super) fn cost_before(&self, border: usize) -> u64 {
        self.costs[border]
    }

    /// The cost of each part, including inputs that are made in another part.
    pub(super) fn costs_of(&self, borders: &[usize]) -> Vec<u64> {
        let parts = borders.windows(2);
        let cost = |part: &[usize]| {
            let places = &self.order[part[0]..part[1]];
            let own = places.iter().map(|&place| self.works[place].cost);
            own.sum::<u64>() + self.cost_of_inputs(places)
        };
        parts.map(cost).collect()
    }

    /// The cost of the inputs of these works that are not among the works themselves.
    fn cost_of_inputs(&self, places: &[usize]) -> u64 {
        if places
            .iter()
            .all(|&place| self.works[place].input.is_none())
        {
            return 0;
        }
        let mut known: HashSet<usize> = places.iter().copied().collect();
        let mut cost = 0;
        for &place in places {
            let mut next = self.works[place].input;
            while let Some(input) = next.filter(|&input| known.insert(input)) {
                cost += self.works[input].cost;
                next = self.works[input].input;
            }
        }
        cost
    }
}

/// The step of each evaluation, as far as the plan knows it: the model's configuration may add one.
fn steps(start: Start) -> Vec<u32> {
    let Sampling {
        scheduler,
        num_inference_steps,
        ..
    } = start.sampling;
    // Heun's method evaluates twice a step.
    let calls = if scheduler == SchedulerKind::Heun {
        2
    } else {
        1
    };
    let steps = 0..num_inference_steps;
    steps.flat_map(|step| vec![step; calls]).collect()
}

fn pixels(group: &Group) -> u64 {
    let Sampling { width, height, .. } = group.start.sampling;
    u64::from(width) * u64::from(height)
}
