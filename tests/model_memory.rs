//! Memory with the real library: an arena's statistics, a limit for it, and a run that reaches the limit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};

use ip2p_sweep::engine::{Component, Denoiser, DeviceMemory};
use ip2p_sweep::model::{ModelError, ModelFolder, OnnxModel};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ndarray::{Array3, Array4};
use serde_json::Value;

/// Arenas with a limit on the CPU are shared by the whole process.
static ARENA: Mutex<()> = Mutex::new(());

const MIB: u64 = 1 << 20;

fn model(limit_bytes: Option<u64>) -> OnnxModel {
    let folder = ModelFolder::open(common::golden().join("tiny_eps")).unwrap();
    OnnxModel::new(Arc::new(folder), common::runtime(), ExecutionDevice::Cpu, 1)
        .unwrap()
        .with_memory_limit(limit_bytes)
}

/// A UNet call with rows of latents of `side` x `side` pixels.
fn predict(model: &mut OnnxModel, rows: usize, side: usize) -> Result<(), ModelError> {
    let sample = Array4::zeros((rows, 8, side, side));
    let text = Array3::zeros((rows, 77, 32));
    let mut prediction = Array4::zeros((0, 0, 0, 0));
    model.predict(sample.view(), 1.0, text.view().into(), &mut prediction)?;
    assert_eq!(prediction.shape(), [rows, 4, side, side]);
    Ok(())
}

#[test]
fn an_arena_tells_its_weights_and_its_highest_use() {
    let _alone = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    // On the CPU there is no arena without a limit.
    let mut model = model(Some(1024 * MIB));
    assert_eq!(model.arena_peak_bytes(), None);
    model.load(Component::Unet).unwrap();
    let weights = model.arena_peak_bytes().unwrap();
    let file = common::golden().join("tiny_eps/unet/model.onnx");
    let file_bytes = fs::metadata(file).unwrap().len();
    assert!(weights > file_bytes / 4, "{weights} of {file_bytes}");

    predict(&mut model, 1, 8).unwrap();
    let small = model.arena_peak_bytes().unwrap();
    predict(&mut model, 1, 32).unwrap();
    let large = model.arena_peak_bytes().unwrap();
    // Attention scores of 1024 by 1024 tokens in float32, for at least one head.
    assert!(
        large > small + 4 * MIB && small > weights,
        "{weights} {small} {large}"
    );
    predict(&mut model, 1, 8).unwrap();
    assert_eq!(model.arena_peak_bytes(), Some(large));

    model.unload(Component::Unet);
    assert_eq!(model.arena_peak_bytes(), None);
}

#[test]
fn a_capped_arena_runs_out_recognisably_and_is_new_after_unloading() {
    let _alone = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    let mut model = model(Some(40 * MIB));
    predict(&mut model, 1, 32).unwrap();
    for _ in 0..2 {
        let error = predict(&mut model, 4, 32).unwrap_err();
        assert!(error.is_out_of_memory(), "{error}");
        assert!(model.arena_peak_bytes().unwrap() <= 40 * MIB);
        // A fragmented arena may be too small for what succeeded before; a new one is not.
        model.unload(Component::Unet);
        predict(&mut model, 1, 32).unwrap();
    }
}

/// Runs 3 x 2 cells for a small and a large image, with flags.
fn run(folder: &Path, flags: &[&str]) -> Output {
    for (name, side) in [("a_small.png", 32), ("b_large.png", 128)] {
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        });
        picture.save(folder.join(name)).unwrap();
    }
    let sweep = folder.join("full.toml");
    let text = format!(
        "model = {:?}\n[sweep]\nimage = [\"a_small.png\", \"b_large.png\"]\ninstruction = \"make it winter\"\n\
         guidance_scale = [3.0, 5.0, 7.0]\nimage_guidance_scale = [1.5, 2.0]\nnum_inference_steps = 2\n\
         [size]\nfit = \"floor\"\n[runtime]\nmemory = \"resident\"\nbatch = 4\n",
        common::golden().join("tiny_eps"),
    );
    fs::write(&sweep, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ip2p"))
        .arg("run")
        .arg(&sweep)
        .arg("--out")
        .arg(folder.join("out"))
        .args(["--device", "cpu", "--threads", "1", "--onnxruntime"])
        .arg(common::library().path)
        .args(flags)
        .output()
        .unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(str::to_owned).collect()
}

