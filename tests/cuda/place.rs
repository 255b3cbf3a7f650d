//! A folder in which the program runs on the stand-in, and what it leaves there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use tempfile::TempDir;

use super::common::{copy_folder, golden};
use super::stand_in::StandIn;

/// What `stand_in/runtime.cpp` counted.
#[derive(Debug, Default, Deserialize)]
pub struct Report {
    pub to_device: Copies,
    pub to_host: Copies,
    pub kernels: u64,
    /// Number of matrix products requested in TF32.
    pub in_tf32: u64,
    pub pinned_peak_bytes: u64,
    /// By location on the bus; CUDA counts the devices in the opposite order.
    pub devices: Vec<Usage>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Copies {
    pub count: u64,
    pub bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
pub struct Usage {
    pub peak_bytes: u64,
    pub used_bytes: u64,
}

impl Report {
    /// Reads the report; all zeros if no CUDA library was loaded.
    pub fn read(path: &Path) -> Self {
        let text = fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The peak of memory in use on any GPU.
    pub fn peak_bytes(&self) -> u64 {
        let peaks = self.devices.iter().map(|usage| usage.peak_bytes);
        peaks.max().unwrap_or(0)
    }

    /// Asserts that all memory taken on the devices was freed.
    pub fn assert_all_is_freed(&self) {
        let used: u64 = self.devices.iter().map(|usage| usage.used_bytes).sum();
        assert_eq!(used, 0, "{self:?}");
    }
}

/// The folder of a sweep file.
pub struct Place {
    pub folder: TempDir,
    stand_in: &'static StandIn,
}

/// The outcome of a run.
pub struct Ran {
    pub code: i32,
    /// Standard output and standard error together.
    pub told: String,
    pub report: Report,
    /// The run folder.
    pub out: PathBuf,
}

impl Ran {
    /// The values of a column of `cells.csv`.
    pub fn column(&self, name: &str) -> Vec<String> {
        let mut table = csv::Reader::from_path(self.out.join("cells.csv")).unwrap();
        let at = table
            .headers()
            .unwrap()
            .iter()
            .position(|header| header == name);
        let at = at.unwrap();
        let rows = table.records().map(|row| row.unwrap()[at].to_owned());
        rows.collect()
    }
}

impl Place {
    /// With a golden model in this precision, `float32` or `float16`.
    pub fn new(stand_in: &'static StandIn, precision: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = golden().join("runs/input/64x48.png");
        fs::copy(image, folder.path().join("in.png")).unwrap();
        let model = folder.path().join("model");
        copy_folder(&golden().join("tiny_eps"), &model);
        if precision == "float16" {
            // Written by `make_half.py`.
            copy_folder(&golden().join("../cuda/half"), &model);
        }
        Self { folder, stand_in }
    }

    /// Runs a sweep of eight cells, of two or three rows a step, with these lines under `[runtime]` and these settings
    /// of the stand-in.
    pub fn run(&self, runtime: &str, settings: &[(&str, &str)]) -> Ran {
        self.run_at("", runtime, settings)
    }

    /// The same, with lines before `[runtime]`.
    pub fn run_at(&self, size: &str, runtime: &str, settings: &[(&str, &str)]) -> Ran {
        let cells = "guidance_scale = [3.0, 7.0]\nimage_guidance_scale = [1.0, 1.5]\nseed = [1, 2]";
        let sweep = format!("{cells}\nnum_inference_steps = 3\n{size}");
        self.run_sweep(&sweep, runtime, settings)
    }

    /// Runs any cells of the image and one instruction.
    pub fn run_sweep(&self, sweep: &str, runtime: &str, settings: &[(&str, &str)]) -> Ran {
        let sweep = format!(
            "model = \"model\"\n\
             [sweep]\n\
             image = \"in.png\"\n\
             instruction = \"make it winter\"\n\
             {sweep}\n\
             [runtime]\n\
             {runtime}\n"
        );
        let path = self.folder.path().join("sweep.toml");
        fs::write(&path, sweep).unwrap();
        let out = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let report = self.folder.path().join("report.json");
        let mut command = self.command(env!("CARGO_BIN_EXE_ip2p"));
        command.arg("run").arg(&path).arg("--out").arg(&out);
        command.env("STAND_IN_REPORT", &report);
        command.envs(settings.iter().copied());
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        Ran {
            code: status.code().unwrap(),
            told: [stdout, stderr]
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .concat(),
            report: Report::read(&report),
            out,
        }
    }

    /// A program that finds the stand-in where it looks for ONNX Runtime and NVIDIA's driver.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("ORT_DYLIB_PATH", &self.stand_in.libraries);
        command.env("LD_LIBRARY_PATH", &self.stand_in.driver);
        // Nothing from other runs, neither their forecasts nor their libraries.
        command.env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command.env("STAND_IN_POISON", "1");
        command.env_remove("CUDA_VISIBLE_DEVICES");
        command
    }
}
