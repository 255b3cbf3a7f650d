//! The steps of whole pipelines.

use ip2p_sweep::diffusion::{Generator, NoiseSource, Sampler, SchedulerConfig};
use ip2p_sweep::vocabulary::SchedulerKind;
use ndarray::{Axis, Ix4};
use serde_json::Value;

use super::difference::{TORCH, largest, largest_difference, numbers};
use crate::common::{Tensors, golden, golden_json};

/// The steps of a whole pipeline, given the model's predictions.
fn check_run(model: &str) {
    let tensors = Tensors::read(format!("runs/{model}.safetensors"));
    let config = golden().join(model).join("scheduler/scheduler_config.json");
    let config = SchedulerConfig::parse(&std::fs::read_to_string(config).unwrap()).unwrap();
    assert!(config.kind().is_ok());
    for case in golden_json(format!("runs/{model}.json"))["cases"]
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
        let predicted = tensors.get(&format!("{name}.predicted")).unwrap();
        let [evaluated, channels, height, width] = predicted.shape()[..] else {
            panic!("{name}: {:?}", predicted.shape())
        };
        let mut latents = noise.randn((1, channels, height, width)) * sampler.init_noise_sigma();
        let expected = numbers(&tensors, &format!("{name}.latents"));
        let evaluations = sampler.evaluations().to_vec();
        assert_eq!(evaluations.len(), evaluated, "{name}");
        let count = latents.len();
        let predictions = predicted.axis_chunks_iter(Axis(0), 1);
        let each = predictions.zip(expected.chunks(count));
        for (evaluation, (prediction, expected)) in evaluations.into_iter().zip(each) {
            let prediction = prediction.into_dimensionality::<Ix4>().unwrap();
            latents = sampler.step(evaluation, prediction, latents, &mut noise);
            let difference = largest_difference(&latents, expected) / largest(expected);
            assert!(difference <= TORCH.latents, "{model} {name}: {difference}");
        }
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
