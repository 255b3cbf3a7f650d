//! Noise, number by number.

use ip2p_sweep::diffusion::{Generator, NoiseSource};

use super::difference::{largest_difference, numbers};
use crate::common::{Tensors, golden_json};

fn for_each_draw(source: NoiseSource, file: &str, check: impl Fn(&str, &[f32], &[f32])) {
    let tensors = Tensors::read(file);
    let index = golden_json("noise/index.json");
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
