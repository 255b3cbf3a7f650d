//! The engine on a fake model: what is computed, in which order, how often, and what happens when it fails.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it saw"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ip2p_sweep::diffusion::{SchedulerConfig, SchedulerKind};
use ip2p_sweep::engine::{
    self, Component, Denoiser, DeviceMemory, Ending, Event, Job, MemoryShelf, Policy,
};
use ip2p_sweep::meter::Meter;
use ip2p_sweep::plan::{ImageEntry, ModelEntry, Plan, Schedule};
use ip2p_sweep::spec::{
    GuidanceMode, NamedPath, Numerics, Overrides, Runtime, Scale, SheetSpec, Size, SweepSpec,
};
use ip2p_sweep::store::{Record, Status};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis};

const ONE_BY_ONE: Policy = Policy {
    phased: false,
    batch: 1,
    unet_rows: 1,
    pad: false,
};
const STEPS: u32 = 4;

/// A model of arithmetic: rows do not touch each other, and every call is counted.
#[derive(Default)]
struct Fake {
    loaded: Vec<Component>,
    most_loaded: usize,
    loads: Vec<Component>,
    texts: Vec<String>,
    images: usize,
    unet_rows: u64,
    decoded: usize,
    /// More rows than this in one call exhaust the device.
    row_limit: Option<usize>,
    /// Decoding beside a loaded UNet exhausts the device.
    decoder_needs_all_memory: bool,
    /// Texts that cannot be encoded.
    refused_text: Option<&'static str>,
    /// How many rows a call had.
    shapes: BTreeSet<usize>,
    /// The UNet row at which a prediction is NaN.
    nan_at_row: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
enum FakeError {
    #[error("out of memory")]
    OutOfMemory,
    #[error("this text is refused")]
    Refused,
}

impl DeviceMemory for FakeError {
    fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::OutOfMemory)
    }
}

impl Denoiser for Fake {
    type Error = FakeError;

    fn is_loaded(&self, component: Component) -> bool {
        self.loaded.contains(&component)
    }

    fn load(&mut self, component: Component) -> Result<(), FakeError> {
        self.loads.push(component);
        self.loaded.push(component);
        self.most_loaded = self.most_loaded.max(self.loaded.len());
        Ok(())
    }

