//! Each component, run by ONNX Runtime, compared with torch's numbers (`tests/golden/runs`).

use crate::common;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Tensors, golden_json};
use ip2p_sweep::engine::{Component, Denoiser, DeviceMemory};
use ip2p_sweep::model::{ModelError, ModelFolder, OnnxModel};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ndarray::{Array3, Array4, ArrayD, ArrayView3, ArrayView4, Axis, Slice, concatenate, s};

const MODELS: [&str; 2] = ["tiny_eps", "tiny_v"];

fn model(name: &str) -> OnnxModel {
    let folder = ModelFolder::open(common::golden().join(name)).unwrap();
    OnnxModel::new(Arc::new(folder), common::runtime(), ExecutionDevice::Cpu, 1).unwrap()
}

struct Golden {
    arrays: Tensors,
    cases: serde_json::Value,
}

impl Golden {
    fn read(name: &str) -> Self {
        Self {
            arrays: Tensors::read(format!("runs/{name}.safetensors")),
            cases: golden_json(format!("runs/{name}.json")),
        }
    }

    fn array(&self, name: &str) -> ArrayD<f32> {
        self.arrays.get(name).unwrap()
    }

    fn array3(&self, name: &str) -> Array3<f32> {
        self.array(name).into_dimensionality().unwrap()
    }

    fn array4(&self, name: &str) -> Array4<f32> {
        self.array(name).into_dimensionality().unwrap()
    }
}

/// What the UNet predicts, in an array of its own.
fn predict(
    model: &mut OnnxModel,
    sample: ArrayView4<f32>,
    timestep: f32,
    text: ArrayView3<f32>,
) -> Result<Array4<f32>, ModelError> {
    let mut prediction = Array4::zeros((0, 0, 0, 0));
    model.predict(sample, timestep, text.into(), &mut prediction)?;
    Ok(prediction)
}

/// The largest difference, relative to the largest expected value.
fn largest_difference<D: ndarray::Dimension>(
    computed: &ndarray::Array<f32, D>,
    expected: &ndarray::Array<f32, D>,
) -> f32 {
    assert_eq!(computed.shape(), expected.shape());
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let differences = computed.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}

