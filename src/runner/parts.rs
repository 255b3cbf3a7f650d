//! What the parts of a sweep will do, before any of them runs.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use super::Prepared;
use super::chain::Chain;
use crate::plan::{Cut, Plan, Schedule};

/// What a part will do, if nothing is done yet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PartForecast {
    /// Cells, copies included.
    pub cells: usize,
    /// What is computed for them, with what they work on and other parts have.
    pub work: PartWork,
    /// Its cost over the mean of all parts.
    pub load: f64,
}

/// What is computed, each once within a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartWork {
    /// UNet rows.
    pub rows: u64,
    /// Models to load.
    pub models: usize,
    /// Texts to encode, for each model.
    pub texts: usize,
    /// Images to encode, for each model and size.
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

    /// What all parts do beyond what one process would: everything that several of them need.
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

/// What each of so many parts will do, whatever is done already: a cut knows nothing of that.
pub fn part_forecasts(prepared: &Prepared, parts: NonZeroUsize) -> Vec<PartForecast> {
    let plan = &prepared.plan;
    let cut = Cut::new(plan, parts);
    let chain = Chain::of(plan);
    let forecast = |part| {
        let cells = cut.cells(part);
        PartForecast {
            cells: cells.len(),
            work: PartWork::of(prepared, &chain.in_order(cells)),
            load: cut.load(part),
        }
    };
    (0..parts.get()).map(forecast).collect()
}
