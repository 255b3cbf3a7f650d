//! Noise, schedules and samples against those of torch and diffusers (tests/golden/README.md).

// Helpers of tests fail as tests do, and say the differences that they measure.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;

use ip2p_sweep::diffusion::{Generator, Sampler, SchedulerConfig, SchedulerKind};
use ip2p_sweep::spec::NoiseSource;
use ndarray::{Array4, ArrayView4, Ix4};
use safetensors::SafeTensors;
use serde_json::Value;

/// How far numbers may be from diffusers', relative to the largest latent and to the sigma.
#[derive(Clone, Copy)]
struct Tolerance {
    latents: f32,
    sigmas: f32,
}

/// diffusers with an exactly rounded square root. The logarithms and exponentials of torch and of Rust's
/// library differ in their last bit, which the multistep solvers show; sigmas are equal.
const IEEE: Tolerance = Tolerance {
    latents: 1e-6,
    sigmas: 0.0,
};

/// diffusers as it is: torch's square root was up to 0.75 units in the last place off where the goldens were made.
const TORCH: Tolerance = Tolerance {
    latents: 1e-5,
    sigmas: f32::EPSILON,
};

/// The same where small differences of roots are taken: in zero-SNR rescaling, in the step from a sigma of 4096
/// to 2, and in its ancestral sigma_down; an error of 1e-7 in alpha = 0.95 is one of 2e-6 in 1 - alpha. That nothing else differs is shown by the same cases in `options/`, held to [`IEEE`].
const TORCH_ZERO_SNR: Tolerance = Tolerance {
    latents: 2e-4,
    sigmas: 4e-6,
};

fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(path)
}

fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(golden(path)).unwrap()).unwrap()
}

/// A float32 tensor, flat.
fn numbers(tensors: &SafeTensors, name: &str) -> Vec<f32> {
    let bytes = tensors.tensor(name).unwrap().data();
    let words = bytes.chunks_exact(4);
    words
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

fn largest_difference<'a>(
    ours: impl IntoIterator<Item = &'a f32>,
    theirs: impl IntoIterator<Item = &'a f32>,
) -> f32 {
    let differences = ours.into_iter().zip(theirs).map(|(a, b)| {
        if a.to_bits() == b.to_bits() {
            0.0
        } else {
            (a - b).abs()
        }
    });
    // Not `f32::max`, which would hide a NaN.
    differences.fold(0.0, |max, d| if d <= max { max } else { d })
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |max, value| max.max(value.abs()))
}

