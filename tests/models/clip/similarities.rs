//! Pixels, embeddings and similarities, each compared with transformers.

use std::fs;
use std::sync::Arc;

use image::RgbImage;
use ip2p_sweep::judge::clip::{Embedding, direction_similarity, image_similarity};
use ip2p_sweep::model::clip::{ClipFolder, ClipModel, Preprocessing};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ndarray::ArrayD;

use super::fixture::text_of;
use crate::common::{self, Tensors, golden, golden_json};

/// For similarities, which range from -1 to 1.
const TOLERANCE: f64 = 1e-6;

fn picture(path: &str) -> RgbImage {
    image::open(golden().join(path)).unwrap().to_rgb8()
}

fn model() -> ClipModel {
    let folder = Arc::new(ClipFolder::open(golden().join("clip/model")).unwrap());
    ClipModel::new(folder, common::runtime(), ExecutionDevice::Cpu, 1, None).unwrap()
}

fn largest_difference(one: &ArrayD<f32>, other: &ArrayD<f32>) -> f32 {
    assert_eq!(one.shape(), other.shape());
    (one - other)
        .iter()
        .fold(0.0, |most, it| it.abs().max(most))
}

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
            // One level of 255, divided by the smallest standard deviation.
            let levels = worst * 0.2 * 255.0;
            println!("{variant} {name}: {levels:.2} levels");
            // The bilinear filter gives exact halves, which Pillow's fixed-point arithmetic may round down or up.
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