    fn unload(&mut self, component: Component) {
        self.loaded.retain(|&loaded| loaded != component);
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, FakeError> {
        assert!(self.is_loaded(Component::TextEncoder));
        if self.refused_text == Some(text) {
            return Err(FakeError::Refused);
        }
        self.texts.push(text.to_owned());
        let value = text.bytes().map(f32::from).sum::<f32>() / 1000.0;
        Ok(Array3::from_elem((1, 2, 3), value))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, FakeError> {
        assert!(self.is_loaded(Component::VaeEncoder));
        self.images += 1;
        let (_, _, height, width) = pixels.dim();
        Ok(Array4::from_elem(
            (1, 4, height / 4, width / 4),
            pixels.mean().unwrap_or(0.0),
        ))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        text: ArrayView3<f32>,
    ) -> Result<Array4<f32>, FakeError> {
        assert!(self.is_loaded(Component::Unet));
        let rows = sample.dim().0;
        self.shapes.insert(rows);
        if self.row_limit.is_some_and(|limit| rows > limit) {
            return Err(FakeError::OutOfMemory);
        }
        let mut output = Array4::zeros((rows, 4, sample.dim().2, sample.dim().3));
        for (row, mut out) in output.axis_iter_mut(Axis(0)).enumerate() {
            let (latents, image) = sample.index_axis(Axis(0), row).split_at(Axis(0), 4);
            let level = text[(row, 0, 0)] + timestep / 1000.0;
            out.assign(&(&latents * 0.5 + &image * 0.25 + level * 0.1));
            if self.nan_at_row == Some(self.unet_rows) {
                out.fill(f32::NAN);
            }
            self.unet_rows += 1;
        }
        Ok(output)
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, FakeError> {
        assert!(self.is_loaded(Component::VaeDecoder));
        if self.decoder_needs_all_memory && self.is_loaded(Component::Unet) {
            return Err(FakeError::OutOfMemory);
        }
        self.decoded += 1;
        let (_, _, height, width) = latents.dim();
        Ok(Array4::from_shape_fn(
            (1, 3, height * 4, width * 4),
            |(_, channel, y, x)| latents[(0, channel, y / 4, x / 4)].tanh(),
        ))
    }
}

/// 2 images x 2 seeds x 2 instructions x 2 image scales x 2 text scales = 32 cells.
fn spec(folder: &Path) -> SweepSpec {
    let image = |name: &str| NamedPath {
        name: name.to_owned(),
        path: folder.join(name),
    };
    SweepSpec {
        name: "fake".to_owned(),
        text: String::new(),
        models: vec![NamedPath {
            name: "fake".to_owned(),
            path: PathBuf::from("fake"),
        }],
        images: vec![image("a.png"), image("b.png")],
        instructions: vec!["make it winter".to_owned(), "make it night".to_owned()],
        negative_prompts: vec![String::new()],
        guidance_scales: vec![scale("7.5"), scale("1.5")],
        image_guidance_scales: vec![scale("1.0"), scale("1.5")],
        guidance_starts: vec![Scale::zero()],
        guidance_ends: vec![Scale::one()],
        seeds: vec![1, 2],
        num_inference_steps: vec![STEPS],
        schedulers: vec![None],
        presets: Vec::new(),
        preset_models: Vec::new(),
        preset_images: Vec::new(),
        excludes: Vec::new(),
        size: Size::default(),
        runtime: Runtime::default(),
        numerics: Numerics::default(),
        sheet: SheetSpec::default(),
        check: Default::default(),
    }
}

fn scale(text: &str) -> Scale {
    Scale::new(text.parse().unwrap())
}

fn plan(spec: &SweepSpec) -> Plan {
    let images = spec.images.iter().enumerate().map(|(index, image)| {
        image::RgbImage::from_pixel(32, 32, image::Rgb([60 * index as u8 + 40, 90, 120]))
            .save(&image.path)
            .unwrap();
        ImageEntry {
            name: image.name.clone(),
            path: image.path.clone(),
            sha256: image.name.clone(),
            width: 32,
            height: 32,
        }
    });
    let model = ModelEntry {
        name: "fake".to_owned(),
        path: PathBuf::from("fake"),
        sha256: "0".repeat(64),
        resolution: 32,
        vae_factor: 4,
        size_multiple: 8,
        scheduler: SchedulerKind::EulerAncestral,
        precision: "fp32".to_owned(),
        component_bytes: [1; 4],
    };
    Plan::new(spec, vec![model], images.collect()).unwrap()
}

#[derive(Default)]
struct Run {
    records: BTreeMap<usize, Record>,
    images: HashMap<usize, image::RgbImage>,
    notes: Vec<String>,
    ending: Option<Ending>,
}

impl Run {
    fn failures(&self) -> Vec<(usize, &str)> {
        let failed = self
            .records
            .iter()
            .filter(|(_, record)| record.status == Status::Failed);
        failed
            .map(|(&cell, record)| (cell, record.error.as_deref().unwrap_or("")))
            .collect()
    }
}

/// Runs a whole plan; stops after so many finished cells, if asked to.
fn run(plan: &Plan, fake: &mut Fake, policy: Policy, stop_after: Option<usize>) -> Run {
    let pending: Vec<usize> = (0..plan.cells.len()).collect();
    run_schedule(
        plan,
        &Schedule::new(plan, &pending),
        fake,
        policy,
        stop_after,
    )
}

fn run_schedule(
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
    let job = Job {
        plan,
        work: &schedule.models[0],
        latent_channels: 4,
        vae_factor: 4,
        scaling_factor: 0.5,
        scheduler_config: &config,
        device: "cpu",
        precision: "fp32",
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
        &mut Meter::new(None),
        &AtomicBool::new(false),
        &mut observe,
    );
    run.ending = Some(ending.unwrap());
    run
}

#[test]
fn everything_distinct_is_computed_once() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);

    assert_eq!(run.ending, Some(Ending::Complete));
    assert_eq!(run.images.len(), 32);
    assert_eq!(fake.texts, ["make it winter", "", "make it night"]);
    assert_eq!(fake.images, 2);
    assert_eq!(fake.decoded, 32);
    assert_eq!(fake.loads.len(), 4, "each session is made once");

    // A group (image, seed) has for each instruction the cells (7.5, 1.0), (1.5, 1.0), (7.5, 1.5), (1.5, 1.5).
    // Branches: text + image, text + image, all three, text + unconditional: 9 rows a step for 4 cells.
    // At the first step they share: 2 texts, 1 image, 1 unconditional: 4 rows a group.
    let groups = 4;
    let later = groups * 2 * 9 * u64::from(STEPS - 1);
    assert_eq!(fake.unet_rows, later + groups * 4);
    let told: u64 = run
        .records
        .values()
        .map(|record| u64::from(record.unet_evals))
        .sum();
    assert_eq!(told, fake.unet_rows, "the records add up");
    let planned = Schedule::new(&plan, &(0..32).collect::<Vec<_>>())
        .unet_rows(&plan, |_, _| (0..STEPS).collect());
    assert_eq!(
        planned.evaluated, fake.unet_rows,
        "the plan promised as many"
    );
    assert_eq!(planned.plain(), 32 * 3 * u64::from(STEPS));
}

#[test]
fn neither_batches_nor_phases_change_a_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let policies = [
        Policy {
            phased: true,
            ..ONE_BY_ONE
        },
        Policy {
            phased: false,
            batch: 3,
            unet_rows: 9,
            pad: false,
        },
        Policy {
            phased: true,
            batch: 7,
            unet_rows: 2,
            pad: false,
        },
    ];
    for policy in policies {
        let mut fake = Fake::default();
        let run = run(&plan, &mut fake, policy, None);
        assert_eq!(run.images, reference.images, "{policy}");
        if policy.phased {
            assert_eq!(fake.most_loaded, 1, "one component at a time");
            assert_eq!(fake.loads.len(), 4, "each session is made once");
        }
    }
}

