//! Plans of small images, and runs of them with the fake model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ip2p_sweep::diffusion::SchedulerConfig;
use ip2p_sweep::engine::{self, Ending, Event, InputFiles, Job, Masks, MemoryShelf, Policy};
use ip2p_sweep::image::{Size, fit, read};
use ip2p_sweep::meter::Meter;
use ip2p_sweep::pipeline::{Family, Masking};
use ip2p_sweep::plan::{ImageEntry, ModelEntry, Plan, PlanFiles, Schedule};
use ip2p_sweep::spec::{NamedPath, Numerics, Runtime, SheetSpec, SweepSpec};
use ip2p_sweep::vocabulary::{
    ByParameter, ExecutionDevice, Parameter, Record, Scale, SchedulerKind, Status, Unset, Value,
};

use super::fake::Fake;

pub const ONE_BY_ONE: Policy = Policy {
    phased: false,
    batch: 1,
    unet_rows: 1,
    calls: 1,
    pad: false,
    probe: false,
};
pub const STEPS: u32 = 4;

/// The first value of everything that [`spec`] varies, except for the image guidance.
pub fn one_setting(folder: &Path) -> SweepSpec {
    let mut spec = spec(folder);
    keep_first(&mut spec, Parameter::Image);
    keep_first(&mut spec, Parameter::Seed);
    keep_first(&mut spec, Parameter::Instruction);
    keep_first(&mut spec, Parameter::GuidanceScale);
    spec
}

/// 2 images x 2 seeds x 2 instructions x 2 image scales x 2 text scales = 32 cells.
pub fn spec(folder: &Path) -> SweepSpec {
    let mut values = ByParameter::<Vec<Value>>::default();
    let mut files = ByParameter::<Vec<NamedPath>>::default();
    for parameter in Parameter::DEFINED {
        if let Unset::Default(value) = &parameter.definition().unset {
            values[parameter].push(value.clone());
        }
    }
    for (parameter, names) in [
        (Parameter::Model, &["fake"] as &[&str]),
        (Parameter::Image, &["a.png", "b.png"]),
        (Parameter::Instruction, &["make it winter", "make it night"]),
    ] {
        values[parameter] = names.iter().map(|&name| name.into()).collect();
        let named = names.iter().map(|name| NamedPath {
            name: (*name).to_owned(),
            path: folder.join(name),
        });
        files[parameter].extend(named.filter(|_| parameter.is_path()));
    }
    values[Parameter::GuidanceScale] = scales(&["7.5", "1.5"]);
    values[Parameter::ImageGuidanceScale] = scales(&["1.0", "1.5"]);
    values[Parameter::Seed] = vec![Value::Whole(1), Value::Whole(2)];
    values[Parameter::NumInferenceSteps] = vec![Value::Whole(STEPS.into())];
    SweepSpec {
        name: "fake".to_owned(),
        text: String::new(),
        values,
        files,
        masks: Vec::new(),
        notes: Vec::new(),
        typed: BTreeSet::new(),
        masking: Masking::default(),
        then: Vec::new(),
        presets: Vec::new(),
        excludes: Vec::new(),
        captions: Vec::new(),
        size: Size::default(),
        runtime: Runtime::default(),
        numerics: Numerics::default(),
        measures: Default::default(),
        sheet: SheetSpec::default(),
        check: Default::default(),
        checked_stages: Vec::new(),
    }
}

/// Reduces a parameter to its first value.
pub fn keep_first(spec: &mut SweepSpec, parameter: Parameter) {
    spec.values[parameter].truncate(1);
    spec.files[parameter].truncate(1);
}

pub fn scales(texts: &[&str]) -> Vec<Value> {
    texts
        .iter()
        .map(|text| Value::Decimal(scale(text)))
        .collect()
}

pub fn scale(text: &str) -> Scale {
    Scale::new(text.parse().unwrap())
}

pub fn plan(spec: &SweepSpec) -> Plan {
    let images = spec.files[Parameter::Image]
        .iter()
        .enumerate()
        .map(|(index, image)| {
            image::RgbImage::from_pixel(32, 32, image::Rgb([60 * index as u8 + 40, 90, 120]))
                .save(&image.path)
                .unwrap();
            ImageEntry {
                name: image.name.clone(),
                path: image.path.clone(),
                sha256: image.name.clone(),
                cell: None,
                width: 32,
                height: 32,
                converted: false,
            }
        });
    let model = ModelEntry {
        name: "fake".to_owned(),
        path: PathBuf::from("fake"),
        sha256: "0".repeat(64),
        files: std::collections::BTreeMap::new(),
        family: Family::InstructPix2Pix,
        resolution: 32,
        vae_factor: 4,
        size_multiple: 8,
        accepted_multiple: None,
        scheduler: SchedulerKind::EulerAncestral,
        precision: "fp32".to_owned(),
        component_bytes: [1; 4],
    };
    let files = PlanFiles {
        models: vec![model],
        images: images.collect(),
        masks: Vec::new(),
    };
    Plan::new(spec, files).unwrap()
}

