//! What a cell is called where its key would not do: by its parameters, so that the name is the same when models and
//! versions change.

use crate::plan::Plan;
use crate::vocabulary::{Parameter, Parameters};

/// `make it winter · guidance_scale 3.0`: the instruction, and what else varies in the sweep.
pub(super) fn label(plan: &Plan, parameters: &Parameters) -> String {
    let varying = plan.axes.iter().map(|axis| axis.parameter);
    let others = varying.filter(|parameter| *parameter != Parameter::Instruction);
    let named = others.map(|parameter| match parameters.text(parameter) {
        value if value.is_empty() => format!("no {parameter}"),
        value => format!("{parameter} {value}"),
    });
    let words: Vec<String> = std::iter::once(parameters.text(Parameter::Instruction))
        .chain(named)
        .collect();
    words.join(" · ")
}
