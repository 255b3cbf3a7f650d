//! Remarks on cells, and the cell to take from each panel, judged by the measures and by neighbouring cells.
//!
//! A panel is the set of cells that differ only in guidance: the two scales, and the steps at which it acts. Measures
//! of pixels know nothing of the instruction, so they only give remarks, with the two scales as the remedy, and never
//! pick a cell. If CLIP measured how well the edit agrees with its captions, the cell to take is at the knee between
//! keeping the image and following the instruction.

mod knee;
#[cfg(test)]
mod labelled;
mod measured;
mod panel;
mod remark;
mod remedy;

use std::collections::{HashMap, HashSet};

use crate::store::{AdviceColumns, Run};
use crate::vocabulary::{CellKey, Parameter, Parameters, Word};

use measured::Measured;
use panel::Panel;
pub use remark::Remark;
use remark::Typical;

/// The advice on a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advice {
    /// For each cell remarked on: the remark, and what to try.
    pub by_cell: HashMap<CellKey, String>,
    /// The advised cell of every panel that CLIP measured with captions and that has a knee, in the order of the plan.
    pub best: Vec<Best>,
}

/// The advised cell of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The cell.
    pub cell: CellKey,
    /// What identifies its panel: the parameters with more than one value, except those of guidance.
    pub panel: Vec<(Parameter, String)>,
    /// Why, in a sentence.
    pub reason: String,
}

impl Advice {
    /// The column `advice` of `cells.csv`.
    pub fn texts(&self) -> HashMap<CellKey, String> {
        let best = self
            .best
            .iter()
            .map(|best| (best.cell.clone(), format!("advised: {}", best.reason)));
        self.by_cell.clone().into_iter().chain(best).collect()
    }

    /// The advice in the form that the run's tables take.
    pub fn for_tables(&self) -> AdviceColumns {
        AdviceColumns {
            advice: self.texts(),
            advised: self.cells(),
        }
    }

    /// The advised cells, which sheets outline.
    pub fn cells(&self) -> HashSet<CellKey> {
        self.best.iter().map(|best| best.cell.clone()).collect()
    }
}

/// The advice on the finished and measured cells of a run.
pub fn advise(run: &Run) -> Advice {
    let mut panels: Vec<Vec<Measured>> = Vec::new();
    let mut numbers = HashMap::new();
    for (place, cell) in run.plan.cells.iter().enumerate() {
        if let Some(measured) = Measured::of(run, place, cell) {
            let number = numbers.entry(panel_of(&cell.parameters));
            let number = *number.or_insert(panels.len());
            if number == panels.len() {
                panels.push(Vec::new());
            }
            panels[number].push(measured);
        }
    }
    let typical = typical_by_instruction(panels.iter());
    let panels = panels.into_iter().map(|cells| {
        let typical = typical.get(&instruction_of(&cells[0]));
        Panel::new(cells, typical.copied())
    });
    let mut advice = Advice::default();
    for panel in panels {
        for (measured, remark) in &panel.cells {
            if let Some(remark) = remark {
                let remedy = panel.remedy(measured, *remark);
                let text = format!("{}: {remedy}", remark.text(measured, panel.typical));
                advice.by_cell.insert(measured.cell.key.clone(), text);
            }
        }
        if let Some((best, reason)) = panel.best() {
            let axes = run
                .plan
                .axes
                .iter()
                .map(|axis| axis.parameter)
                .filter(|axis| separates_panels(*axis));
            advice.best.push(Best {
                cell: best.cell.key.clone(),
                panel: axes
                    .map(|axis| (axis, best.cell.parameters.text(axis)))
                    .collect(),
                reason,
            });
        }
    }
    advice
}

/// What is typical of each instruction, over all its cells, whatever their image and seed.
fn typical_by_instruction<'a>(
    panels: impl Iterator<Item = &'a Vec<Measured<'a>>>,
) -> HashMap<(Word, Word), Typical> {
    let mut cells: HashMap<(Word, Word), Vec<&Measured>> = HashMap::new();
    for panel in panels {
        let own = cells.entry(instruction_of(&panel[0])).or_default();
        own.extend(panel);
    }
    let typical = cells
        .into_iter()
        .filter_map(|(instruction, cells)| Some((instruction, Typical::of(&cells)?)));
    typical.collect()
}

/// The prompt and the negative prompt of a cell.
fn instruction_of(cell: &Measured) -> (Word, Word) {
    let of = &cell.cell.parameters;
    (of.instruction.clone(), of.negative_prompt.clone())
}

/// Whether a parameter separates panels. Those of guidance do not. Nor do presets themselves, only the parameters they
/// set: presets that set guidance scales form one panel.
fn separates_panels(parameter: Parameter) -> bool {
    parameter != Parameter::Preset && parameter.definition().departs.is_none()
}

fn panel_of(parameters: &Parameters) -> Vec<String> {
    let names = Parameter::ALL
        .into_iter()
        .filter(|parameter| separates_panels(*parameter));
    names.map(|parameter| parameters.text(parameter)).collect()
}

#[cfg(test)]
mod tests;
