//! Plans for the tests of sheets, made without a sweep file.

use std::str::FromStr;

use rust_decimal::Decimal;

use crate::diffusion::SchedulerKind;
use crate::plan::{Axis, Cell, CellKey, ImageEntry, Plan};
use crate::spec::{Numerics, Parameter, Parameters, Scale, SheetSpec};

/// A plan of the product of these axes; everything else is at its default.
pub fn plan(axes: &[(Parameter, &[&str])]) -> Plan {
    sized_plan(axes, 512, 512)
}

/// As [`plan`], with outputs of this size.
pub fn sized_plan(axes: &[(Parameter, &[&str])], width: u32, height: u32) -> Plan {
    let mut points: Vec<Vec<(Parameter, &str)>> = vec![Vec::new()];
    for (parameter, values) in axes {
        let grown = points.iter().flat_map(|point| {
            values.iter().map(move |value| [point.as_slice(), &[(*parameter, *value)]].concat())
        });
        points = grown.collect();
    }
    let cells: Vec<Cell> = points
        .iter()
        .enumerate()
        .map(|(index, point)| Cell {
            key: serde_json::from_value::<CellKey>(format!("c{index:05}").into()).unwrap(),
            parameters: parameters(point),
            width,
            height,
            same_as: None,
        })
        .collect();
    let mut names: Vec<String> = cells.iter().map(|cell| cell.parameters.image.clone()).collect();
    names.dedup();
    names.sort();
    names.dedup();
    Plan {
        name: "winter".into(),
        axes: axes
            .iter()
            .filter(|(_, values)| values.len() > 1)
            .map(|(parameter, values)| Axis {
                parameter: *parameter,
                values: values.iter().map(|&value| value.to_owned()).collect(),
            })
            .collect(),
        models: Vec::new(),
        images: names
            .into_iter()
            .map(|name| ImageEntry {
                path: name.clone().into(),
                sha256: format!("{:x}", name.len()).repeat(64),
                name,
                width,
                height,
            })
            .collect(),
        numerics: Numerics::default(),
        sheet: SheetSpec::default(),
        cells,
    }
}

fn parameters(point: &[(Parameter, &str)]) -> Parameters {
    let value = |parameter, default: &str| {
        let found = point.iter().find(|(p, _)| *p == parameter);
        found.map_or(default, |(_, value)| value).to_owned()
    };
    let scale = |parameter, default| Scale::new(Decimal::from_str(&value(parameter, default)).unwrap());
    Parameters {
        model: value(Parameter::Model, "../onnx/demo"),
        image: value(Parameter::Image, "photos/lake.png"),
        instruction: value(Parameter::Instruction, "make it winter"),
        negative_prompt: value(Parameter::NegativePrompt, ""),
        guidance_scale: scale(Parameter::GuidanceScale, "7.0"),
        image_guidance_scale: scale(Parameter::ImageGuidanceScale, "1.5"),
        seed: value(Parameter::Seed, "42").parse().unwrap(),
        num_inference_steps: value(Parameter::NumInferenceSteps, "20").parse().unwrap(),
        scheduler: SchedulerKind::EulerAncestral,
        preset: Some(value(Parameter::Preset, "")).filter(|name| !name.is_empty()),
    }
}
