//! A readable name for a cell, made from its parameters, so that it stays the same when models and versions change its
//! key.

use crate::plan::Plan;
use crate::vocabulary::{Parameter, Parameters};

/// For example `make it winter · guidance_scale 3.0`: the instruction and what else varies in the cell's stage,
/// preceded by the stage's name if there are several.
pub(super) fn label(plan: &Plan, stage: usize, parameters: &Parameters) -> String {
    let own = plan.stages.get(stage).filter(|_| plan.stages.len() > 1);
    let axes = own.map_or(&plan.axes, |stage| &stage.axes);
    let varying = axes.iter().map(|axis| axis.parameter);
    let others = varying.filter(|parameter| *parameter != Parameter::Instruction);
    let named = others.map(|parameter| match parameters.text(parameter) {
        value if value.is_empty() => format!("no {parameter}"),
        value => format!("{parameter} {value}"),
    });
    let words: Vec<String> = std::iter::once(parameters.text(Parameter::Instruction))
        .chain(named)
        .collect();
    let words = words.join(" · ");
    match own {
        Some(stage) => format!("{}: {words}", stage.name),
        None => words,
    }
}