#[test]
fn texts_and_images_are_encoded_as_by_torch() {
    for name in MODELS {
        let (mut model, golden) = (model(name), Golden::read(name));
        let case = &golden.cases["cases"][0];
        for key in ["instruction", "negative_prompt"] {
            let encoded = model.encode_text(case[key].as_str().unwrap()).unwrap();
            let expected = golden.array3(&format!("components.{key}"));
            let difference = largest_difference(&encoded, &expected);
            assert!(difference < 1e-5, "{name} {key}: {difference}");
        }
        let pixels = golden.array4("components.pixels");
        let encoded = model.encode_image(pixels.view()).unwrap();
        let expected = golden.array4("components.image_latents");
        // Means, then log variances.
        let latents = encoded.slice_axis(Axis(1), Slice::from(..expected.dim().1));
        let latents = latents.to_owned();
        let difference = largest_difference(&latents, &expected);
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

#[test]
fn a_float16_component_takes_and_gives_float32_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    common::copy_folder(&common::golden().join("tiny_v"), folder.path());
    fs::copy(
        common::golden().join("tiny_half/vae_encoder.onnx"),
        folder.path().join("vae_encoder/model.onnx"),
    )
    .unwrap();
    let folder = ModelFolder::open(folder.path()).unwrap();
    let runtime = common::runtime();
    let mut model = OnnxModel::new(Arc::new(folder), runtime, ExecutionDevice::Cpu, 1).unwrap();
    let golden = Golden::read("tiny_v");
    let encoded = model
        .encode_image(golden.array4("components.pixels").view())
        .unwrap();
    let expected = golden.array4("components.image_latents");
    let latents = encoded.slice_axis(Axis(1), Slice::from(..expected.dim().1));
    let latents = latents.to_owned();
    let difference = largest_difference(&latents, &expected);
    // Half precision has 11 significant bits; some more accuracy is lost on the way.
    assert!((1e-6..1e-2).contains(&difference), "{difference}");
}

#[test]
fn the_first_guided_prediction_is_that_of_diffusers() {
    for name in MODELS {
        let (mut model, golden) = (model(name), Golden::read(name));
        // DDIM scales neither its input nor its noise, so the sample is the noise itself.
        let cases = golden.cases["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == "ddim").unwrap();
        let noise = golden.array4("ddim.initial");
        let image = golden.array4("components.image_latents");
        let rows = |image: &Array4<f32>| concatenate![Axis(1), noise, *image];
        let zero = Array4::zeros(image.raw_dim());
        let sample = concatenate![Axis(0), rows(&image), rows(&image), rows(&zero)];
        let [instruction, negative] = ["instruction", "negative_prompt"]
            .map(|key| golden.array3(&format!("components.{key}")));
        let text = concatenate![Axis(0), instruction, negative, negative];
        let timestep = golden.array("ddim.timesteps")[[0]];

        let eps = predict(&mut model, sample.view(), timestep, text.view()).unwrap();
        let [e_text, e_image, e_uncond] = [0, 1, 2].map(|row| eps.slice(s![row..=row, .., .., ..]));
        let scale = |key: &str| case[key].as_f64().unwrap() as f32;
        let guided = &e_uncond
            + (&e_text - &e_image) * scale("guidance_scale")
            + (&e_image - &e_uncond) * scale("image_guidance_scale");
        let expected = golden
            .array4("ddim.predicted")
            .slice(s![0..=0, .., .., ..])
            .to_owned();
        let difference = largest_difference(&guided, &expected);
        assert!(difference < 1e-5, "{name}: {difference}");

        // A row alone gives the same as among three.
        let (sample, text) = (
            sample.slice(s![1..2, .., .., ..]),
            text.slice(s![1..2, .., ..]),
        );
        let alone = predict(&mut model, sample, timestep, text).unwrap();
        assert!(
            largest_difference(&alone, &e_image.to_owned()) < 1e-5,
            "{name}"
        );
    }
}

#[test]
fn latents_decode_to_pixels_of_the_images_size() {
    for name in MODELS {
        let (mut model, golden) = (model(name), Golden::read(name));
        let image = golden.array4("components.image_latents");
        let pixels = model.decode(image.view()).unwrap();
        assert_eq!(pixels.shape(), golden.array4("components.pixels").shape());
        assert!(pixels.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn components_can_be_freed_and_loaded_again() {
    let mut model = model("tiny_eps");
    let first = model.encode_text("make it winter").unwrap();
    for component in Component::ALL {
        model.load(component).unwrap();
        model.load(component).unwrap();
        model.unload(component);
        model.unload(component);
    }
    assert_eq!(model.encode_text("make it winter").unwrap(), first);
}

#[test]
fn a_size_that_the_unet_cannot_take_is_an_error_and_not_a_crash() {
    let mut model = model("tiny_eps");
    let sample = Array4::zeros((1, 8, 7, 7));
    let text = Array3::zeros((1, 77, 32));
    let error = predict(&mut model, sample.view(), 1.0, text.view()).unwrap_err();
    assert!(error.to_string().starts_with("unet failed: "), "{error}");
    assert!(!error.is_out_of_memory());
}

#[test]
fn what_a_call_left_in_the_kept_tensors_does_not_show_in_the_next() {
    let mut kept = model("tiny_eps");
    let sample = |rows: usize, seed: usize| {
        Array4::from_shape_fn((rows, 8, 8, 8), |(r, c, y, x)| {
            ((r * 31 + c * 17 + y * 5 + x * 3 + seed) % 13) as f32 / 6.0 - 1.0
        })
    };
    let text = |rows: usize, seed: usize| {
        Array3::from_shape_fn((rows, 77, 32), |(r, t, h)| {
            ((r * 7 + t * 3 + h + seed) % 11) as f32 / 5.0 - 1.0
        })
    };
    // Rows, then what changes: the sample, the text, the timestep, the shape, and nothing.
    let calls = [
        (1, 0, 0, 10.0),
        (1, 1, 0, 10.0),
        (1, 1, 2, 10.0),
        (1, 1, 2, 500.0),
        (3, 1, 2, 500.0),
        (1, 1, 2, 500.0),
        (1, 1, 2, 500.0),
    ];
    for (rows, sample_seed, text_seed, timestep) in calls {
        let (sample, text) = (sample(rows, sample_seed), text(rows, text_seed));
        let mut fresh = model("tiny_eps");
        let [kept, fresh] = [&mut kept, &mut fresh]
            .map(|model| predict(model, sample.view(), timestep, text.view()).unwrap());
        assert_eq!(kept, fresh, "{rows} {sample_seed} {text_seed} {timestep}");
    }
    // A failure in between leaves no trace either.
    let odd = Array4::zeros((1, 8, 7, 7));
    assert!(predict(&mut kept, odd.view(), 1.0, text(1, 0).view()).is_err());
    let mut fresh = model("tiny_eps");
    let [again, fresh] = [&mut kept, &mut fresh]
        .map(|model| predict(model, sample(1, 0).view(), 10.0, text(1, 0).view()).unwrap());
    assert_eq!(again, fresh);
}

/// `tiny_eps`, with 4 pixels per latent pixel, but one component of `tiny_v`, with 8.
fn with_foreign(component: Component) -> OnnxModel {
    let copy = tempfile::tempdir().unwrap();
    common::copy_folder(&common::golden().join("tiny_eps"), copy.path());
    let file = Path::new(component.folder()).join("model.onnx");
    let foreign = common::golden().join("tiny_v").join(&file);
    fs::copy(foreign, copy.path().join(&file)).unwrap();
    let folder = ModelFolder::open(copy.path()).unwrap();
    let runtime = common::runtime();
    let mut model = OnnxModel::new(Arc::new(folder), runtime, ExecutionDevice::Cpu, 1).unwrap();
    model.load(component).unwrap();
    model
}

#[test]
fn what_has_another_shape_than_the_configurations_say_is_an_error_and_not_a_crash() {
    let mut model = with_foreign(Component::VaeEncoder);
    let error = model.encode_image(Array4::zeros((1, 3, 32, 64)).view());
    assert_eq!(
        error.unwrap_err().to_string(),
        "vae_encoder failed: \"latent_sample\" has the shape [1, 4, 4, 8] where the configurations say [1, 4, 8, 16]"
    );
    let mut model = with_foreign(Component::VaeDecoder);
    let error = model.decode(Array4::zeros((1, 4, 4, 8)).view());
    assert_eq!(
        error.unwrap_err().to_string(),
        "vae_decoder failed: \"sample\" has the shape [1, 3, 32, 64] where the configurations say [1, 3, 16, 32]"
    );
}
