//! The counter-based generator Philox4x32-10 (Salmon et al., 2011) as `torch.randn` uses it on CUDA.
//!
//! From torch's aten/src/ATen/native/cuda/DistributionTemplates.h and cuRAND's curand_philox4x32_x.h and
//! curand_normal.h: element i is the first of the four normal numbers of subsequence i, and each draw advances the
//! generator's offset by four. This holds as long as a GPU runs one thread for each element: up to 40,960 elements on a
//! T4 (40 processors x 1,024 threads) and 221,184 on an A100; an edit of 512 x 512 pixels draws 16,384. In larger draws
//! a GPU's thread computes several elements, in an order that depends on the GPU; here each element keeps its own
//! subsequence. The random words are exact; a GPU's logarithm and sine can differ from ours in the last bits.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// torch's CUDA generator: a seed, and the position in its subsequences.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Philox {
    key: [u32; 2],
    /// Draws so far: torch's offset divided by four.
    draws: u64,
}

impl Philox {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            draws: 0,
        }
    }

    pub(super) fn fill(&mut self, numbers: &mut [f32]) {
        if numbers.is_empty() {
            return;
        }
        let [low, high] = [self.draws as u32, (self.draws >> 32) as u32];
        for (i, number) in (0_u64..).zip(numbers) {
            let counter = [low, high, i as u32, (i >> 32) as u32];
            let words = philox4x32(counter, self.key);
            *number = box_muller(words[0], words[1]);
        }
        self.draws += 1;
    }
}

fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let products = [
            u64::from(MULTIPLIERS[0]) * u64::from(counter[0]),
            u64::from(MULTIPLIERS[1]) * u64::from(counter[2]),
        ];
        counter = [
            (products[1] >> 32) as u32 ^ counter[1] ^ key[0],
            products[1] as u32,
            (products[0] >> 32) as u32 ^ counter[3] ^ key[1],
            products[0] as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// The first (the sine) of the two normal numbers of cuRAND's `_curand_box_muller`.
fn box_muller(x: u32, y: u32) -> f32 {
    const TO_UNIT: f32 = 2.328_306_4e-10;
    const TO_ANGLE: f32 = TO_UNIT * std::f32::consts::TAU;
    let u = (x as f32).mul_add(TO_UNIT, TO_UNIT / 2.0);
    let v = (y as f32).mul_add(TO_ANGLE, TO_ANGLE / 2.0);
    (-2.0 * u.ln()).sqrt() * v.sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_known_answers() {
        // kat_vectors of the Random123 distribution.
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD],
            ),
            (
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
                [0xA409_3822, 0x299F_31D0],
                [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }
}
