//! The measures of CLIP against transformers: the same images, captions and weights give the same similarities.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it saw"
)]

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Tensors, golden, golden_json};
use image::RgbImage;
use ip2p_sweep::engine::Event;
use ip2p_sweep::judge::clip::{Embedding, direction_similarity, image_similarity};
use ip2p_sweep::model::clip::{ClipFolder, ClipModel, Preprocessing};
use ip2p_sweep::model::runtime::{ExecutionDevice, Host};
use ip2p_sweep::runner::{Execution, Outcome, Prepared, Workload, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use miette::Diagnostic;
use ndarray::ArrayD;
use serde_json::Value;
use tempfile::TempDir;

/// Of a similarity, -1 to 1.
const TOLERANCE: f64 = 1e-6;

fn picture(path: &str) -> RgbImage {
    image::open(golden().join(path)).unwrap().to_rgb8()
}

fn model() -> ClipModel {
    let folder = Arc::new(ClipFolder::open(golden().join("clip/model")).unwrap());
    ClipModel::new(folder, common::runtime(), ExecutionDevice::Cpu, 1, None).unwrap()
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

fn largest_difference(one: &ArrayD<f32>, other: &ArrayD<f32>) -> f32 {
    assert_eq!(one.shape(), other.shape());
    (one - other)
        .iter()
        .fold(0.0, |most, it| it.abs().max(most))
}

// --- against transformers ----------------------------------------------------------------------

#[test]
fn images_are_prepared_as_by_transformers() {
    let index = golden_json("clip/index.json");
    let arrays = Tensors::read("clip/arrays.safetensors");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preprocessor_config.json");
    for (variant, config) in index["variants"].as_object().unwrap() {
        fs::write(&file, config.to_string()).unwrap();
        let preprocessing = Preprocessing::read(&file).unwrap();
        for name in index["images"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let pixels = preprocessing.pixels(&picture(&format!("clip/images/{name}.png")));
            let expected = arrays.get(&format!("{variant}.{name}")).unwrap();
            let worst = largest_difference(&pixels.into_dyn(), &expected);
            // A level of 255, over the smallest standard deviation.
            let levels = worst * 0.2 * 255.0;
            println!("{variant} {name}: {levels:.2} levels");
            // Pillow's fixed point rounds the halves that its bilinear filter makes down or up.
            let tolerance = if variant == "bilinear" { 1.01 } else { 1e-3 };
            assert!(levels < tolerance, "{variant} {name}: {levels} levels");
        }
    }
}

#[test]
fn embeddings_are_those_of_transformers() {
    let index = golden_json("clip/index.json");
    let arrays = Tensors::read("clip/arrays.safetensors");
    let mut model = model();
    let check = |name: String, embedding: ndarray::Array1<f32>| {
        let expected = arrays.get(&name).unwrap();
        let length = embedding.dot(&embedding).sqrt();
        let unit = (embedding / length)
            .insert_axis(ndarray::Axis(0))
            .into_dyn();
        let worst = largest_difference(&unit, &expected);
        println!("{name}: {worst:.1e}");
        assert!(f64::from(worst) < TOLERANCE, "{name}: {worst}");
    };
    for (number, captions) in index["captions"].as_array().unwrap().iter().enumerate() {
        let text = captions[1].as_str().unwrap();
        check(format!("text.{number}"), model.embed_text(text).unwrap());
    }
    for name in index["images"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let image = picture(&format!("clip/images/{name}.png"));
        check(format!("image.{name}"), model.embed_image(&image).unwrap());
    }
}

#[test]
fn similarities_are_those_of_transformers() {
    let mut model = model();
    for case in golden_json("clip/index.json")["cases"].as_array().unwrap() {
        let unit = |values: ndarray::Array1<f32>| Embedding::new(values.view()).unwrap();
        let [before, after] =
            ["before", "after"].map(|key| unit(model.embed_text(text_of(case, key)).unwrap()));
        let [input, output] = ["input", "output"]
            .map(|key| unit(model.embed_image(&picture(text_of(case, key))).unwrap()));
        let found = [
            image_similarity(&input, &output),
            direction_similarity([&input, &output], [&before, &after]).unwrap(),
        ];
        let expected = ["image_similarity", "direction_similarity"].map(|key| case[key].as_f64());
        for (found, expected) in found.into_iter().zip(expected) {
            let difference = (found - expected.unwrap()).abs();
            println!("{}: {difference:.1e}", text_of(case, "output"));
            assert!(difference < TOLERANCE, "{case}: {found}");
        }
    }
}

// --- the whole program -------------------------------------------------------------------------

/// A folder with a sweep file, which runs into its folder `out`.
struct Sweep(TempDir);

impl Sweep {
    /// The golden runs that were measured, as presets of one sweep; `{CLIP}` is replaced by the golden folder.
    fn of_golden_runs(more: &str) -> Self {
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

    /// Six cells of two instructions.
    fn small(more: &str) -> Self {
        Self::new(&Self::small_text(more))
    }

    fn small_text(more: &str) -> String {
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

    fn write(&self, text: &str) {
        let clip = format!("{:?}", golden().join("clip/model"));
        fs::write(self.file(), text.replace("{CLIP}", &clip)).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("sweep.toml")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn prepared(&self) -> Prepared {
        prepare(&self.file(), RuntimeOverrides::default()).unwrap()
    }

    /// Runs it; gives the outcome and the cells that were measured. `stop_after` so many it is cancelled.
    fn run(&self, host: Host, stop_after: Option<usize>) -> (Outcome, Vec<usize>) {
        let prepared = self.prepared();
        let execution = Execution::open(&prepared, &self.out(), host).unwrap();
        let cancel = AtomicBool::new(false);
        let mut measured = Vec::new();
        let outcome = execution.run(&cancel, &mut |event| {
            if let Event::Measured { cell, .. } = event {
                measured.push(*cell);
                cancel.store(Some(measured.len()) == stop_after, Ordering::Relaxed);
            }
        });
        (outcome.unwrap().0, measured)
    }

    /// Rows of `cells.csv` by column name.
    fn rows(&self) -> Vec<HashMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.out().join("cells.csv")).unwrap();
        reader.deserialize().map(|row| row.unwrap()).collect()
    }
}

const COMPLETE: Outcome = Outcome::Complete { done: 6, failed: 0 };
const IMAGE: &str = "clip_image_similarity";
const DIRECTION: &str = "clip_direction_similarity";

fn caption(instruction: &str, before: &str, after: &str) -> String {
    format!("[[caption]]\ninstruction = {instruction:?}\nbefore = {before:?}\nafter = {after:?}\n")
}

#[test]
fn a_run_has_the_similarities_that_transformers_finds_for_the_images_of_diffusers() {
    let index = golden_json("clip/index.json");
    let captions = &index["captions"][0];
    let runs = golden_json("runs/tiny_eps.json");
    let instruction = text_of(&runs["cases"][0], "instruction");
    let sweep = Sweep::of_golden_runs(&format!(
        "[measures]\nclip = {{CLIP}}\n[runtime]\nmemory_limit_mib = 64\n{}",
        caption(
            instruction,
            captions[0].as_str().unwrap(),
            captions[1].as_str().unwrap()
        )
    ));
    let cells = index["runs"].as_array().unwrap().len();
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!(
        outcome,
        Outcome::Complete {
            done: cells,
            failed: 0
        }
    );
    assert_eq!(measured, (0..cells).collect::<Vec<_>>());
    let plan = sweep.prepared().plan;
    for row in sweep.rows() {
        let cell = plan
            .cells
            .iter()
            .find(|cell| cell.key.as_str() == row["cell"]);
        let name = cell.unwrap().parameters.preset.clone().unwrap();
        let cases = index["cases"].as_array().unwrap().iter();
        let mut cases = cases.filter(|case| {
            text_of(case, "output").ends_with(&format!("tiny_eps/{name}.png"))
                && case["before"] == captions[0]
        });
        let case = cases.next().unwrap();
        for (column, key) in [
            (IMAGE, "image_similarity"),
            (DIRECTION, "direction_similarity"),
        ] {
            let found: f64 = row[column].parse().unwrap();
            let difference = (found - case[key].as_f64().unwrap()).abs();
            println!("{name} {key}: {difference:.1e}");
            // Pixels may differ from diffusers' by one level.
            assert!(difference < 1e-3, "{name} {key}: {found}");
        }
    }
}

#[test]
fn cells_are_measured_once_and_again_only_for_other_captions() {
    let of_winter = |after| caption("make it winter", "a house", after);
    let clip = "[measures]\nclip = {CLIP}\n";
    let sweep = Sweep::small(&format!("{clip}{}", of_winter("a house in winter")));
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!((outcome, measured), (COMPLETE, vec![0, 1, 2, 3, 4, 5]));
    let first = sweep.rows();
    for row in &first {
        let is_captioned = row["instruction"] == "make it winter";
        assert!(row[IMAGE].parse::<f64>().unwrap() < 1.0);
        assert_eq!(row[DIRECTION].is_empty(), !is_captioned, "{row:?}");
    }

    // Nothing is left to do: no runtime is looked for.
    let nowhere = || Host::current(Some("no/such/library".into()));
    assert_eq!(sweep.run(nowhere(), None), (COMPLETE, vec![]));
    assert_eq!(sweep.rows(), first);

    let text = Sweep::small_text(&format!("{clip}{}", of_winter("a pencil sketch")));
    sweep.write(&text);
    assert_eq!(sweep.run(common::host(), None), (COMPLETE, vec![0, 1, 2]));
    for (row, before) in sweep.rows().iter().zip(&first) {
        let is_captioned = row["instruction"] == "make it winter";
        assert_eq!(row[IMAGE], before[IMAGE]);
        assert_eq!(row[DIRECTION] != before[DIRECTION], is_captioned, "{row:?}");
    }

    // Measures stay when they are no longer asked for.
    let measured = sweep.rows();
    sweep.write(&Sweep::small_text(""));
    assert_eq!(sweep.run(nowhere(), None), (COMPLETE, vec![]));
    assert_eq!(sweep.rows(), measured);
}

#[test]
fn a_run_that_is_stopped_while_it_measures_goes_on_there() {
    let sweep = Sweep::small("[measures]\nclip = {CLIP}\n");
    let (outcome, measured) = sweep.run(common::host(), Some(2));
    assert_eq!((outcome, measured), (Outcome::Interrupted, vec![0, 1]));
    let is_measured = |row: &HashMap<String, String>| !row[IMAGE].is_empty();
    assert_eq!(
        sweep.rows().iter().filter(|row| is_measured(row)).count(),
        2
    );

    let prepared = sweep.prepared();
    let execution = Execution::open(&prepared, &sweep.out(), common::host()).unwrap();
    let left = Workload {
        cells: 0,
        steps: 0,
        measures: 4,
    };
    assert_eq!(execution.workload(), left);
    drop(execution);
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!((outcome, measured), (COMPLETE, vec![2, 3, 4, 5]));
    assert!(sweep.rows().iter().all(is_measured));
}

#[test]
fn measuring_changes_no_cell() {
    let plain = Sweep::small("").prepared().plan;
    let measured = Sweep::small(&format!(
        "[measures]\nclip = {{CLIP}}\n{}",
        caption("make it night", "a house", "a house at night")
    ));
    assert_eq!(measured.prepared().plan.cells, plain.cells);
}

#[test]
fn a_caption_that_clip_cannot_read_whole_is_told() {
    let long = "make it a snowy winter day with snow on the trees, with stars and a full moon";
    let sweep = Sweep::small(&format!(
        "[measures]\nclip = {{CLIP}}\n{}",
        caption("make it night", "a house", long)
    ));
    let notes = sweep.prepared().notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("CLIP reads 20 tokens; this is cut off: "),
        "{notes:?}"
    );
}

// --- folders that are no good ------------------------------------------------------------------

/// The message and remedy of opening a damaged copy of the golden folder.
fn refusal(damage: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    common::copy_folder(&golden().join("clip/model"), folder.path());
    damage(folder.path());
    let error = ClipFolder::open(folder.path()).unwrap_err();
    let help = error.help().unwrap();
    format!("{error}\n{help}").replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_missing_or_of_another_kind_is_named_with_the_remedy() {
    let remedy = "give a folder that `onnx/export_clip.py` has written, or export the model again";
    for missing in [
        "preprocessor_config.json",
        "text_encoder/config.json",
        "image_encoder/model.onnx",
    ] {
        let told = refusal(|folder| fs::remove_file(folder.join(missing)).unwrap());
        assert_eq!(told, format!("{missing} is missing\n{remedy}"));
    }
    let swapped = refusal(|folder| {
        fs::copy(
            folder.join("text_encoder/model.onnx"),
            folder.join("image_encoder/model.onnx"),
        )
        .unwrap();
    });
    assert_eq!(
        swapped,
        format!(
            "image_encoder/model.onnx: \"input_ids\" is int64, not float32 or float16\n{remedy}"
        )
    );
    let other = golden().join("tiny_eps/text_encoder/model.onnx");
    let of_diffusion = refusal(|folder| {
        fs::copy(&other, folder.join("text_encoder/model.onnx")).unwrap();
    });
    assert!(
        of_diffusion.starts_with("text_encoder/model.onnx: "),
        "{of_diffusion}"
    );
    assert!(of_diffusion.ends_with(remedy), "{of_diffusion}");
}

#[test]
fn preprocessing_that_is_not_done_here_is_refused() {
    let with = |change: &str| {
        refusal(|folder| {
            let file = folder.join("preprocessor_config.json");
            let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let change: Value = serde_json::from_str(change).unwrap();
            for (key, value) in change.as_object().unwrap() {
                config[key] = value.clone();
            }
            fs::write(&file, config.to_string()).unwrap();
        })
    };
    for (change, told) in [
        (r#"{"do_resize": false}"#, "do_resize must be true"),
        (
            r#"{"do_normalize": 1}"#,
            "do_normalize must be true or false",
        ),
        (
            r#"{"resample": 0}"#,
            "resample must be 1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
        ),
        (
            r#"{"image_std": [0.2, 0.0, 0.2]}"#,
            "image_std must not be 0",
        ),
        (
            r#"{"image_mean": 0.5}"#,
            "image_mean must be a list of three numbers",
        ),
        (r#"{"size": 16}"#, "crop_size is larger than size"),
        (
            r#"{"size": {"height": 16}}"#,
            "size must be a whole number from 1 to 65536",
        ),
        (
            r#"{"do_center_crop": false}"#,
            "do_center_crop must be true with one side under size",
        ),
    ] {
        let found = with(change);
        let first = found.lines().next().unwrap();
        assert_eq!(
            first,
            format!("preprocessor_config.json: {told}"),
            "{change}"
        );
    }
    // The image encoder was exported for another size.
    let found = with(r#"{"crop_size": 24}"#);
    assert_eq!(
        found.lines().next().unwrap(),
        "image_encoder/model.onnx: \"pixel_values\" has 32 rows where the configuration says 24"
    );
}
