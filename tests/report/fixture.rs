//! Run folders made by hand: small images, a plan and records, without a model.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use ip2p_sweep::image::Fit;
use ip2p_sweep::pipeline::Family;
use ip2p_sweep::plan::{Axis, ByName, Cell, ImageEntry, ModelEntry, Plan, Stage};
use ip2p_sweep::spec::{Numerics, SheetSpec};
use ip2p_sweep::store::Run;
use ip2p_sweep::views::report::write_report;
use ip2p_sweep::vocabulary::{
    CellKey, Parameter, Parameters, Record, Scale, SchedulerKind, StageTimes, Status, StepRecord,
};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::environment::environment;

/// What varies in a run.
pub struct Sweep {
    pub images: Vec<&'static str>,
    pub instructions: Vec<&'static str>,
    pub seeds: Vec<u64>,
    pub image_guidance: Vec<&'static str>,
    pub guidance: Vec<&'static str>,
    /// Width and height of cells.
    pub size: (u32, u32),
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            images: vec!["photos/lake.png"],
            instructions: vec!["make it winter", "make it night"],
            seeds: vec![42, 43],
            image_guidance: vec!["1.0", "1.5", "2.0"],
            guidance: vec!["3.0", "7.0", "9.5"],
            size: (48, 32),
        }
    }
}

impl Sweep {
    /// The run with all cells done, in this folder.
    pub fn done(&self, folder: &Path) -> Run {
        let mut run = self.started(folder);
        for index in 0..run.plan.cells.len() {
            finish(&mut run, index);
        }
        run
    }

    /// The run with no cell done.
    pub fn started(&self, folder: &Path) -> Run {
        fs::create_dir_all(folder.join("cells")).unwrap();
        fs::create_dir_all(folder.join("inputs")).unwrap();
        let (width, height) = (self.size.0 + 16, self.size.1);
        let images = self.images.iter().map(|name| ImageEntry {
            name: (*name).to_owned(),
            path: folder.join(name),
            sha256: format!("{:064x}", name.len()),
            cell: None,
            width,
            height,
            converted: false,
        });
        let plan = Plan {
            name: "winter".to_owned(),
            stages: Stage::one_edit(),
            axes: self.axes(),
            models: vec![model()],
            images: images.collect(),
            masks: Vec::new(),
            numerics: Numerics::default(),
            fit: Fit::Crop,
            checked_stages: Vec::new(),
            resolution: None,
            sheet: SheetSpec::default(),
            cells: self.cells(),
            by_name: ByName::default(),
        };
        let run = Run::new(folder, plan, environment());
        for input in run.plan.inputs_of(0..run.plan.cells.len()) {
            let seed = input.image.len() as u64;
            let pixels = scene(input.width, input.height, 0.0, seed);
            run.inputs().keep(input, &pixels).unwrap();
        }
        run
    }

    fn axes(&self) -> Vec<Axis> {
        let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        let scales = |values: &[&str]| {
            values
                .iter()
                .map(|value| scale(value).to_string())
                .collect()
        };
        let seeds = self.seeds.iter().map(u64::to_string).collect();
        [
            (Parameter::Image, texts(&self.images)),
            (Parameter::Instruction, texts(&self.instructions)),
            (Parameter::Seed, seeds),
            (Parameter::ImageGuidanceScale, scales(&self.image_guidance)),
            (Parameter::GuidanceScale, scales(&self.guidance)),
        ]
        .into_iter()
        .map(|(parameter, values): (_, Vec<String>)| Axis { parameter, values })
        .filter(|axis| axis.values.len() > 1)
        .collect()
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for image in &self.images {
            for instruction in &self.instructions {
                for &seed in &self.seeds {
                    for image_guidance in &self.image_guidance {
                        for guidance in &self.guidance {
                            let parameters = Parameters {
                                model: "../onnx/demo".into(),
                                image: (*image).into(),
                                instruction: (*instruction).into(),
                                guidance_scale: scale(guidance),
                                image_guidance_scale: scale(image_guidance),
                                seed,
                                ..Parameters::default()
                            };
                            cells.push(Cell {
                                key: key(&format!(
                                    "g{guidance}-i{image_guidance}-s{seed}-{:06x}",
                                    cells.len()
                                )),
                                parameters,
                                width: self.size.0,
                                height: self.size.1,
                                stage: 0,
                                same_as: None,
                            });
                        }
                    }
                }
            }
        }
        cells
    }
}

/// The report of a finished sweep. The folder exists as long as the first return value.
pub fn report(sweep: &Sweep) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let index = write_report(&sweep.done(folder.path())).unwrap();
    (folder, index)
}

