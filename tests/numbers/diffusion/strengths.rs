//! Whole runs of text-to-image, image-to-image and inpainting, compared with diffusers' own pipelines on models that
//! are a line of arithmetic.

use std::collections::BTreeMap;

use ip2p_sweep::diffusion::start::{Kept, Moments, inpainting, noised_image, pure_noise};
use ip2p_sweep::diffusion::{
    Constructor, Generator, NoiseSource, Sampler, SchedulerConfig, steps_of_strength,
};
use ip2p_sweep::vocabulary::SchedulerKind;
use ndarray::{Array4, Axis, Ix4, concatenate};
use serde_json::Value;

use super::difference::{IEEE, largest, largest_difference, numbers};
use crate::common::{Tensors, golden_json};

/// The arrays that all cases share.
struct Given {
    tensors: Tensors,
    image: Moments,
    masked_image: Moments,
    mask: Array4<f32>,
    scaling_factor: f32,
    seed: u64,
}

impl Given {
    fn read(index: &Value) -> Self {
        let tensors = Tensors::read("strengths/strengths.safetensors");
        let array = |name: &str| -> Array4<f32> {
            let array = tensors.get(name).unwrap();
            array.into_dimensionality::<Ix4>().unwrap()
        };
        Self {
            image: Moments::new(array("image").view()),
            masked_image: Moments::new(array("masked_image").view()),
            mask: array("mask"),
            scaling_factor: index["scaling_factor"].as_f64().unwrap() as f32,
            seed: index["seed"].as_u64().unwrap(),
            tensors,
        }
    }
}

/// The channels beside the latents, and what is put back into the latents.
#[derive(Default)]
struct Beside {
    masked_image_latents: Option<Array4<f32>>,
    kept: Option<Kept>,
}

/// The first latents of a kind, and the channels beside them.
fn start(
    kind: &str,
    given: &Given,
    sampler: &Sampler,
    whole: bool,
    noise: &mut Generator,
) -> (Array4<f32>, Beside) {
    let factor = given.scaling_factor;
    match kind {
        "generate" => {
            let shape = given.image.mean().dim();
            (pure_noise(sampler, shape, noise), Beside::default())
        }
        "image_to_image" => {
            let latents = noised_image(sampler, &given.image, factor, noise);
            (latents, Beside::default())
        }
        "inpaint_9" => {
            let image = (!whole).then_some(&given.image);
            let start = inpainting(sampler, image, &given.masked_image, factor, noise);
            let masked_image_latents = Some(start.masked_image_latents);
            let beside = Beside {
                masked_image_latents,
                kept: None,
            };
            (start.latents, beside)
        }
        "inpaint_4" => {
            let mask = given.mask.clone();
            let (latents, kept) = Kept::start(sampler, &given.image, mask, whole, factor, noise);
            let beside = Beside {
                masked_image_latents: None,
                kept: Some(kept),
            };
            (latents, beside)
        }
        other => panic!("{other}"),
    }
}

/// The UNet of `make_strengths.py`.
fn predict(x: &Array4<f32>, timestep: f32, mask: &Array4<f32>, beside: &Beside) -> Array4<f32> {
    let of_time = 0.2 * timestep / 1000.0;
    let predicted = x.mapv(|x| 0.9 * x / (1.0 + x.abs()) + of_time);
    match &beside.masked_image_latents {
        None => predicted,
        Some(masked) => predicted + &(mask * 0.3) - masked * 0.1,
    }
}

