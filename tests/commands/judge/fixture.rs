//! Runs of two cells by the real engine, their baselines, and changes to their images.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use image::RgbImage;
use ip2p_sweep::judge::{
    Acceptance, Baseline, ChangeKind, Check, Choice, JudgeError, MANIFEST, Verdict,
};
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Execution, prepare};
use ip2p_sweep::spec::{CheckSpec, RuntimeOverrides};
use ip2p_sweep::store::Run;
use serde_json::Value;
use tempfile::TempDir;

use crate::common;

pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The settings in which the sweeps of runs differ.
#[derive(Clone)]
pub struct Sweep {
    pub model: PathBuf,
    pub image: PathBuf,
    pub guidance_scale: &'static str,
    pub seed: u64,
    pub steps: u32,
    pub threads: usize,
}

impl Sweep {
    pub fn demo() -> Self {
        Self {
            model: package().join("onnx/demo"),
            image: package().join("sweeps/photos/house.png"),
            guidance_scale: "7.0",
            seed: 3,
            steps: 10,
            threads: 0,
        }
    }

    pub fn tiny(model: &str) -> Self {
        Self {
            model: common::golden().join(model),
            image: common::golden().join("runs/input/64x64.png"),
            ..Self::demo()
        }
    }

    /// Computes two cells into a folder.
    pub fn run(&self, folder: &Path) -> Run {
        let file = folder.with_extension("toml");
        let text = format!(
            "name = \"snap\"\nmodel = {:?}\n[sweep]\nimage = {:?}\n\
             instruction = [\"make it winter\", \"make it night\"]\nguidance_scale = {}\nseed = {}\n\
             num_inference_steps = {}\n[runtime]\ndevice = \"cpu\"\nthreads = {}\n",
            self.model, self.image, self.guidance_scale, self.seed, self.steps, self.threads,
        );
        fs::write(&file, text).unwrap();
        let prepared = prepare(&file, RuntimeOverrides::default()).unwrap();
        let execution = Execution::open(&prepared, folder, common::host()).unwrap();
        execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
        Run::read(folder).unwrap()
    }
}

/// A run of the demo model and its baseline, computed once for all tests and copied before it is changed.
pub struct Accepted {
    pub folder: TempDir,
}

pub static DEMO: LazyLock<Accepted> = LazyLock::new(|| Accepted::of(&Sweep::demo()));
pub static TINY: LazyLock<Accepted> = LazyLock::new(|| Accepted::of(&Sweep::tiny("tiny_eps")));

impl Accepted {
    pub fn of(sweep: &Sweep) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = sweep.run(&folder.path().join("run"));
        accept(&run, &folder.path().join("baseline"), &[]);
        Self { folder }
    }

    pub fn copy(&self) -> Copied {
        let folder = tempfile::tempdir().unwrap();
        common::copy_folder(self.folder.path(), folder.path());
        Copied { folder }
    }
}

pub struct Copied {
    pub folder: TempDir,
}

impl Copied {
    pub fn run(&self) -> Run {
        Run::read(&self.folder.path().join("run")).unwrap()
    }

    pub fn place(&self) -> PathBuf {
        self.folder.path().join("baseline")
    }

    pub fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.place().join(MANIFEST)).unwrap()).unwrap()
    }

    pub fn edit(&self, edit: impl Fn(&mut Value)) {
        let mut manifest = self.manifest();
        edit(&mut manifest);
        fs::write(self.place().join(MANIFEST), manifest.to_string()).unwrap();
    }

    pub fn check(&self) -> Result<Check, JudgeError> {
        check(&self.run(), &self.place())
    }

    /// Checks the run as if the program had computed these images.
    pub fn with_images(&self, image_of: impl Fn(usize, RgbImage) -> RgbImage) -> Check {
        let run = self.run();
        for (index, cell) in run.plan.cells.iter().enumerate() {
            let path = run.folder.join(cell.key.image_path());
            let image = image::open(&path).unwrap().into_rgb8();
            image_of(index, image).save(&path).unwrap();
        }
        common::forget_digests(&run.folder);
        self.check().unwrap()
    }

    /// Checks another run in the place of this one.
    pub fn with_run(&self, other: &Run) -> Check {
        self.with_images(|index, _| {
            let path = other.folder.join(other.plan.cells[index].key.image_path());
            image::open(path).unwrap().into_rgb8()
        })
    }
}

pub fn accept(run: &Run, place: &Path, only: &[String]) -> Vec<ChangeKind> {
    let mut baseline = Baseline::read(place).unwrap();
    let acceptance = Acceptance::new(run, &baseline, Choice::of(only), Some("a test")).unwrap();
    let kinds = acceptance
        .changes
        .iter()
        .map(|change| change.kind)
        .collect();
    acceptance.apply(&mut baseline).unwrap();
    assert_eq!(Baseline::read(place).unwrap().cells(), baseline.cells());
    kinds
}

pub fn check(run: &Run, place: &Path) -> Result<Check, JudgeError> {
    check_by(run, place, CheckSpec::default())
}

pub fn check_by(run: &Run, place: &Path, spec: CheckSpec) -> Result<Check, JudgeError> {
    Check::new(run, &Baseline::read(place)?, spec, Shard::WHOLE)
}

pub fn verdicts(check: &Check) -> Vec<Verdict> {
    check.cells.iter().map(|cell| cell.verdict).collect()
}

/// A row of the table in docs/tolerances.md.
pub fn line(case: &str, check: &Check) -> String {
    let mut text = format!("| {case} |");
    for cell in &check.cells {
        let difference = cell.difference.unwrap();
        let _ = write!(
            text,
            " {} | {:.4} | {:.4} | {:.5} | {} | {:.1e} |",
            cell.verdict,
            difference.perceptual_mean,
            difference.perceptual_p99,
            difference.ssim,
            difference.level_max,
            cell.latent_change.unwrap_or_default(),
        );
    }
    text
}

pub fn swapped(_: usize, mut image: RgbImage) -> RgbImage {
    image.pixels_mut().for_each(|pixel| pixel.0.reverse());
    image
}
