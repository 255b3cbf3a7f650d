//! Gaussian noise: the same numbers as `torch.randn` gives for the same seed.

mod box_muller;
mod mt19937;
mod philox;
mod tape;

use ndarray::{ArcArray, Array4, Ix4};
use serde::{Deserialize, Serialize};

use self::box_muller::fill_blocks;
use self::mt19937::Mt19937;
use self::philox::Philox;
use self::tape::Tape;

/// `numerics.noise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseSource {
    /// `torch.Generator("cpu")`: MT19937 and Box-Muller, the default.
    #[default]
    TorchCpu,
    /// `torch.Generator("cuda")`: Philox.
    TorchCuda,
}

/// A seeded stream of standard normal numbers, like one `torch.Generator`.
///
/// Each cell owns one: the initial latents are drawn first, the noise of the steps follows from the same stream. Clones
/// share a memory of their last draws, so that cells with the same seed that run side by side compute each draw once.
#[derive(Debug, Clone)]
pub struct Generator {
    source: Source,
    tape: Tape,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    TorchCpu(Box<TorchCpu>),
    TorchCuda(Philox),
}

impl Generator {
    /// The generator that `torch.Generator(device).manual_seed(seed)` gives.
    ///
    /// On the CPU only the low 32 bits of the seed count, as in torch; CUDA uses all 64.
    pub fn new(source: NoiseSource, seed: u64) -> Self {
        let source = match source {
            NoiseSource::TorchCpu => Source::TorchCpu(Box::new(TorchCpu::new(seed))),
            NoiseSource::TorchCuda => Source::TorchCuda(Philox::new(seed)),
        };
        Self {
            source,
            tape: Tape::default(),
        }
    }

    /// Draws the next `torch.randn(shape)` of this generator.
    pub fn randn(&mut self, shape: (usize, usize, usize, usize)) -> Array4<f32> {
        self.shared_randn(shape).into_owned()
    }

    /// The same, in memory that clones in the same state share.
    pub fn shared_randn(&mut self, shape: (usize, usize, usize, usize)) -> ArcArray<f32, Ix4> {
        self.tape.draw(&mut self.source, shape)
    }

    /// Draws the next `torch.randn(numbers.len())`.
    pub fn fill(&mut self, numbers: &mut [f32]) {
        self.source.fill(numbers);
    }
}

impl Source {
    fn fill(&mut self, numbers: &mut [f32]) {
        match self {
            Self::TorchCpu(generator) => generator.fill(numbers),
            Self::TorchCuda(generator) => generator.fill(numbers),
        }
    }
}

/// torch's CPU generator: `at::CPUGeneratorImpl` with `normal_kernel` of
/// aten/src/ATen/native/cpu/DistributionTemplates.h.
#[derive(Debug, Clone, PartialEq)]
struct TorchCpu {
    engine: Mt19937,
    /// The second number of a pair, kept for the next small draw; large draws neither use nor change it.
    next_normal: Option<f64>,
}

impl TorchCpu {
    fn new(seed: u64) -> Self {
        Self {
            engine: Mt19937::new(seed as u32),
            next_normal: None,
        }
    }

    fn fill(&mut self, numbers: &mut [f32]) {
        if numbers.len() < 16 {
            numbers.fill_with(|| self.small() as f32);
        } else {
            self.large(numbers);
        }
    }

    /// `normal_fill`: draws a uniform number for each and transforms them in blocks of sixteen; if a remainder is left,
    /// the last sixteen are drawn again.
    fn large(&mut self, numbers: &mut [f32]) {
        numbers.fill_with(|| self.uniform());
        fill_blocks(numbers.as_chunks_mut().0);
        if !numbers.len().is_multiple_of(16)
            && let Some(last) = numbers.last_chunk_mut()
        {
            last.fill_with(|| self.uniform());
            fill_blocks(std::slice::from_mut(last));
        }
    }

    /// `at::normal_distribution<double>`.
    fn small(&mut self) -> f64 {
        if let Some(normal) = self.next_normal.take() {
            return normal;
        }
        let (u1, u2) = (self.uniform_double(), self.uniform_double());
        let r = (-2.0 * (-u2).ln_1p()).sqrt();
        let theta = 2.0 * std::f64::consts::PI * u1;
        self.next_normal = Some(r * theta.sin());
        r * theta.cos()
    }