/// 1 image and seed x 2 starts x 3 ends.
fn interval_spec(folder: &Path) -> SweepSpec {
    let mut spec = spec(folder);
    spec.images.truncate(1);
    spec.seeds.truncate(1);
    spec.instructions.truncate(1);
    spec.guidance_scales = vec![scale("7.5")];
    spec.image_guidance_scales = vec![scale("1.5")];
    // Nested so that what is shared does not lie together in the plan.
    spec.guidance_starts = vec![scale("0.0"), scale("0.25")];
    spec.guidance_ends = vec![scale("0.5"), scale("1.0"), scale("0.75")];
    spec
}

fn evaluations_told(run: &Run) -> u64 {
    let records = run.records.values();
    records.map(|record| u64::from(record.unet_evals)).sum()
}

#[test]
fn cells_share_their_trajectory_until_they_part() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&interval_spec(folder.path()));
    // G asks three rows, O one of them. First step: G and O part, 3 rows. Then for each of the two starts: step 2,
    // all G, 3; step 3, the end 0.5 parts, 3; step 4, O after 0.5, 1, and the ends 0.75 and 1.0 part, 3.
    let expected = 3 + 2 * (3 + 3 + 1 + 3);
    for (batch, unet_rows) in [(1, 1), (2, 3), (4, 5), (6, 18)] {
        let policy = Policy {
            batch,
            unet_rows,
            ..ONE_BY_ONE
        };
        let mut fake = Fake::default();
        let run = run(&plan, &mut fake, policy, None);
        assert_eq!(run.images.len(), 6);
        assert_eq!(fake.unet_rows, expected, "{policy}");
        assert_eq!(evaluations_told(&run), expected, "{policy}");
    }
    let pending: Vec<usize> = (0..plan.cells.len()).collect();
    let planned = Schedule::new(&plan, &pending).unet_rows(&plan, |_, _| (0..STEPS).collect());
    assert_eq!(planned.evaluated, expected);
    assert_eq!(planned.plain(), 6 * 3 * u64::from(STEPS));
}

