//! Schedules and samples of every scheduler, with a model that is one line of arithmetic.

use std::collections::BTreeMap;

use ip2p_sweep::diffusion::{Generator, NoiseSource, Sampler, SchedulerConfig};
use ip2p_sweep::vocabulary::SchedulerKind;
use ndarray::{Array4, ArrayView4};
use serde_json::Value;

use super::difference::{
    IEEE, TORCH, TORCH_ZERO_SNR, Tolerance, largest, largest_difference, numbers,
};
use crate::common::{Tensors, golden_json};

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

    fn check_schedule(&self, tensors: &Tensors, sampler: &Sampler, tolerance: Tolerance) {
        let timesteps: Vec<f32> = sampler.evaluations().iter().map(|e| e.timestep).collect();
        let expected = numbers(tensors, &format!("{}.timesteps", self.name));
        assert_eq!(timesteps.len(), expected.len(), "{}", self.name);
        for (ours, theirs) in timesteps.into_iter().zip(expected) {
            // Fractional timesteps of Karras sigmas go through numpy's float32 logarithm, which rounds differently.
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
        let Some(expected) = tensors.get(&format!("{}.sigmas", self.name)) else {
            assert!(sampler.evaluations().iter().all(|e| e.sigma.is_none()));
            return;
        };
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
        tensors: &Tensors,
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

/// Checks every case in a folder; prints the largest difference for each scheduler.
fn check_samplers(folder: &str, tolerance_of: impl Fn(&Value) -> Tolerance) {
    let tensors = Tensors::read(format!("{folder}/samplers.safetensors"));
    let index = golden_json(format!("{folder}/index.json"));
    let seed = index["seed"].as_u64().unwrap();
    let mut worst = BTreeMap::new();
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

#[test]
fn samples_with_less_common_options_are_those_of_diffusers() {
    check_samplers("options", |_| IEEE);
}
