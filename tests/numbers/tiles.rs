//! Large images through the VAE in tiles: compared with an independent implementation, checked for seams, and in a run.

use crate::common;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::common::{Tensors, golden};
use image::RgbImage;
use ip2p_sweep::engine::{Denoiser, decode, encode_image};
use ip2p_sweep::image::{to_image, to_tensor};
use ip2p_sweep::model::{ModelFolder, OnnxModel};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ip2p_sweep::plan::Tiling;
use ip2p_sweep::spec::VaeTile;
use ndarray::{Array4, Axis, Ix4, Slice, s};
use serde_json::Value;

/// As in the golden (`make_tiles.py`): 332 x 204 pixels, 4 per latent pixel, in tiles of at most 128.
const SIZE: (u32, u32) = (332, 204);
const FACTOR: u32 = 4;
const LEVEL: u8 = 1;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/demo")
}

fn model() -> OnnxModel {
    let folder = ModelFolder::open(demo()).unwrap();
    OnnxModel::new(Arc::new(folder), common::runtime(), ExecutionDevice::Cpu, 1).unwrap()
}

fn tiling() -> Tiling {
    let tile = VaeTile::Pixels(NonZeroU32::new(128).unwrap());
    Tiling::new(tile, SIZE.0, SIZE.1, FACTOR).unwrap()
}

fn picture(name: &str) -> RgbImage {
    let path = golden().join("runs/tiles").join(name);
    image::open(path).unwrap().to_rgb8()
}

fn golden_latents() -> Array4<f32> {
    let latents = Tensors::read("runs/tiles/latents.safetensors");
    let latents = latents.get("latents").unwrap();
    latents.into_dimensionality::<Ix4>().unwrap()
}

fn assert_within_a_level(image: &RgbImage, expected: &str) {
    let expected = picture(expected);
    assert_eq!(image.dimensions(), expected.dimensions());
    let levels = image.as_raw().iter().zip(expected.as_raw());
    let worst = levels.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= LEVEL, "a pixel differs by {worst} levels");
}

#[test]
fn tiles_are_encoded_and_decoded_as_by_torch_and_blended_as_by_numpy() {
    let (mut model, tiling, go_on) = (model(), tiling(), AtomicBool::new(false));
    assert_eq!(tiling.to_string(), "4 x 2 tiles of 104 x 120 pixels");
    let pixels = to_tensor(&picture("input.png"));
    let latents = encode_image(&mut model, pixels.view(), Some(&tiling), &go_on);
    let (encoded, expected) = (latents.unwrap().unwrap(), golden_latents());
    let latents = encoded.slice_axis(Axis(1), Slice::from(..expected.dim().1));
    assert_eq!(latents.dim(), expected.dim());
    let largest = expected
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let differences = latents.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    let difference = differences.fold(0.0, f32::max) / largest;
    assert!(difference < 1e-4, "{difference}");

    let decoded = decode(&mut model, expected.view(), Some(&tiling), &go_on);
    let image = to_image(decoded.unwrap().unwrap().view());
    assert_within_a_level(&image, "decoded.png");
}

/// The change of the error from the pixel before `x` to that at `x`, averaged over the column.
fn step_at(error: &Array4<f32>, x: usize) -> f32 {
    let (one, other) = (
        error.slice(s![.., .., .., x - 1]),
        error.slice(s![.., .., .., x]),
    );
    (&other - &one).mapv(f32::abs).mean().unwrap()
}

/// The largest step at the edge of a tile, as a multiple of the mean step within 16 pixels of that edge.
fn seam(error: &Array4<f32>, tiling: &Tiling) -> f32 {
    let (columns, width) = (&tiling.columns, error.dim().3);
    let spans = (0..columns.count()).map(|tile| columns.span(tile, FACTOR as usize));
    let edges: Vec<usize> = spans.flat_map(|span| [span.start, span.end]).collect();
    let near = |edge: usize| {
        let near = edge.saturating_sub(16).max(1)..(edge + 16).min(width);
        let steps: Vec<f32> = near.map(|x| step_at(error, x)).collect();
        steps.iter().sum::<f32>() / steps.len() as f32
    };
    let inside = edges.iter().filter(|edge| (1..width).contains(edge));
    let seams = inside.map(|&edge| step_at(error, edge) / near(edge));
    seams.fold(0.0, f32::max)
}

