//! Plans and runs for tests of sheets, made without a sweep file or a model.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use image::{Rgb, RgbImage};
use rust_decimal::Decimal;

use crate::image::Fit;
use crate::plan::{Axis, ByName, Cell, ImageEntry, Plan, Stage};
use crate::spec::{Numerics, SheetSpec};
use crate::store::{Environment, Run};
use crate::vocabulary::{CellKey, Parameter, Parameters, Record, Scale, StageTimes, Status};

/// A plan with the product of these axes and defaults for everything else.
pub fn plan(axes: &[(Parameter, &[&str])]) -> Plan {
    sized_plan(axes, 512, 512)
}

/// As [`plan`], with this size of outputs.
pub fn sized_plan(axes: &[(Parameter, &[&str])], width: u32, height: u32) -> Plan {
    let mut points: Vec<Vec<(Parameter, &str)>> = vec![Vec::new()];
    for (parameter, values) in axes {
        let grown = points.iter().flat_map(|point| {
            values
                .iter()
                .map(move |value| [point.as_slice(), &[(*parameter, *value)]].concat())
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
            stage: 0,
            same_as: None,
        })
        .collect();
    Plan {
        name: "winter".into(),
        stages: Stage::one_edit(),
        axes: axes
            .iter()
            .filter(|(_, values)| values.len() > 1)
            .map(|(parameter, values)| Axis {
                parameter: *parameter,
                values: values.iter().map(|&value| value.to_owned()).collect(),
            })
            .collect(),
        models: Vec::new(),
        images: images(&cells, (width, height)),
        masks: Vec::new(),
        numerics: Numerics::default(),
        fit: Fit::Crop,
        resolution: None,
        checked_stages: Vec::new(),
        sheet: SheetSpec::default(),
        cells,
        by_name: ByName::default(),
    }
}

/// The inputs of these cells, by their names.
fn images(cells: &[Cell], (width, height): (u32, u32)) -> Vec<ImageEntry> {
    let names: BTreeSet<&str> = cells
        .iter()
        .map(|cell| cell.parameters.image.as_str())
        .collect();
    let entry = |name: &str| ImageEntry {
        path: name.into(),
        sha256: format!("{:x}", name.len()).repeat(64),
        cell: None,
        name: name.to_owned(),
        width,
        height,
        converted: false,
    };
    names.into_iter().map(entry).collect()
}

fn parameters(point: &[(Parameter, &str)]) -> Parameters {
    let value = |parameter, default: &str| {
        let found = point.iter().find(|(p, _)| *p == parameter);
        found.map_or(default, |(_, value)| value).to_owned()
    };
    let scale =
        |parameter, default| Scale::new(Decimal::from_str(&value(parameter, default)).unwrap());
    Parameters {
        model: value(Parameter::Model, "../onnx/demo").into(),
        image: value(Parameter::Image, "photos/lake.png").into(),
        instruction: value(Parameter::Instruction, "make it winter").into(),
        negative_prompt: value(Parameter::NegativePrompt, "").into(),
        guidance_scale: scale(Parameter::GuidanceScale, "7.0"),
        image_guidance_scale: scale(Parameter::ImageGuidanceScale, "1.5"),
        guidance_start: scale(Parameter::GuidanceStart, "0.0"),
        guidance_end: scale(Parameter::GuidanceEnd, "1.0"),
        seed: value(Parameter::Seed, "42").parse().unwrap(),
        num_inference_steps: value(Parameter::NumInferenceSteps, "20").parse().unwrap(),
        preset: Some(value(Parameter::Preset, "")).filter(|name| !name.is_empty()),
        ..Parameters::default()
    }
}

/// A run of this plan in which every cell is done: gradients whose corners identify the cells.
pub fn run(plan: Plan, folder: &Path) -> Run {
    fs::create_dir_all(folder.join("cells")).unwrap();
    fs::create_dir_all(folder.join("inputs")).unwrap();
    let mut run = Run::new(folder, plan, environment());
    for (index, cell) in run.plan.cells.iter().enumerate() {
        let blue = (index * 37 % 256) as u8;
        gradient(cell.width, cell.height, blue)
            .save(folder.join(cell.key.image_path()))
            .unwrap();
        run.records
            .insert(cell.key.clone(), record(&cell.key, index));
        let input = RgbImage::from_pixel(cell.width, cell.height, INPUT);
        run.inputs().keep(cell.fitted().unwrap(), &input).unwrap();
    }
    run
}

/// The colour of every input.
pub const INPUT: Rgb<u8> = Rgb([40, 90, 200]);

/// Turns a cell into a failed one.
pub fn fail(run: &mut Run, index: usize, reason: &str) {
    let key = &run.plan.cells[index].key;
    fs::remove_file(run.folder.join(key.image_path())).unwrap();
    let record = run.records.get_mut(key).unwrap();
    record.status = Status::Failed;
    record.error = Some(reason.to_owned());
}

fn gradient(width: u32, height: u32, blue: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, blue])
    })
}

fn record(key: &CellKey, index: usize) -> Record {
    Record {
        unet_evals: 60,
        times: StageTimes {
            denoise_ms: Some(900.0 + 350.0 * index as f64),
            ..StageTimes::default()
        },
        ..Record::new(key.clone(), "cpu", "fp32")
    }
}

fn environment() -> Environment {
    Environment {
        ip2p: "0.1.0".into(),
        onnxruntime: "1.32.0".into(),
        device: "cpu".into(),
        device_name: None,
        provider: "CPUExecutionProvider".into(),
        os: "linux x86_64".into(),
        cpu: None,
        threads: 2,
        arithmetic: None,
        started: jiff::Timestamp::UNIX_EPOCH,
    }
}