/// Gives a cell its image and its record.
pub fn finish(run: &mut Run, index: usize) {
    let cell = &run.plan.cells[index];
    let (guidance, keep) = strengths(cell);
    let strength = (guidance / 10.0 / keep).min(1.0);
    let photo = run
        .plan
        .images
        .iter()
        .position(|image| image.name == cell.parameters.image);
    let image = scene(
        cell.width,
        cell.height,
        strength,
        cell.parameters.seed + 100 * photo.unwrap_or(0) as u64,
    );
    image.save(run.folder.join(cell.key.image_path())).unwrap();
    let record = Record {
        image_change: Some(strength * 0.4 + 0.01 * (cell.parameters.seed % 5) as f64),
        ..record(cell, index)
    };
    run.records.insert(cell.key.clone(), record);
}

/// Gives a cell an error.
pub fn fail(run: &mut Run, index: usize, error: &str) {
    let cell = &run.plan.cells[index];
    let record = Record {
        status: Status::Failed,
        error: Some(error.to_owned()),
        times: StageTimes::default(),
        steps: Box::default(),
        ..record(cell, index)
    };
    run.records.insert(cell.key.clone(), record);
}

fn strengths(cell: &Cell) -> (f64, f64) {
    let guidance = f64::from(cell.parameters.guidance_scale.to_f32());
    (
        guidance,
        f64::from(cell.parameters.image_guidance_scale.to_f32()),
    )
}

fn record(cell: &Cell, index: usize) -> Record {
    let wave = (index as f64 * 0.7).sin();
    let step = |step: u32| StepRecord {
        step,
        timestep: f64::from(999 - step * 50),
        sigma: Some(f64::from(14 - step)),
        unet_rows: 3,
        unet_ms: 60.0,
        step_ms: 61.5,
        vram_mib: Some(3100.0 + 40.0 * f64::from(step)),
        rss_mib: Some(1800.0 + index as f64 + 20.0 * wave),
    };
    Record {
        finished: jiff::Timestamp::from_second(1_790_000_000 + 3 * index as i64).unwrap(),
        unet_evals: 58,
        times: StageTimes {
            encode_text_ms: (index == 0).then_some(31.25),
            encode_image_ms: (index == 0).then_some(84.5),
            denoise_ms: Some(1230.0 + 60.0 * wave),
            decode_ms: Some(142.0 + 10.0 * wave),
            save_ms: Some(9.5),
        },
        vram_peak_mib: Some(3300.5),
        vram_source: Some("nvml-process".into()),
        rss_peak_mib: Some(1900.25 + index as f64),
        steps: (0..4).map(step).collect(),
        ..Record::new(cell.key.clone(), "cpu", "fp32")
    }
}

fn scale(text: &str) -> Scale {
    Scale::new(text.parse::<Decimal>().unwrap())
}

fn key(text: &str) -> CellKey {
    serde_json::from_value(serde_json::json!(text)).unwrap()
}

fn model() -> ModelEntry {
    ModelEntry {
        name: "../onnx/demo".to_owned(),
        path: "../onnx/demo".into(),
        sha256: "00".repeat(32),
        files: std::collections::BTreeMap::new(),
        family: Family::InstructPix2Pix,
        resolution: 512,
        vae_factor: 8,
        size_multiple: 64,
        accepted_multiple: None,
        scheduler: SchedulerKind::EulerAncestral,
        precision: "fp32".to_owned(),
        component_bytes: [1, 2, 3, 4],
    }
}

/// A landscape: `strength` 0 is a summer day, 1 a snowy night; the seed moves the hills.
pub fn scene(width: u32, height: u32, strength: f64, seed: u64) -> RgbImage {
    let mix =
        |day: [f64; 3], night: [f64; 3]| [0, 1, 2].map(|i| day[i] + (night[i] - day[i]) * strength);
    let shift = (seed % 17) as f64;
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (
            f64::from(x) / f64::from(width),
            f64::from(y) / f64::from(height),
        );
        let far = 0.55 + 0.08 * (x * 7.0 + shift).sin();
        let near = 0.72 + 0.06 * (x * 4.0 + 1.7 * shift).cos();
        let sun = ((x - 0.72).powi(2) + (y - 0.22).powi(2)).sqrt() < 0.09;
        let colour = if y > near {
            mix([96.0, 132.0, 64.0], [206.0, 214.0, 228.0])
        } else if y > far {
            mix([70.0, 104.0, 96.0], [150.0, 164.0, 190.0])
        } else if sun {
            mix([252.0, 224.0, 140.0], [240.0, 240.0, 250.0])
        } else {
            let sky = mix([116.0, 170.0, 220.0], [22.0, 28.0, 58.0]);
            sky.map(|level| level + 60.0 * y)
        };
        Rgb(colour.map(|level| level.clamp(0.0, 255.0) as u8))
    })
}