/// Rows of `cells.csv`, by column name.
fn cells(folder: &Path) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join("out/cells.csv")).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn a_run_that_meets_its_limit_does_less_at_a_time_and_gives_the_same_pictures() {
    let (free, limited) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(run(free.path(), &[]).status.success());
    let output = run(limited.path(), &["--memory-limit-mib", "40"]);
    assert!(output.status.success(), "{output:?}");
    let notes = lines(&output.stderr)
        .into_iter()
        .chain(lines(&output.stdout));
    let notes: Vec<String> = notes.filter(|line| line.starts_with("note: ")).collect();
    let going_on = "note: out of device memory: continuing with";
    assert_eq!(
        notes,
        [
            format!("{going_on} batch 2, 6 UNet rows a call, resident memory"),
            format!("{going_on} batch 1, 3 UNet rows a call, resident memory"),
            format!("{going_on} batch 1, 1 UNet row a call, resident memory"),
        ]
    );
    for (one, other) in cells(free.path()).iter().zip(cells(limited.path())) {
        assert_eq!(
            (&one["cell"], "done"),
            (&other["cell"], other["status"].as_str())
        );
        let large = one["cell"].starts_with("b_large");
        assert_eq!(
            (one["batch_size"] == "1", other["batch_size"] == "1"),
            (false, large)
        );
        let picture = |folder: &Path| {
            let file = folder.join("out").join(&one["file"]);
            image::open(file).unwrap().to_rgb8().into_raw()
        };
        let (one, other) = (picture(free.path()), picture(limited.path()));
        // Rows in other batches may be rounded differently in the last bit.
        assert!(one.iter().zip(&other).all(|(a, b)| a.abs_diff(*b) <= 1));
    }
}

#[test]
fn in_phased_memory_small_cells_say_less_than_large_ones() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--memory", "phased", "--batch", "1"]);
    assert!(output.status.success(), "{output:?}");
    let cells = cells(folder.path());
    let (small, large) = cells
        .iter()
        .map(|cell| (cell["cell"].as_str(), cell["rss_peak_mib"].parse().unwrap()))
        .partition::<Vec<(&str, f64)>, _>(|(cell, _)| cell.starts_with("a_small"));
    let most = small.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
    let least = large.iter().map(|(_, peak)| *peak).fold(f64::MAX, f64::min);
    assert!(most + 10.0 < least, "{cells:?}");
}

#[test]
fn what_fits_in_no_way_fails_with_what_to_change_and_the_rest_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--memory-limit-mib", "24", "--json"]);
    assert_eq!(output.status.code(), Some(12), "{output:?}");
    let events = lines(&output.stdout);
    let events: Vec<Value> = events
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let notes: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "note")
        .filter_map(|event| event["text"].as_str())
        .filter(|text| text.starts_with("out of device memory"))
        .collect();
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert!(
        notes[3].ends_with("batch 1, 1 UNet row a call, phased memory"),
        "{notes:?}"
    );
    let cells = cells(folder.path());
    assert_eq!(cells.len(), 12);
    for cell in cells {
        if cell["cell"].starts_with("a_small") {
            assert_eq!(cell["status"], "done");
            assert!(folder.path().join("out").join(&cell["file"]).is_file());
        } else {
            assert_eq!(
                (cell["status"].as_str(), cell["memory"].as_str()),
                ("failed", "phased")
            );
            let error = &cell["error"];
            assert!(
                error.starts_with("out of device memory with one cell and one component at a time"),
                "{error}"
            );
            let remedy = "; raise runtime.memory_limit_mib, which is 24, or lower size.resolution";
            assert!(error.contains(remedy), "{error}");
            assert!(!error.contains(".cc:"), "{error}");
        }
        // On a CPU device memory is unknown, so the field is empty and not 0.
        assert_eq!(
            (cell["vram_peak_mib"].as_str(), cell["vram_source"].as_str()),
            ("", "")
        );
        assert_eq!(cell["vram_device_mib"], "");
        assert_ne!(cell["rss_peak_mib"], "");
    }
}

#[test]
fn a_limit_below_the_weights_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = folder.path().join("low.toml");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = format!(
        "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = \"make it winter\"\n[runtime]\nmemory_limit_mib = 1\n",
        root.join("onnx/demo"),
        common::golden().join("runs/input/64x48.png"),
    );
    fs::write(&sweep, text).unwrap();
    for command in ["plan", "run"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ip2p"))
            .current_dir(folder.path())
            .arg(command)
            .arg(&sweep)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("error: runtime.memory_limit_mib is 1, but unet alone has"),
            "{said}"
        );
        assert!(said.contains("hint: raise memory_limit_mib to"), "{said}");
        assert!(!folder.path().join("results").exists());
    }
}
