//! The pairs as CSV.

use super::{CompareError, Comparison, Pair};
use crate::store::{csv_number as number, csv_text as text, to_csv};

/// `compare.csv`: the axes, then both cells and what was measured; unknown is empty.
pub(super) fn csv(comparison: &Comparison) -> Result<Vec<u8>, CompareError> {
    const MEASURED: [&str; 18] = [
        "cell_a",
        "cell_b",
        "perceptual_mean",
        "perceptual_p99",
        "ssim",
        "level_mean",
        "level_max",
        "denoise_a_ms",
        "denoise_b_ms",
        "time_ratio",
        "peak_a_mib",
        "peak_b_mib",
        "memory_ratio",
        "clip_image_similarity_a",
        "clip_image_similarity_b",
        "clip_direction_similarity_a",
        "clip_direction_similarity_b",
        "error",
    ];
    let head: Vec<String> = comparison
        .axes
        .iter()
        .map(|axis| axis.key())
        .chain(MEASURED)
        .map(str::to_owned)
        .collect();
    let rows = comparison.pairs.iter().map(row);
    Ok(to_csv(std::iter::once(head).chain(rows))?)
}

fn row(pair: &Pair) -> Vec<String> {
    let difference = pair.difference.as_ref().ok();
    let measured = [
        text(pair.keys[0].as_str()),
        text(pair.keys[1].as_str()),
        number(difference.map(|it| it.perceptual_mean), 4),
        number(difference.map(|it| it.perceptual_p99), 4),
        number(difference.map(|it| it.ssim), 5),
        number(difference.map(|it| it.level_mean), 3),
        number(difference.map(|it| f64::from(it.level_max)), 0),
        number(pair.denoise_ms[0], 1),
        number(pair.denoise_ms[1], 1),
        number(pair.time_ratio(), 3),
        number(pair.peak_mib[0], 1),
        number(pair.peak_mib[1], 1),
        number(pair.memory_ratio(), 3),
        number(pair.clip_image_similarity[0], 5),
        number(pair.clip_image_similarity[1], 5),
        number(pair.clip_direction_similarity[0], 5),
        number(pair.clip_direction_similarity[1], 5),
        text(
            pair.difference
                .as_ref()
                .err()
                .map(String::as_str)
                .unwrap_or_default(),
        ),
    ];
    pair.values
        .iter()
        .map(|value| text(value))
        .chain(measured)
        .collect()
}