fn for_each_draw(source: NoiseSource, file: &str, check: impl Fn(&str, &[f32], &[f32])) {
    let bytes = std::fs::read(golden(file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let index = json("noise/index.json");
    for (number, sequence) in index["sequences"].as_array().unwrap().iter().enumerate() {
        let seed = sequence["seed"].as_str().unwrap().parse().unwrap();
        let mut generator = Generator::new(source, seed);
        for draw in 0..sequence["shapes"].as_array().unwrap().len() {
            let name = format!("{number}.{draw}");
            let theirs = numbers(&tensors, &name);
            let mut ours = vec![0.0; theirs.len()];
            generator.fill(&mut ours);
            check(&format!("{name} of seed {seed}"), &ours, &theirs);
        }
    }
}

#[test]
fn cpu_noise_is_torchs_bit_for_bit() {
    for_each_draw(
        NoiseSource::TorchCpu,
        "noise/torch_cpu.safetensors",
        |name, ours, theirs| {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let different = bits(ours)
                .iter()
                .zip(bits(theirs))
                .filter(|(a, b)| **a != *b)
                .count();
            assert_eq!(different, 0, "of {} numbers of {name}", ours.len());
        },
    );
}

#[test]
fn cuda_noise_is_that_of_its_published_sources() {
    for_each_draw(
        NoiseSource::TorchCuda,
        "noise/torch_cuda.safetensors",
        |name, ours, theirs| {
            let difference = largest_difference(ours, theirs);
            assert!(difference <= 1e-5, "{name}: {difference}");
        },
    );
}

/// The model of `make_samplers.py`.
fn predict(input: ArrayView4<f32>, timestep: f32) -> Array4<f32> {
    let of_time = 0.2 * timestep / 1000.0;
    input.mapv(|x| 0.9 * x / (1.0 + x.abs()) + of_time)
}

struct Case<'a> {
    name: &'a str,
    kind: SchedulerKind,
    steps: u32,
    config: SchedulerConfig,
}

impl<'a> Case<'a> {
    fn new(index: &'a Value, case: &'a Value) -> Self {
        let config = &index["configs"][case["config"].as_str().unwrap()];
        Self {
            name: case["name"].as_str().unwrap(),
            kind: SchedulerKind::from_name(case["scheduler"].as_str().unwrap()).unwrap(),
            steps: case["steps"].as_u64().unwrap() as u32,
            config: SchedulerConfig::parse(&config.to_string()).unwrap(),
        }
    }

    fn sampler(&self) -> Sampler {
        Sampler::new(self.kind, &self.config, self.steps).unwrap()
    }

    fn check_schedule(&self, tensors: &SafeTensors, sampler: &Sampler, tolerance: Tolerance) {
        let timesteps: Vec<f32> = sampler.evaluations().iter().map(|e| e.timestep).collect();
        let expected = numbers(tensors, &format!("{}.timesteps", self.name));
        assert_eq!(timesteps.len(), expected.len(), "{}", self.name);
        for (ours, theirs) in timesteps.into_iter().zip(expected) {
            // Fractions made by Karras' sigmas go through numpy's float32 logarithm, which rounds its own way.
            let tolerance = if theirs.fract() == 0.0 {
                0.0
            } else {
                1e-6 * theirs
            };
            assert!(
                (ours - theirs).abs() <= tolerance,
                "{}: timestep {ours} for {theirs}",
                self.name
            );
        }
        if !tensors
            .names()
            .contains(&format!("{}.sigmas", self.name).as_str())
        {
            assert!(sampler.evaluations().iter().all(|e| e.sigma.is_none()));
            return;
        }
        let expected = numbers(tensors, &format!("{}.sigmas", self.name));
        for (evaluation, theirs) in sampler.evaluations().iter().zip(expected) {
            let ours = evaluation.sigma.unwrap() as f32;
            let difference = (ours - theirs).abs() / theirs.max(f32::MIN_POSITIVE);
            assert!(
                difference <= tolerance.sigmas,
                "{}: sigma {ours} for {theirs}",
                self.name
            );
        }
    }

    fn check_latents(
        &self,
        tensors: &SafeTensors,
        mut sampler: Sampler,
        seed: u64,
        tolerance: Tolerance,
    ) -> f32 {
        let mut noise = Generator::new(NoiseSource::TorchCpu, seed);
        let mut latents = noise.randn((1, 4, 2, 3)) * sampler.init_noise_sigma();
        let initial = numbers(tensors, &format!("{}.initial", self.name));
        let difference = largest_difference(&latents, &initial) / largest(&initial);
        assert!(
            difference <= tolerance.sigmas,
            "{}: initial {difference}",
            self.name
        );
        let expected = numbers(tensors, &format!("{}.latents", self.name));
        let evaluations = sampler.evaluations().to_vec();
        assert_eq!(evaluations.len() * latents.len(), expected.len());
        let mut worst = 0.0;
        for (evaluation, expected) in evaluations.into_iter().zip(expected.chunks(24)) {
            let input = sampler.scale_model_input(evaluation, latents.view());
            let prediction = predict(input.view(), evaluation.timestep);
            latents = sampler.step(evaluation, prediction.view(), latents, &mut noise);
            let difference = largest_difference(&latents, expected) / largest(expected);
            assert!(
                difference <= tolerance.latents,
                "{}: {difference} after evaluation {}",
                self.name,
                evaluation.index
            );
            worst = f32::max(worst, difference);
        }
        worst
    }
}

/// Every case of a folder; says the largest difference of each scheduler.
fn check_samplers(folder: &str, tolerance_of: impl Fn(&Value) -> Tolerance) {
    let bytes = std::fs::read(golden(&format!("{folder}/samplers.safetensors"))).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let index = json(&format!("{folder}/index.json"));
    let seed = index["seed"].as_u64().unwrap();
    let mut worst = std::collections::BTreeMap::new();
    for case in index["cases"].as_array().unwrap() {
        let golden = Case::new(&index, case);
        if case["finite"] != true {
            let ours = Sampler::new(golden.kind, &golden.config, golden.steps);
            assert!(
                ours.is_err(),
                "{} fails in diffusers, or gives NaN",
                golden.name
            );
            continue;
        }
        let tolerance = tolerance_of(case);
        let sampler = golden.sampler();
        let init_noise_sigma = case["init_noise_sigma"].as_f64().unwrap() as f32;
        let difference = (sampler.init_noise_sigma() - init_noise_sigma).abs() / init_noise_sigma;
        assert!(difference <= tolerance.sigmas, "{}", golden.name);
        golden.check_schedule(&tensors, &sampler, tolerance);
        let difference = golden.check_latents(&tensors, sampler, seed, tolerance);
        let entry = worst.entry(golden.kind).or_insert(0.0_f32);
        *entry = entry.max(difference);
    }
    for (kind, difference) in worst {
        println!("{kind}: {difference:e}");
    }
}

#[test]
fn samples_are_those_of_diffusers() {
    check_samplers("samplers", |case| {
        if case["config"] == "zero_snr" {
            TORCH_ZERO_SNR
        } else {
            TORCH
        }
    });
}

/// The steps of a whole pipeline: the model's predictions are given, the rest is ours.
fn check_run(model: &str) {
    let bytes = std::fs::read(golden(&format!("runs/{model}.safetensors"))).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let config = golden(&format!("{model}/scheduler/scheduler_config.json"));
    let config = SchedulerConfig::parse(&std::fs::read_to_string(config).unwrap()).unwrap();
    assert!(config.kind().is_ok());
    for case in json(&format!("runs/{model}.json"))["cases"]
        .as_array()
        .unwrap()
    {
        let name = case["name"].as_str().unwrap();
        let kind = SchedulerKind::from_name(case["scheduler"].as_str().unwrap()).unwrap();
        let steps = case["num_inference_steps"].as_u64().unwrap() as u32;
        let seed = match &case["seed"] {
            Value::String(seed) => seed.parse().unwrap(),
            seed => seed.as_u64().unwrap(),
        };
        let mut sampler = Sampler::new(kind, &config, steps).unwrap();
        let mut noise = Generator::new(NoiseSource::TorchCpu, seed);
        let shape = tensors
            .tensor(&format!("{name}.predicted"))
            .unwrap()
            .shape()
            .to_vec();
        let [_, channels, height, width] = shape[..] else {
            panic!("{name}: {shape:?}")
        };
        let mut latents = noise.randn((1, channels, height, width)) * sampler.init_noise_sigma();
        let predicted = numbers(&tensors, &format!("{name}.predicted"));
        let expected = numbers(&tensors, &format!("{name}.latents"));
        let evaluations = sampler.evaluations().to_vec();
        assert_eq!(evaluations.len(), shape[0], "{name}");
        let count = latents.len();
        let each = predicted.chunks(count).zip(expected.chunks(count));
        for (evaluation, (prediction, expected)) in evaluations.into_iter().zip(each) {
            let prediction = ArrayView4::from_shape(latents.dim(), prediction).unwrap();
            latents = sampler.step(
                evaluation,
                prediction.into_dimensionality::<Ix4>().unwrap(),
                latents,
                &mut noise,
            );
            let difference = largest_difference(&latents, expected) / largest(expected);
            assert!(difference <= TORCH.latents, "{model} {name}: {difference}");
        }
    }
}

#[test]
fn options_that_are_not_supported_are_errors_that_name_the_key() {
    let cases = [
        ("ddim", r#"{"thresholding": true}"#, "`thresholding` = true"),
        (
            "euler",
            r#"{"use_exponential_sigmas": true}"#,
            "`use_exponential_sigmas` = true",
        ),
        (
            "dpmpp_2m",
            r#"{"use_lu_lambdas": true}"#,
            "`use_lu_lambdas` = true",
        ),
        (
            "unipc",
            r#"{"use_flow_sigmas": true}"#,
            "`use_flow_sigmas` = true",
        ),
        ("unipc", r#"{"predict_x0": false}"#, "`predict_x0` = false"),
        (
            "pndm",
            r#"{"prediction_type": "sample"}"#,
            "`prediction_type` = \"sample\"",
        ),
        (
            "euler_ancestral",
            r#"{"prediction_type": "sample"}"#,
            "`prediction_type` = \"sample\"",
        ),
        (
            "lms",
            r#"{"prediction_type": "flow"}"#,
            "`prediction_type` must be",
        ),
        (
            "heun",
            r#"{"beta_schedule": "exp"}"#,
            "`beta_schedule` = \"exp\"",
        ),
        (
            "ddpm",
            r#"{"variance_type": "learned"}"#,
            "`variance_type` = \"learned\"",
        ),
        (
            "lcm",
            r#"{"timestep_spacing": "even"}"#,
            "`timestep_spacing` must be",
        ),
        (
            "ddim",
            r#"{"num_train_timesteps": 1e18}"#,
            "`num_train_timesteps` must be",
        ),
        (
            "ddim",
            r#"{"trained_betas": []}"#,
            "`trained_betas` must be",
        ),
        (
            "ddim",
            r#"{"steps_offset": 9223372036854775807}"#,
            "`steps_offset` must be",
        ),
        (
            "euler",
            r#"{"final_sigmas_type": 0}"#,
            "`final_sigmas_type` must be a text",
        ),
    ];
    for (kind, config, expected) in cases {
        let kind = SchedulerKind::from_name(kind).unwrap();
        let config = SchedulerConfig::parse(config).unwrap();
        let Err(error) = Sampler::new(kind, &config, 5) else {
            panic!("{kind} takes {expected}")
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn no_configuration_or_number_of_steps_panics() {
    let configs = [
        "{}",
        r#"{"num_train_timesteps": 1}"#,
        r#"{"num_train_timesteps": 2, "timestep_spacing": "trailing"}"#,
        r#"{"trained_betas": [0.5]}"#,
        r#"{"trained_betas": [0.5, 2.0, -1.0], "skip_prk_steps": true}"#,
        r#"{"steps_offset": -5000, "timestep_spacing": "leading", "use_karras_sigmas": true}"#,
        r#"{"beta_start": -1.0, "beta_end": 5.0, "beta_schedule": "scaled_linear", "clip_sample": true}"#,
        r#"{"lambda_min_clipped": 100.0, "timestep_spacing": "trailing"}"#,
        r#"{"use_karras_sigmas": true, "sigma_min": -1.0, "sigma_max": 0.0}"#,
        r#"{"solver_order": 9, "original_inference_steps": 1, "disable_corrector": [-1]}"#,
    ];
    for config in configs {
        let config = SchedulerConfig::parse(config).unwrap();
        for kind in SchedulerKind::ALL {
            for steps in [0, 1, 2, 3, 4, 7, 61, 1000, 1001] {
                let Ok(mut sampler) = Sampler::new(kind, &config, steps) else {
                    continue;
                };
                let mut noise = Generator::new(NoiseSource::TorchCpu, 0);
                let mut latents = noise.randn((1, 1, 1, 1));
                for evaluation in sampler.evaluations().to_vec() {
                    let input = sampler.scale_model_input(evaluation, latents.view());
                    latents = sampler.step(evaluation, input.view(), latents, &mut noise);
                }
            }
        }
        assert!(Sampler::new(SchedulerKind::Euler, &config, u32::MAX).is_err());
    }
}

#[test]
fn steps_of_the_epsilon_pipeline_are_those_of_diffusers() {
    check_run("tiny_eps");
}

#[test]
fn steps_of_the_v_prediction_pipeline_are_those_of_diffusers() {
    check_run("tiny_v");
}

#[test]
fn samples_with_less_common_options_are_those_of_diffusers() {
    check_samplers("options", |_| IEEE);
}
