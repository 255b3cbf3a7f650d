//! Plans, records and pictures to store.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use image::{Rgb, RgbImage};
use ip2p_sweep::plan::Plan;
use ip2p_sweep::store::{HeldFolder, Hold, RunFolder, StoreError};
use ip2p_sweep::vocabulary::{Measures, Record, StageTimes, Status, StepRecord};
use serde_json::json;

pub use crate::environment::environment;

pub const SWEEP: &str = "name = \"winter\"\n";
pub const WIDTH: u32 = 24;
pub const HEIGHT: u32 = 16;
pub const INSTRUCTION: &str = "make it \"winter\",\nwith snow ❄ and \u{1}ice";

/// A plan of this many cells that differ in their seed.
pub fn plan(cells: u64) -> Plan {
    let cell = |seed: u64| {
        json!({
            "key": format!("s{seed}-0123456789ab"),
            "parameters": {
                "model": "../onnx/demo", "image": "house.png", "instruction": INSTRUCTION,
                "negative_prompt": "=1+1", "guidance_scale": "7.0", "image_guidance_scale": "1.25",
                "seed": seed, "num_inference_steps": 20, "scheduler": "dpmpp_2m_karras", "preset": null
            },
            "width": WIDTH, "height": HEIGHT
        })
    };
    let cells: Vec<_> = (0..cells).map(cell).collect();
    serde_json::from_value(json!({
        "name": "winter",
        "axes": [{"parameter": "seed", "values": ["0", "1"]}],
        "models": [{
            "name": "../onnx/demo", "path": "sweeps/../onnx/demo", "sha256": "abc", "resolution": 512,
            "vae_factor": 8, "size_multiple": 64, "scheduler": "euler_ancestral", "precision": "fp32",
            "component_bytes": [1, 2, 3, 4]
        }],
        "images": [{"name": "house.png", "path": "sweeps/house.png", "sha256": "def", "width": 99, "height": 70}],
        "numerics": {"noise": "torch-cpu", "guidance": "formula"},
        "fit": "crop",
        "sheet": {"rows": null, "columns": null, "cell": 256, "show_input": true},
        "cells": cells
    }))
    .unwrap()
}

/// Takes a run folder; tries again if it is locked. A child process that another test starts holds this process's locks
/// for a moment, between fork and exec.
pub fn take(folder: &Path, plan: &Plan) -> Result<HeldFolder, StoreError> {
    let plan = Arc::new(plan.clone());
    for _ in 0..200 {
        match HeldFolder::take(folder, &plan, Hold::Alone) {
            Err(StoreError::Locked { pid: None, .. }) => thread::sleep(Duration::from_millis(5)),
            taken => return taken,
        }
    }
    HeldFolder::take(folder, &plan, Hold::Alone)
}

/// Opens a run folder for writing.
pub fn open(folder: &Path, plan: &Plan) -> Result<RunFolder, StoreError> {
    take(folder, plan)?.begin(SWEEP, &environment())
}

/// A record as the engine would emit it.
pub fn record(plan: &Plan, cell: usize) -> Record {
    Record {
        unet_evals: 60,
        times: StageTimes {
            denoise_ms: Some(1234.567),
            ..StageTimes::default()
        },
        rss_peak_mib: Some(100.25),
        image_change: Some(0.125),
        measures: Some(Measures {
            ssim: 0.75,
            saturation_change: -0.025,
            contrast_change: 0.0125,
        }),
        steps: [StepRecord {
            step: 0,
            timestep: 799.2,
            sigma: Some(14.5),
            unet_rows: 3,
            unet_ms: 10.04,
            step_ms: 11.0,
            vram_mib: None,
            rss_mib: Some(99.0),
        }]
        .into(),
        ..Record::new(plan.cells[cell].key.clone(), "cpu", "fp32")
    }
}

pub fn failed(plan: &Plan, cell: usize) -> Record {
    let error = Some("latents are NaN at step 3".to_owned());
    Record {
        status: Status::Failed,
        error,
        ..record(plan, cell)
    }
}

/// Pixels that no codec can compress.
pub fn picture(cell: usize) -> RgbImage {
    let noise =
        |x: u32, y: u32| (x * 7919 + y * 104_729 + cell as u32 * 31).wrapping_mul(2_654_435_761);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let [red, green, blue, _] = noise(x, y).to_be_bytes();
        Rgb([red, green, blue])
    })
}

pub fn record_all(folder: &mut RunFolder, plan: &Plan) {
    for cell in folder.pending() {
        folder
            .record(record(plan, cell), Some(&picture(cell)))
            .unwrap();
    }
}

/// A finished run of this many cells.
pub fn finished(folder: &Path, cells: u64) -> Plan {
    let plan = plan(cells);
    let mut run = open(folder, &plan).unwrap();
    record_all(&mut run, &plan);
    run.finish().unwrap();
    plan
}
