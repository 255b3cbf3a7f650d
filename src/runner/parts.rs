//! Forecasts the parts of a sweep before any of them runs.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use super::Prepared;
use super::chain::with_inputs_in_order;
use crate::plan::{Cut, Plan, Schedule};

/// What a part will do if nothing is done yet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PartForecast {
    /// Number of cells, copies included.
    pub cells: usize,
    /// The work for them, including inputs that other parts compute too.
    pub work: PartWork,
    /// Its cost divided by the mean of all parts.
    pub load: f64,
}

/// The work of a part, in which everything is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartWork {
    /// UNet rows.
    pub rows: u64,
    /// Number of models to load.
    pub models: usize,
    /// Number of texts to encode, summed over models.
    pub texts: usize,
    /// Number of images to encode, summed over models and sizes.
    pub images: usize,
}

impl PartWork {
    fn of(prepared: &Prepared, cells: &[usize]) -> Self {
        let plan = &prepared.plan;
        let schedule = Schedule::new(plan, cells);
        let rows = schedule.unet_rows(prepared.evaluation_steps());
        let (mut texts, mut images) = (0, 0);
        for work in &schedule.models {
            let of_model = work.groups.iter().flat_map(|group| &group.cells);
            texts += texts_of(plan, of_model.clone().map(|work| work.cell));
            images += plan.inputs_of(of_model.map(|work| work.cell)).len();
        }
        Self {
            rows: rows.evaluated,
            models: schedule.models.len(),
            texts,
            images,
        }
    }

    /// What all parts do beyond the work of a single process: everything that several of them need.
    pub fn repeated(prepared: &Prepared, parts: &[PartForecast]) -> Self {
        let plan = &prepared.plan;
        let all: Vec<usize> = (0..plan.cells.len()).collect();
        let alone = Self::of(prepared, &all);
        let sum =
            |what: fn(&Self) -> usize| parts.iter().map(|part| what(&part.work)).sum::<usize>();
        let rows: u64 = parts.iter().map(|part| part.work.rows).sum();
        Self {
            rows: rows - alone.rows,
            models: sum(|work| work.models) - alone.models,
            texts: sum(|work| work.texts) - alone.texts,
            images: sum(|work| work.images) - alone.images,
        }
    }
}

fn texts_of(plan: &Plan, cells: impl Iterator<Item = usize>) -> usize {
    let texts = cells.flat_map(|cell| {
        let parameters = &plan.cells[cell].parameters;
        [&parameters.instruction, &parameters.negative_prompt]
    });
    texts.collect::<BTreeSet<_>>().len()
}

/// What each of `parts` parts will do. It does not matter what is already done, because the cut ignores that.
pub fn part_forecasts(prepared: &Prepared, parts: NonZeroUsize) -> Vec<PartForecast> {
    let plan = &prepared.plan;
    let cut = Cut::new(plan, parts);
    let forecast = |part| {
        let cells = cut.cells(part);
        PartForecast {
            cells: cells.len(),
            work: PartWork::of(prepared, &with_inputs_in_order(plan, cells)),
            load: cut.load(part),
        }
    };
    (0..parts.get()).map(forecast).collect()
}