#[test]
fn shared_trajectories_give_the_pixels_of_cells_that_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spec = interval_spec(folder.path());
    let together = run(&plan(&spec), &mut Fake::default(), ONE_BY_ONE, None);
    let plan_of_all = plan(&spec);
    for (cell, all) in plan_of_all.cells.iter().enumerate() {
        let mut alone = spec.clone();
        alone.guidance_starts = vec![all.parameters.guidance_start];
        alone.guidance_ends = vec![all.parameters.guidance_end];
        let alone = run(&plan(&alone), &mut Fake::default(), ONE_BY_ONE, None);
        assert_eq!(together.images[&cell], alone.images[&0], "{}", all.key);
    }
}

#[test]
fn what_is_promised_is_evaluated_whatever_is_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.guidance_starts = vec![scale("0.0"), scale("0.5")];
    spec.guidance_ends = vec![scale("0.75"), scale("1.0")];
    let plan = plan(&spec);
    let every_third: Vec<usize> = (0..plan.cells.len()).step_by(3).collect();
    for pending in [(0..plan.cells.len()).collect(), every_third] {
        let schedule = Schedule::new(&plan, &pending);
        let planned = schedule.unet_rows(&plan, |_, _| (0..STEPS).collect());
        for batch in [1, 3, 7, 64] {
            let policy = Policy {
                batch,
                unet_rows: batch,
                ..ONE_BY_ONE
            };
            let mut fake = Fake::default();
            let run = run_schedule(&plan, &schedule, &mut fake, policy, None);
            assert_eq!(run.images.len(), pending.len());
            assert_eq!(fake.unet_rows, planned.evaluated, "{policy}");
            assert_eq!(evaluations_told(&run), planned.evaluated, "{policy}");
        }
    }
}

#[test]
fn padding_shows_the_model_one_shape_and_changes_no_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let padded = Policy {
        batch: 3,
        unet_rows: 5,
        pad: true,
        ..ONE_BY_ONE
    };
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, padded, None);
    assert_eq!(run.images, reference.images);
    assert_eq!(fake.shapes, BTreeSet::from([5]));
    assert_eq!(evaluations_told(&run), evaluations_told(&reference));
}

#[test]
fn cells_of_one_course_are_denoised_together_wherever_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.num_inference_steps = vec![3, 4];
    spec.instructions.truncate(1);
    spec.guidance_scales.truncate(1);
    spec.image_guidance_scales.truncate(1);
    let plan = plan(&spec);
    let policy = Policy {
        batch: 4,
        unet_rows: 8,
        ..ONE_BY_ONE
    };
    let run = run(&plan, &mut Fake::default(), policy, None);
    let sizes: Vec<u32> = run
        .records
        .values()
        .map(|record| record.batch_size)
        .collect();
    assert_eq!(
        sizes, [4; 8],
        "2 images x 2 seeds, though the images lie apart"
    );
}

#[test]
fn an_interval_without_steps_is_refused_unless_it_is_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = interval_spec(folder.path());
    let images = plan(&spec).images;
    let models = plan(&spec).models;
    spec.guidance_starts.push(scale("0.5"));
    let refused = Plan::new(&spec, models.clone(), images.clone()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "guidance_start is 0.5 where guidance_end is 0.5: guidance would act at no step"
    );
    spec.excludes.push(Overrides {
        guidance_start: Some(scale("0.5")),
        guidance_end: Some(scale("0.5")),
        ..Overrides::default()
    });
    assert_eq!(Plan::new(&spec, models, images).unwrap().cells.len(), 8);
}

