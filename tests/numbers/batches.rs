//! A real model, batched and padded in several ways: results depend on neither, except for rounding.

use crate::common;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ip2p_sweep::engine::{self, Event, InputFiles, Job, Masks, MemoryShelf, Policy};
use ip2p_sweep::meter::Meter;
use ip2p_sweep::model::OnnxModel;
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ip2p_sweep::pipeline::{Kind, Masking};
use ip2p_sweep::plan::Schedule;
use ip2p_sweep::runner::{Prepared, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use serde_json::Value;

/// Matrix products sum in another order for another number of rows, which may change a value at the edge of a level.
const PIXEL_TOLERANCE: u8 = 1;

/// The images by cell, and the UNet rows in the records.
fn run(prepared: &Prepared, policy: Policy) -> (BTreeMap<usize, image::RgbImage>, u64) {
    let plan = &prepared.plan;
    let model = &prepared.models[0];
    let pending: Vec<usize> = (0..plan.cells.len()).collect();
    let schedule = Schedule::new(plan, &pending);
    let folder = Arc::clone(&model.folder);
    let mut onnx = OnnxModel::new(folder, common::runtime(), ExecutionDevice::Cpu, 1).unwrap();
    // The image already has the size of the cells.
    let inputs = plan.inputs_of(pending).into_iter();
    let inputs = inputs.map(|input| (input, Ok(plan.images[0].path.clone())));
    let inputs: InputFiles = inputs.collect();
    let job = Job {
        plan,
        work: &schedule.models[0],
        inputs: &inputs,
        masks: &Masks::default(),
        masking: Masking::default(),
        latent_channels: model.folder.latent_channels(),
        vae_factor: model.folder.vae_factor(),
        scaling_factor: model.folder.scaling_factor(),
        scheduler_config: &model.scheduler_config(Kind::Edit),
        device: ExecutionDevice::Cpu,
        precision: "fp32",
        memory_limit_mib: None,
    };
    let (mut images, mut rows) = (BTreeMap::new(), 0);
    let mut observe = |event: Event| {
        if let Event::Finished {
            cell,
            record,
            image,
            ..
        } = event
        {
            rows += u64::from(record.unet_evals);
            images.insert(cell, (*image.unwrap()).clone());
        }
        ControlFlow::Continue(())
    };
    engine::run(
        job,
        &mut onnx,
        policy,
        &mut MemoryShelf::default(),
        &mut Meter::new(ExecutionDevice::Cpu),
        &AtomicBool::new(false),
        &mut observe,
    )
    .unwrap();
    let promised = schedule.unet_rows(prepared.evaluation_steps());
    assert_eq!(rows, promised.evaluated, "{policy}");
    (images, rows)
}

#[test]
fn neither_batch_nor_padding_changes_a_pixel_by_more_than_a_level() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| Value::from(common::golden().join(name).to_str().unwrap());
    let sweep = format!(
        "model = {}\n[sweep]\nimage = {}\ninstruction = [\"make it winter\", \"make it night\"]\n\
         guidance_scale = [3.0, 7.5]\nimage_guidance_scale = 1.5\nguidance_end = [0.5, 1.0]\nseed = [1, 2]\n\
         num_inference_steps = 4\nscheduler = [\"euler_ancestral\", \"heun\", \"pndm\", \"dpmpp_2m\"]\n",
        path("tiny_eps"),
        path("runs/input/64x48.png"),
    );
    let file = folder.path().join("batches.toml");
    fs::write(&file, sweep).unwrap();
    let prepared = prepare(&file, RuntimeOverrides::default()).unwrap();
    let policy = |batch, unet_rows, pad| Policy {
        phased: false,
        batch,
        unet_rows,
        calls: 1,
        pad,
        probe: false,
    };
    let (reference, rows) = run(&prepared, policy(1, 1, false));
    assert_eq!(reference.len(), prepared.plan.cells.len());
    for (batch, unet_rows) in [(1, 3), (3, 9), (7, 8)] {
        for pad in [false, true] {
            let policy = policy(batch, unet_rows, pad);
            let (images, evaluated) = run(&prepared, policy);
            assert_eq!(evaluated, rows, "{policy}");
            let pixels = reference.iter().flat_map(|(cell, image)| {
                let other = images[cell].as_raw();
                image.as_raw().iter().zip(other)
            });
            let worst = pixels.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            println!("{policy}, padded {pad}: largest difference {worst} of 255");
            assert!(worst <= PIXEL_TOLERANCE, "{policy}, padded {pad}: {worst}");
        }
    }
}
