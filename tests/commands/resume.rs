//! Runs killed at random moments and resumed: the same files as after an uninterrupted run, and nothing computed twice.

use crate::common;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::common::golden;
use serde_json::Value;

const CELLS: usize = 24;

/// Columns that depend on when and how fast a cell ran, not on what it is.
const MEASURED: [&str; 11] = [
    "finished",
    "run",
    "encode_text_ms",
    "encode_image_ms",
    "denoise_ms",
    "decode_ms",
    "save_ms",
    "total_ms",
    "vram_peak_mib",
    "vram_device_mib",
    "rss_peak_mib",
];

/// 24 cells with shared first steps.
fn sweep(folder: &Path) -> PathBuf {
    let file = folder.join("killed.toml");
    let text = format!(
        "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = [\"make it winter\", \"make it night\"]\n\
         guidance_scale = [3.0, 7.0, 9.0]\nimage_guidance_scale = [1.0, 1.5]\nseed = [1, 2]\n\
         num_inference_steps = 5\n[size]\nfit = \"floor\"\n",
        golden().join("tiny_eps"),
        golden().join("runs/input/64x48.png"),
    );
    fs::write(&file, text).unwrap();
    file
}

fn command(sweep: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
    command
        .arg("run")
        .arg("--onnxruntime")
        .arg(common::library().path)
        .arg(sweep)
        .arg("--out")
        .arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(folder.path());
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(command(&sweep, &whole).status().unwrap().success());

    // Any fixed sequence will do: each process is killed after up to four cells and a few more moments.
    let mut random = Random(0x2545_f491);
    let mut kills = 0;
    while finished(&killed).len() < CELLS {
        let enough = finished(&killed).len() + random.below(4) as usize;
        let mut child = command(&sweep, &killed).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && finished(&killed).len() < enough.min(CELLS) {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(random.below(60)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(command(&sweep, &killed).status().unwrap().success());
    println!("{kills} kills");
    assert!(kills >= 3, "the run was over before it could be killed");

    let journal = finished(&killed);
    assert_eq!(journal.len(), CELLS);
    assert_eq!(
        journal.iter().collect::<HashSet<_>>().len(),
        CELLS,
        "a finished cell was computed again"
    );
    assert_eq!(files(&killed), files(&whole));
    for file in files(&whole)
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "png"))
    {
        assert_eq!(
            fs::read(killed.join(file)).unwrap(),
            fs::read(whole.join(file)).unwrap(),
            "{}",
            file.display()
        );
    }
    assert_eq!(rows(&killed), rows(&whole));
    assert_eq!(plan(&killed), plan(&whole));
}

/// A linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The cells in the journal; an incomplete last line does not count.
fn finished(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| Some(line["cell"].as_str()?.to_owned()))
        .collect()
}

/// Every file of a run folder, by relative path.
fn files(run: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![run.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(run).unwrap().to_owned());
            }
        }
    }
    found
}

/// `cells.csv` without measurements.
fn rows(run: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(run.join("cells.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let columns = header
            .iter()
            .zip(row.iter())
            .filter(|(name, _)| !MEASURED.contains(name));
        // After a kill, a cell is batched with other cells than it would have been, and shares work with them.
        let columns = columns.filter(|(name, _)| !["unet_evals", "batch_size"].contains(name));
        columns
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    });
    rows.collect()
}

fn plan(run: &Path) -> Value {
    let file: Value = serde_json::from_slice(&fs::read(run.join("plan.json")).unwrap()).unwrap();
    file["plan"].clone()
}