#[test]
fn a_cell_without_an_interval_keeps_the_hash_that_it_had_before_there_were_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    // First 12 digits of the SHA-256 of the JSON that version 0.1 hashed, computed in Python.
    let before = "23dea9f6ba36";
    assert!(plan(&spec).cells[0].key.as_str().ends_with(before));
    spec.guidance_ends = vec![scale("0.5")];
    assert!(!plan(&spec).cells[0].key.as_str().ends_with(before));
}

#[test]
fn an_exhausted_device_gets_smaller_batches_then_phases() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);

    let mut small = Fake {
        row_limit: Some(4),
        ..Fake::default()
    };
    let halved = run(
        &plan,
        &mut small,
        Policy {
            phased: false,
            batch: 8,
            unet_rows: 24,
            pad: false,
        },
        None,
    );
    assert_eq!(halved.images, reference.images);
    assert_eq!(
        halved.notes.first().map(String::as_str),
        Some("out of device memory: going on with batch 4, 12 UNet rows a call, resident memory")
    );

    let mut tight = Fake {
        decoder_needs_all_memory: true,
        ..Fake::default()
    };
    let phased = run(&plan, &mut tight, ONE_BY_ONE, None);
    assert_eq!(phased.images, reference.images);
    assert_eq!(
        phased.notes,
        ["out of device memory: going on with batch 1, 1 UNet rows a call, phased memory"]
    );
    assert_eq!(tight.decoded, 32);
}

#[test]
fn a_device_that_is_too_small_for_anything_fails_the_cells_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let run = run(
        &plan,
        &mut Fake {
            row_limit: Some(0),
            ..Fake::default()
        },
        ONE_BY_ONE,
        None,
    );
    assert_eq!(run.ending, Some(Ending::Complete));
    assert_eq!(run.failures().len(), 32);
    assert!(
        run.failures()[0].1.contains("lower size.resolution"),
        "{:?}",
        run.failures()[0]
    );
}

#[test]
fn nan_latents_fail_one_cell_and_name_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    // The first cell of the first group has 2 branches: rows 0, 1 are step 1 and rows 2, 3 step 2.
    let mut fake = Fake {
        nan_at_row: Some(2),
        ..Fake::default()
    };
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);
    assert_eq!(
        run.failures(),
        [(0, "NaN or infinite latents at step 2 of 4")]
    );
    assert_eq!(run.images.len(), 31);
}

#[test]
fn a_text_that_cannot_be_encoded_fails_its_cells_only() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake {
        refused_text: Some("make it night"),
        ..Fake::default()
    };
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);
    assert_eq!(run.failures().len(), 16);
    assert!(run.failures().iter().all(|&(cell, reason)| {
        plan.cells[cell].parameters.instruction == "make it night"
            && reason == "this text is refused"
    }));
}

#[test]
fn a_stop_leaves_what_was_handed_over_and_starts_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, Some(5));
    assert_eq!(run.ending, Some(Ending::Stopped));
    assert_eq!((run.records.len(), fake.decoded), (5, 5));
}

#[test]
fn cells_without_guidance_are_computed_once_and_copied() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.numerics.guidance = GuidanceMode::Diffusers;
    spec.guidance_scales = vec![scale("0.5"), scale("1.0"), scale("7.5")];
    spec.image_guidance_scales = vec![scale("0.9"), scale("1.5")];
    let plan = plan(&spec);
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);

    // Of 6 cells, 5 have guidance off: (0.5, *), (1.0, *), (7.5, 0.9).
    let parts = 2 * 2 * 2;
    assert_eq!(run.images.len(), parts * 6);
    assert_eq!(fake.decoded, parts * 2);
    let copies: Vec<usize> = (0..plan.cells.len())
        .filter(|&cell| plan.cells[cell].same_as.is_some())
        .collect();
    assert_eq!(copies.len(), parts * 4);
    for cell in copies {
        let original = plan
            .cells
            .iter()
            .position(|other| Some(&other.key) == plan.cells[cell].same_as.as_ref());
        assert_eq!(run.images[&cell], run.images[&original.unwrap()]);
        assert_eq!(run.records[&cell].unet_evals, 0);
    }
}
