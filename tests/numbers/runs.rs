//! The whole program compared with diffusers' pipeline: the same weights and seeds give the same images.

use crate::common;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::common::{golden, golden_json};
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Execution, Outcome, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use serde_json::Value;

const MODELS: [&str; 2] = ["tiny_eps", "tiny_v"];

/// One level of 255, for rounding of the last bit.
const PIXEL_TOLERANCE: u8 = 1;

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

fn cases(model: &str) -> Vec<Value> {
    golden_json(format!("runs/{model}.json"))["cases"]
        .as_array()
        .unwrap()
        .clone()
}

/// The sweep file of a golden case.
fn sweep(model: &str, case: &Value) -> String {
    let string = |key: &str| Value::from(text(case, key)).to_string();
    format!(
        "model = {}\n[sweep]\nimage = {}\ninstruction = {}\nnegative_prompt = {}\nguidance_scale = {:?}\n\
         image_guidance_scale = {:?}\nseed = {}\nnum_inference_steps = {}\nscheduler = {}\n\
         [size]\nfit = \"floor\"\n[numerics]\nguidance = {}\n",
        Value::from(golden().join(model).to_str().unwrap()),
        Value::from(
            golden()
                .join("runs")
                .join(text(case, "input"))
                .to_str()
                .unwrap()
        ),
        string("instruction"),
        string("negative_prompt"),
        case["guidance_scale"].as_f64().unwrap(),
        case["image_guidance_scale"].as_f64().unwrap(),
        string("seed"),
        case["num_inference_steps"],
        string("scheduler"),
        string("guidance"),
    )
}

#[test]
fn every_pixel_is_within_one_level_of_diffusers() {
    let folder = tempfile::tempdir().unwrap();
    let host = common::host();
    for model in MODELS {
        for case in cases(model) {
            let name = format!("{model}-{}", text(&case, "name"));
            let file = folder.path().join(format!("{name}.toml"));
            fs::write(&file, sweep(model, &case)).unwrap();
            let out = folder.path().join(&name);
            let image = run_one(&file, &out, host.clone());
            assert_close(&image, &case, &name);
        }
    }
}

/// Asserts that every pixel equals that of a case's PNG, within the tolerance.
fn assert_close(image: &image::RgbImage, case: &Value, name: &str) {
    let expected = image::open(golden().join("runs").join(text(case, "png")))
        .unwrap()
        .to_rgb8();
    assert_eq!(image.dimensions(), expected.dimensions(), "{name}");
    let levels = image
        .as_raw()
        .iter()
        .zip(expected.as_raw())
        .map(|(a, b)| a.abs_diff(*b));
    let worst = levels.max().unwrap();
    println!("{name}: largest difference {worst} of 255");
    assert!(
        worst <= PIXEL_TOLERANCE,
        "{name}: a pixel differs by {worst} levels"
    );
}

#[test]
fn guidance_in_an_interval_is_that_of_scales_switched_from_step_to_step() {
    let folder = tempfile::tempdir().unwrap();
    let host = common::host();
    for case in golden_json("runs/intervals.json")["cases"]
        .as_array()
        .unwrap()
    {
        let name = text(case, "png").replace('/', "-");
        let sweep = sweep(text(case, "model"), case).replace(
            "[size]",
            &format!(
                "guidance_start = {}\nguidance_end = {}\n[size]",
                text(case, "guidance_start"),
                text(case, "guidance_end")
            ),
        );
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, sweep).unwrap();
        let image = run_one(&file, &folder.path().join(&name), host.clone());
        assert_close(&image, case, &name);
    }
}

#[test]
fn a_size_that_no_unet_level_halves_evenly_is_within_one_level_of_diffusers() {
    let folder = tempfile::tempdir().unwrap();
    let runs = golden().join("runs/odd_size");
    let quoted = |path: &Path| Value::from(path.to_str().unwrap()).to_string();
    let sweep = format!(
        "model = {}\n[sweep]\nimage = {}\ninstruction = \"make it winter\"\nguidance_scale = 5.0\n\
         image_guidance_scale = 1.5\nseed = 42\nnum_inference_steps = 4\n[size]\nfit = \"floor\"\n",
        quoted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/demo")),
        quoted(&runs.join("input.png")),
    );
    let file = folder.path().join("odd.toml");
    fs::write(&file, sweep).unwrap();
    let image = run_one(&file, &folder.path().join("odd"), common::host());
    let expected = image::open(runs.join("expected.png")).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), expected.dimensions());
    let levels = image.as_raw().iter().zip(expected.as_raw());
    let worst = levels.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(
        worst <= PIXEL_TOLERANCE,
        "a pixel differs by {worst} levels"
    );
}

/// The largest difference between two images of the same size, in levels of 255.
pub fn largest_difference(image: &image::RgbImage, expected: &image::RgbImage) -> u8 {
    assert_eq!(image.dimensions(), expected.dimensions());
    let levels = image.as_raw().iter().zip(expected.as_raw());
    levels.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// Runs a sweep with one cell and reads its image.
pub fn run_one(sweep: &Path, out: &Path, host: Host) -> image::RgbImage {
    let prepared = prepare(sweep, RuntimeOverrides::default()).unwrap();
    let execution = Execution::open(&prepared, out, host).unwrap();
    let executed = execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
    assert_eq!(executed.outcome, Outcome::Complete { done: 1, failed: 0 });
    image::open(out.join(prepared.plan.cells[0].key.image_path()))
        .unwrap()
        .to_rgb8()
}
