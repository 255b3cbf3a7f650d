//! Sweeps that are measured with the golden CLIP folder.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Event, Execution, Outcome, Prepared, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{golden, golden_json};

pub fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

/// A folder with a sweep file, which runs into its subfolder `out`.
pub struct Sweep(TempDir);

impl Sweep {
    /// The golden runs that were measured, as presets of one sweep; `{CLIP}` is replaced by the golden folder.
    pub fn of_golden_runs(more: &str) -> Self {
        let index = golden_json("clip/index.json");
        let runs = golden_json("runs/tiny_eps.json");
        let runs = runs["cases"].as_array().unwrap();
        let chosen = index["runs"].as_array().unwrap().iter();
        let chosen: Vec<&Value> = chosen
            .map(|name| runs.iter().find(|case| case["name"] == *name).unwrap())
            .collect();
        let [first, ..] = chosen[..] else {
            panic!("there are no golden runs")
        };
        let mut text = format!(
            "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = {}\nnegative_prompt = {}\nseed = {}\n\
             [size]\nfit = \"floor\"\n",
            golden().join("tiny_eps"),
            golden().join("runs").join(text_of(first, "input")),
            first["instruction"],
            first["negative_prompt"],
            first["seed"],
        );
        for case in chosen {
            text += &format!(
                "[[preset]]\nname = {}\nguidance_scale = {:?}\nimage_guidance_scale = {:?}\nnum_inference_steps = {}\n",
                case["name"],
                case["guidance_scale"].as_f64().unwrap(),
                case["image_guidance_scale"].as_f64().unwrap(),
                case["num_inference_steps"],
            );
        }
        Self::new(&(text + more))
    }

    /// Six cells with two instructions.
    pub fn small(more: &str) -> Self {
        Self::new(&Self::small_text(more))
    }

    pub fn small_text(more: &str) -> String {
        format!(
            "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = [\"make it winter\", \"make it night\"]\n\
             guidance_scale = [3.0, 5.0, 7.0]\nnum_inference_steps = 1\n[size]\nfit = \"floor\"\n{more}",
            golden().join("tiny_eps"),
            golden().join("runs/input/64x48.png"),
        )
    }

    fn new(text: &str) -> Self {
        let sweep = Self(tempfile::tempdir().unwrap());
        sweep.write(text);
        sweep
    }

    pub fn write(&self, text: &str) {
        let clip = format!("{:?}", golden().join("clip/model"));
        fs::write(self.file(), text.replace("{CLIP}", &clip)).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("sweep.toml")
    }

    pub fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    pub fn prepared(&self) -> Prepared {
        prepare(&self.file(), RuntimeOverrides::default()).unwrap()
    }

    /// Runs it; returns the outcome and the measured cells. It is cancelled after `stop_after` measured cells.
    pub fn run(&self, host: Host, stop_after: Option<usize>) -> (Outcome, Vec<usize>) {
        let prepared = self.prepared();
        let execution = Execution::open(&prepared, &self.out(), host).unwrap();
        let cancel = AtomicBool::new(false);
        let mut measured = Vec::new();
        let executed = execution.run(&cancel, &mut |event| {
            if let Event::Measured { cell, .. } = event {
                measured.push(*cell);
                cancel.store(Some(measured.len()) == stop_after, Ordering::Relaxed);
            }
        });
        let executed = executed.unwrap();
        executed.measured.unwrap();
        (executed.outcome, measured)
    }

    /// Rows of `cells.csv`, by column name.
    pub fn rows(&self) -> Vec<HashMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.out().join("cells.csv")).unwrap();
        reader.deserialize().map(|row| row.unwrap()).collect()
    }
}