    /// A number in [0, 1) from 24 random bits.
    fn uniform(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00FF_FFFF) as f32 / (1 << 24) as f32
    }

    /// A number in [0, 1) from 53 random bits; the first word holds the high bits.
    fn uniform_double(&mut self) -> f64 {
        let high = u64::from(self.engine.next_u32());
        let bits = high << 32 | u64::from(self.engine.next_u32());
        (bits & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_42_begins_as_in_torch() {
        let noise = Generator::new(NoiseSource::TorchCpu, 42).randn((1, 4, 8, 8));
        let first: Vec<f32> = noise.iter().copied().take(4).collect();
        assert_eq!(first, [1.926_915_3, 1.487_284_1, 0.900_717_2, -2.105_521]);
    }

    #[test]
    fn the_cpu_takes_the_low_half_of_the_seed_and_cuda_all_of_it() {
        let draw = |source, seed| Generator::new(source, seed).randn((1, 1, 4, 4));
        let (seed, low) = ((1 << 32) + 7, 7);
        let (cpu, cuda) = (NoiseSource::TorchCpu, NoiseSource::TorchCuda);
        assert_eq!(draw(cpu, seed), draw(cpu, low));
        assert_ne!(draw(cuda, seed), draw(cuda, low));
    }

    #[test]
    fn cuda_seed_0_begins_as_published() {
        // The docstring of stable-diffusion-webui's rng_philox, measured there on a GPU.
        let expected = [
            -0.924_662_6,
            -0.425_344_15,
            -2.643_845_7,
            0.145_183_88,
            -0.120_866_47,
            -0.579_725_6,
        ];
        let mut numbers = [0.0; 12];
        Generator::new(NoiseSource::TorchCuda, 0).fill(&mut numbers);
        for (ours, theirs) in numbers.into_iter().zip(expected) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} for {theirs}");
        }
    }

    #[test]
    fn clones_draw_what_each_would_draw_alone_whatever_their_order() {
        for source in [NoiseSource::TorchCpu, NoiseSource::TorchCuda] {
            let shapes = [
                (1, 4, 8, 8),
                (1, 1, 3, 5),
                (2, 4, 8, 8),
                (1, 4, 8, 8),
                (1, 4, 9, 8),
            ];
            let mut alone = Generator::new(source, 5);
            let expected: Vec<_> = shapes.iter().map(|&shape| alone.randn(shape)).collect();
            let first = Generator::new(source, 5);
            let mut clones = [first.clone(), first.clone(), first];
            // One after the other, then step by step, the last one first.
            for (shape, expected) in shapes.iter().zip(&expected) {
                assert_eq!(clones[0].randn(*shape), expected);
            }
            for (shape, expected) in shapes.iter().zip(&expected) {
                assert_eq!(clones[2].randn(*shape), expected);
                assert_eq!(clones[1].randn(*shape), expected);
            }
            // Clones whose draws diverge go on independently.
            let mut parted = clones[0].clone();
            assert_eq!(parted.randn((1, 4, 8, 8)), clones[0].randn((1, 4, 8, 8)));
            assert_ne!(parted.randn((1, 4, 4, 4)), clones[1].randn((1, 4, 4, 4)));
        }
    }

    #[test]
    fn clones_side_by_side_share_each_draw() {
        let mut clones = [(); 3].map(|()| Generator::new(NoiseSource::TorchCpu, 5));
        let [first, rest @ ..] = &mut clones;
        rest.fill(first.clone());
        let draw = |generator: &mut Generator| generator.shared_randn((1, 4, 64, 64));
        for _ in 0..3 {
            let numbers = draw(first);
            for clone in &mut *rest {
                assert_eq!(draw(clone).as_ptr(), numbers.as_ptr());
            }
        }
    }

    #[test]
    fn nothing_drawn_is_nothing() {
        assert_eq!(
            Generator::new(NoiseSource::TorchCpu, 0)
                .randn((0, 4, 2, 2))
                .len(),
            0
        );
    }
}
