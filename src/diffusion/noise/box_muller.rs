//! Turns sixteen uniform numbers into sixteen normal ones, with the rounding of torch's AVX2 code.
//!
//! A port of `NormalFill16<float>` (aten/src/ATen/native/cpu/DistributionTemplates.h) and of the Cephes polynomials
//! that it uses (aten/src/ATen/native/cpu/avx_mathfun.h). Where the compiler of torch's x86-64 wheels fuses a product
//! and a sum, `mul_add` fuses them here; without that, four numbers in ten would differ in their last bits.

use std::f32::consts::{FRAC_1_SQRT_2, TAU};

/// Transforms each block of sixteen uniform numbers in [0, 1) into normal ones.
pub(super) fn fill_blocks(blocks: &mut [[f32; 16]]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        #[expect(unsafe_code)]
        // SAFETY: the processor has both features.
        unsafe {
            fill_blocks_fused(blocks);
        }
        return;
    }
    blocks.iter_mut().for_each(fill_16);
}

/// The same with the processor's own fused multiply-add, and bit-identical, because a fused operation rounds once
/// wherever it is computed. Without this feature each `mul_add` is a call into the C library, about twenty of them for
/// each number.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn fill_blocks_fused(blocks: &mut [[f32; 16]]) {
    for block in blocks {
        fill_16(block);
    }
}

/// Transforms eight pairs (j, j + 8) of uniform numbers in [0, 1) by the Box-Muller method.
#[inline(always)]
fn fill_16(numbers: &mut [f32; 16]) {
    for j in 0..8 {
        let radius = (-2.0 * ln(1.0 - numbers[j])).sqrt();
        let (sin, cos) = sin_cos(TAU * numbers[j + 8]);
        // Adding the mean 0 makes -0 positive.
        numbers[j] = radius * cos + 0.0;
        numbers[j + 8] = radius * sin + 0.0;
    }
}

/// `log256_ps` of a number in (0, 1].
#[inline(always)]
fn ln(x: f32) -> f32 {
    const P: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const Q1: f32 = -2.121_944_4e-4;
    const Q2: f32 = 0.693_359_4;

    let bits = x.to_bits();
    let mut e = ((bits >> 23) as i32 - 126) as f32;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f00_0000);
    let mut x = mantissa - 1.0;
    if mantissa < FRAC_1_SQRT_2 {
        e -= 1.0;
        x += mantissa;
    }
    let z = x * x;
    let polynomial = P[1..].iter().fold(P[0], |y, &p| y.mul_add(x, p));
    let y = (polynomial * x).mul_add(z, e * Q1) - z * 0.5;
    e.mul_add(Q2, x + y)
}

/// `sincos256_ps` of an angle in [0, 2 pi).
#[inline(always)]
fn sin_cos(angle: f32) -> (f32, f32) {
    const FOUR_OVER_PI: f32 = 1.273_239_5;
    const DP: [f32; 3] = [-0.785_156_25, -2.418_756_5e-4, -3.774_895e-8];
    const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];

    let octant = ((angle * FOUR_OVER_PI) as i32 + 1) & !1;
    let x = DP
        .iter()
        .fold(angle, |x, &part| (octant as f32).mul_add(part, x));
    let z = x * x;
    let even = (COS[0].mul_add(z, COS[1]).mul_add(z, COS[2]) * z).mul_add(z, -(z * 0.5)) + 1.0;
    let odd = (SIN[0].mul_add(z, SIN[1]).mul_add(z, SIN[2]) * z).mul_add(x, x);
    let (sin, cos) = if octant & 2 == 0 {
        (odd, even)
    } else {
        (even, odd)
    };
    let negated = |value: f32, negative: bool| if negative { -value } else { value };
    (
        negated(sin, octant & 4 != 0),
        negated(cos, (octant - 2) & 4 == 0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fused_instructions_give_the_bits_of_the_c_library() {
        // All 24-bit uniforms in steps of a prime, in either half of a block.
        let uniform = |k: u32| (k.wrapping_mul(4099) & 0x00ff_ffff) as f32 / (1 << 24) as f32;
        let block = |number: u32| std::array::from_fn(|j| uniform(16 * number + j as u32));
        let mut blocks: Vec<[f32; 16]> = (0..4096).map(block).collect();
        let mut expected = blocks.clone();
        expected.iter_mut().for_each(fill_16);
        fill_blocks(&mut blocks);
        let bits = |blocks: &[[f32; 16]]| -> Vec<u32> {
            blocks
                .iter()
                .flatten()
                .map(|number| number.to_bits())
                .collect()
        };
        assert_eq!(bits(&blocks), bits(&expected));
    }

    #[test]
    fn the_functions_are_those_of_the_library_but_for_rounding() {
        for k in 1..1000 {
            let x = k as f32 / 1000.0;
            assert!((ln(x) - x.ln()).abs() < 1e-6, "ln {x}");
            let (sin, cos) = sin_cos(TAU * x);
            let (true_sin, true_cos) = (f64::from(TAU * x)).sin_cos();
            assert!((f64::from(sin) - true_sin).abs() < 1e-6, "sin {x}");
            assert!((f64::from(cos) - true_cos).abs() < 1e-6, "cos {x}");
        }
        assert_eq!(ln(1.0), 0.0);
    }
}