/// The inputs of all cells, beside the images.
fn inputs(plan: &Plan) -> InputFiles<'_> {
    let inputs = plan.inputs_of(0..plan.cells.len()).into_iter();
    let fitted = inputs.map(|input| {
        let image = &plan.image(input.image).unwrap().path;
        let (width, height) = (input.width, input.height);
        let file = image.with_extension(format!("{width}x{height}.png"));
        let (pixels, _) = read(image).unwrap();
        fit(&pixels, width, height, plan.fit).save(&file).unwrap();
        (input, Ok(file))
    });
    fitted.collect()
}

#[derive(Default)]
pub struct Run {
    pub records: BTreeMap<usize, Record>,
    pub images: HashMap<usize, image::RgbImage>,
    pub notes: Vec<String>,
    pub ending: Option<Ending>,
}

impl Run {
    pub fn failures(&self) -> Vec<(usize, &str)> {
        let failed = self
            .records
            .iter()
            .filter(|(_, record)| record.status == Status::Failed);
        failed
            .map(|(&cell, record)| (cell, record.error.as_deref().unwrap_or("")))
            .collect()
    }
}

/// Runs a whole plan; stops after `stop_after` finished cells, if given.
pub fn run(plan: &Plan, fake: &mut Fake, policy: Policy, stop_after: Option<usize>) -> Run {
    let pending: Vec<usize> = (0..plan.cells.len()).collect();
    run_schedule(
        plan,
        &Schedule::new(plan, &pending),
        fake,
        policy,
        stop_after,
    )
}

pub fn run_schedule(
    plan: &Plan,
    schedule: &Schedule,
    fake: &mut Fake,
    policy: Policy,
    stop_after: Option<usize>,
) -> Run {
    let place = Place {
        device: ExecutionDevice::Cpu,
        precision: "fp32",
        memory_limit_mib: None,
    };
    run_at(place, plan, schedule, fake, policy, stop_after)
}

/// The device of a job.
#[derive(Clone, Copy)]
pub struct Place {
    pub device: ExecutionDevice,
    pub precision: &'static str,
    pub memory_limit_mib: Option<NonZeroU32>,
}

pub fn run_at(
    place: Place,
    plan: &Plan,
    schedule: &Schedule,
    fake: &mut Fake,
    policy: Policy,
    stop_after: Option<usize>,
) -> Run {
    let config = SchedulerConfig::parse(
        r#"{"_class_name": "EulerAncestralDiscreteScheduler", "beta_schedule": "scaled_linear",
            "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "epsilon"}"#,
    )
    .unwrap();
    let inputs = inputs(plan);
    let job = Job {
        plan,
        work: &schedule.models[0],
        inputs: &inputs,
        masks: &Masks::default(),
        masking: Masking::default(),
        latent_channels: 4,
        vae_factor: 4,
        scaling_factor: 0.5,
        scheduler_config: &config,
        device: place.device,
        precision: place.precision,
        memory_limit_mib: place.memory_limit_mib,
    };
    let mut run = Run::default();
    let mut observe = |event: Event| {
        match event {
            Event::Finished {
                cell,
                record,
                image,
                ..
            } => {
                assert!(
                    run.records.insert(cell, *record).is_none(),
                    "a cell is handed over once"
                );
                run.images
                    .extend(image.map(|image| (cell, (*image).clone())));
            }
            Event::Note(note) => run.notes.push(note),
            _ => {}
        }
        match stop_after {
            Some(most) if run.records.len() >= most => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let ending = engine::run(
        job,
        fake,
        policy,
        &mut MemoryShelf::default(),
        // No machine has this many GPUs, so only the fake reports its memory.
        &mut Meter::new(ExecutionDevice::Cuda(9999)),
        &AtomicBool::new(false),
        &mut observe,
    );
    run.ending = Some(ending.unwrap());
    run
}

pub fn evaluations_told(run: &Run) -> u64 {
    let records = run.records.values();
    records.map(|record| u64::from(record.unet_evals)).sum()
}