#[test]
fn no_seam_is_to_be_seen_where_tiles_meet() {
    let (mut model, tiling, go_on) = (model(), tiling(), AtomicBool::new(false));
    let latents = golden_latents();
    let whole = model.decode(latents.view()).unwrap();
    let blended = decode(&mut model, latents.view(), Some(&tiling), &go_on);
    let blended = blended.unwrap().unwrap();

    // The same tiles laid over each other without blending, to show what this measure gives for a seam.
    let mut laid = Array4::zeros(whole.dim());
    let (columns, rows) = (&tiling.columns, &tiling.rows);
    for row in 0..rows.count() {
        for column in 0..columns.count() {
            let tile = latents.slice(s![.., .., rows.span(row, 1), columns.span(column, 1)]);
            let decoded = model.decode(tile).unwrap();
            let scale = FACTOR as usize;
            let place = s![.., .., rows.span(row, scale), columns.span(column, scale)];
            laid.slice_mut(place).assign(&decoded);
        }
    }
    let visible = seam(&(&laid - &whole), &tiling);
    let blended = seam(&(&blended - &whole), &tiling);
    println!("seam without blending {visible}, with {blended}");
    assert!(visible > 5.0, "{visible}");
    assert!(blended < 1.5, "{blended}");
}

/// A folder with the golden's input and a sweep file with one cell; `more` goes after `[size]`.
fn sweep(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let quoted = |path: &Path| Value::from(path.to_str().unwrap()).to_string();
    let text = format!(
        "model = {}\n[sweep]\nimage = {}\ninstruction = \"make it winter\"\nguidance_scale = 5.0\n\
         image_guidance_scale = 1.5\nseed = 42\nnum_inference_steps = 4\n[size]\nfit = \"floor\"\n{more}",
        quoted(&demo()),
        quoted(&golden().join("runs/tiles/input.png")),
    );
    fs::write(folder.path().join("s.toml"), text).unwrap();
    folder
}

fn ip2p(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ip2p"))
        .current_dir(folder)
        .args(arguments)
        .env("ORT_DYLIB_PATH", common::library().path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The paths of the cells' images in the run folder.
fn images(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("results/s/cells")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_run_in_tiles_is_within_one_level_of_diffusers_in_the_same_tiles() {
    let folder = sweep("[numerics]\nvae_tile = 128\n");
    let plan = ip2p(folder.path(), &["plan", "s.toml"]);
    let tiles = "332 x 204 pixels in 4 x 2 tiles of 104 x 120 pixels\n";
    assert!(plan.contains(&format!("VAE     {tiles}")), "{plan}");
    ip2p(folder.path(), &["run", "s.toml", "--quiet"]);
    let [image] = images(folder.path()).try_into().unwrap();
    assert_within_a_level(&image::open(image).unwrap().to_rgb8(), "edited.png");
}

#[test]
fn tiles_that_an_image_does_not_need_change_nothing_and_others_are_another_cell() {
    let name = |more: &str| {
        let folder = sweep(more);
        let plan = ip2p(folder.path(), &["plan", "s.toml"]);
        let prepared = ip2p_sweep::runner::prepare(
            &folder.path().join("s.toml"),
            ip2p_sweep::spec::RuntimeOverrides::default(),
        );
        let key = prepared.unwrap().plan.cells[0].key.clone();
        (key, plan.contains("tiles of"))
    };
    let (whole, tiled) = name("");
    assert!(!tiled);
    for same in ["\"auto\"", "\"off\"", "332", "8192"] {
        let named = name(&format!("[numerics]\nvae_tile = {same}\n"));
        assert_eq!(named, (whole.clone(), false), "{same}");
    }
    let tiles = |pixels: u32| name(&format!("[numerics]\nvae_tile = {pixels}\n"));
    let (of_128, tiled) = tiles(128);
    assert!(tiled && of_128 != whole);
    // The same tiles make the same cell, however they are specified.
    assert_eq!(tiles(129).0, of_128);
    assert_ne!(tiles(256).0, of_128);
}