/// The largest difference in a case, relative to the largest latent.
fn check(given: &Given, case: &Value, config: &SchedulerConfig) -> f32 {
    let text = |key: &str| case[key].as_str().unwrap();
    let (name, kind) = (text("name"), text("kind"));
    let constructor = match kind {
        "generate" | "image_to_image" => Constructor::TextOrImageToImage,
        _ => Constructor::Inpaint,
    };
    let config = config.rewritten_by(constructor);
    let scheduler = SchedulerKind::from_name(text("scheduler")).unwrap();
    let steps = case["steps"].as_u64().unwrap() as u32;
    let strength = case["strength"].as_f64().unwrap();
    let mut sampler = Sampler::with_strength(scheduler, &config, steps, strength).unwrap();
    let evaluations = sampler.evaluations().to_vec();
    let timesteps: Vec<f32> = evaluations.iter().map(|e| e.timestep).collect();
    assert_eq!(
        timesteps,
        numbers(&given.tensors, &format!("{name}.timesteps")),
        "{name}"
    );
    assert_eq!(evaluations[0].step, 0);
    let expected = given.tensors.get(&format!("{name}.latents")).unwrap();
    let unseen = evaluations.len() - expected.len_of(Axis(0));
    let mut noise = Generator::new(NoiseSource::TorchCpu, given.seed);
    let (mut latents, beside) = start(kind, given, &sampler, strength == 1.0, &mut noise);
    let mut worst = 0.0;
    for evaluation in evaluations {
        let input = sampler.scale_model_input(evaluation, latents.view());
        let prediction = predict(&input, evaluation.timestep, &given.mask, &beside);
        latents = sampler.step(evaluation, prediction.view(), latents, &mut noise);
        if let Some(kept) = &beside.kept {
            latents = kept.put_back(&sampler, evaluation.index, latents);
        }
        if let Some(row) = evaluation.index.checked_sub(unseen) {
            let expected = expected.index_axis(Axis(0), row).to_owned();
            let expected = expected.into_raw_vec_and_offset().0;
            let difference = largest_difference(&latents, &expected) / largest(&expected);
            assert!(
                difference <= IEEE.latents,
                "{name}: {difference} after evaluation {}",
                evaluation.index
            );
            worst = f32::max(worst, difference);
        }
    }
    worst
}

#[test]
fn every_kind_starts_and_steps_as_diffusers_pipelines_do() {
    let index = golden_json("strengths/index.json");
    let given = Given::read(&index);
    let mut worst: BTreeMap<(String, SchedulerKind), f32> = BTreeMap::new();
    let cases = index["cases"].as_array().unwrap();
    assert!(cases.len() > 600);
    for case in cases {
        assert_eq!(case["finite"], true, "{case}");
        let config = &index["configs"][case["config"].as_str().unwrap()];
        let config = SchedulerConfig::parse(&config.to_string()).unwrap();
        let difference = check(&given, case, &config);
        let scheduler = SchedulerKind::from_name(case["scheduler"].as_str().unwrap()).unwrap();
        let kind = case["kind"].as_str().unwrap().to_owned();
        let entry = worst.entry((kind, scheduler)).or_default();
        *entry = entry.max(difference);
    }
    for ((kind, scheduler), difference) in worst {
        println!("{kind} {scheduler}: {difference:e}");
    }
}

#[test]
fn the_steps_of_a_strength_are_counted_in_doubles() {
    let counted = |steps, strength| steps_of_strength(steps, strength);
    assert_eq!(counted(50, 0.58), 28);
    assert_eq!(counted(100, 0.29), 28);
    assert_eq!(counted(100, 0.57), 56);
    assert_eq!(counted(10, 0.58), 5);
    assert_eq!(counted(6, 0.6), 3);
    assert_eq!(counted(20, 1.0), 20);
    assert_eq!((counted(3, 0.3), counted(3, 0.0)), (0, 0));
    let config = SchedulerConfig::parse("{}").unwrap();
    let Err(error) = Sampler::with_strength(SchedulerKind::Euler, &config, 3, 0.3) else {
        panic!("no step is left")
    };
    assert_eq!(
        error.to_string(),
        "strength 0.3 of 3 steps is less than one step"
    );
}

#[test]
fn variances_of_the_encoder_are_clamped() {
    // torch: exp(0.5 * 20) = 22026.465, exp(0.5 * -30) = 3.059e-7.
    let mean = Array4::<f32>::zeros((1, 1, 4, 4));
    let log_variances = Array4::from_elem((1, 1, 4, 4), 90.0);
    let moments = |log_variances: &Array4<f32>| {
        let parameters = concatenate(Axis(1), &[mean.view(), log_variances.view()]).unwrap();
        Moments::new(parameters.view())
    };
    let sample = |log_variances| {
        let mut noise = Generator::new(NoiseSource::TorchCpu, 3);
        moments(log_variances).sample(1.0, &mut noise)
    };
    let noise = Generator::new(NoiseSource::TorchCpu, 3).randn((1, 1, 4, 4));
    assert_eq!(sample(&log_variances), &noise * 22_026.465);
    assert_eq!(sample(&log_variances.mapv(|v| -v)), &noise * 3.059_023_2e-7);
}
